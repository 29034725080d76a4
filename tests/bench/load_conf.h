/*
 * What the command line asks for, the requests made ready for sending, and the
 * moments at which they are due.
 *
 * Thread: made by main before the others start, constant from then on.
 */
#ifndef WEIR_BENCH_LOAD_CONF_H
#define WEIR_BENCH_LOAD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	RATES_MAX = 64,
	PIPELINE_MAX = 1024,
	PATHS_MAX = 1024,
	CONNECTIONS_MAX = 1000 * 1000,
};

struct rate {
	int64_t from;    /* ns since the start */
	double a_second; /* requests */
	double before;   /* how many were due before it began */
};

enum hold_kind { HOLD_IDLE, HOLD_SLOW_HEAD, HOLD_SLOW_BODY, HOLD_SLOW_READ, HOLD_KINDS };

struct conf {
	/* where */
	struct sockaddr_storage target;
	socklen_t target_len;
	char target_text[128];
	unsigned addresses; /* 127.0.0.1 ... to connect from; 0: as it comes */
	/* what */
	const char *method;
	char **paths;
	size_t path_count;
	size_t body_size;
	bool has_body;
	int expected_status; /* 0: any */
	const char *expected_body;
	bool takes_any_body;
	/* how much */
	unsigned threads, connections, pipeline;
	int64_t duration; /* ns; CLOCK_NEVER: until `total` are done */
	uint64_t total;   /* requests; UINT64_MAX: until `duration` is over */
	bool has_connections;
	/* open loop */
	struct rate rates[RATES_MAX];
	unsigned rate_count; /* 0: closed loop */
	bool is_poisson;
	uint64_t seed;
	/* patience, ns */
	int64_t give_up; /* 0: never; then `timeout` is an error */
	int64_t timeout;
	bool each_second;
	unsigned hold[HOLD_KINDS];
};

/* Reads the command line; says what is wrong with it and ends the program. */
void conf_read(int argc, char **argv, struct conf *ret_conf);

/* Texts of requests one after the other, so that any run of up to `pipeline` of them,
 * beginning with any path, is one piece of memory. */
struct requests {
	char *bytes;
	size_t *offset; /* of path_count + pipeline + 1 requests */
};

void requests_make(const struct conf *conf, struct requests *ret_requests);
void requests_free(struct requests *r);

/* The head alone, as text that the caller frees; without the line that ends it. */
char *request_head(const struct conf *conf, const char *method, const char *path);

/* When request number `n` (from 0, fractions are fine) is due: ns since the start, CLOCK_NEVER
 * when the rates never come that far. */
int64_t rates_moment(const struct conf *conf, double n);

/* Ends the program with status 1 and one line. */
_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
