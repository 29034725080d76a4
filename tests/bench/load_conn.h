/*
 * One client connection: connecting, sending prepared requests, taking in and
 * checking answers, failing. It tells its client (load_client.h) through the
 * lists and numbers of `struct client`.
 *
 * Thread: the client's.
 */
#ifndef WEIR_BENCH_LOAD_CONN_H
#define WEIR_BENCH_LOAD_CONN_H

#include <stdatomic.h>

#include "base/list.h"
#include "load_answer.h"
#include "load_conf.h"
#include "load_count.h"

/* A body that others are compared with. */
struct sample {
	size_t len;
	char bytes[];
};

enum conn_state {
	CONN_CLOSED,     /* no socket */
	CONN_CONNECTING, /* waits for the socket to be writable */
	CONN_OPEN,
};

struct conn {
	struct client *client;
	struct list by_clock; /* in client->waiting while requests are under way */
	struct list link;     /* in client->idle, ->unused or ->paused */
	enum conn_state state;
	int fd;
	unsigned number;
	int64_t clock;   /* since when it waits for an answer */
	int64_t wake;    /* when it is paused: until then */
	const char *out; /* requests that are not written yet */
	size_t out_left;
	bool write_failed; /* reading will tell how it ended */
	/* requests under way: paths in turns, a ring of moments */
	unsigned next, oldest; /* path to ask next, path of the oldest under way */
	unsigned flying, since_at;
	/* the answer to the oldest */
	struct answer answer;
	char *kept; /* of a head or a line that was cut */
	size_t kept_len;
	bool checks, differs;
	const struct sample *sample; /* what the body should be, or NULL: it is collected */
	char *body;
	size_t body_len, body_have; /* body_len counts also what is compared only */
	int64_t since[];            /* pipeline moments */
};

enum {
	READ_SIZE = 64 * 1024,
	KEPT_MAX = 16 * 1024,
	COLLECT_MAX = 256 << 20,
	CONN_PAUSE = 10 * 1000 * 1000, /* ns until it connects again after a failure */
};

/* What one client thread knows. */
struct client {
	const struct conf *conf;
	const struct requests *requests;
	_Atomic(struct sample *) *samples; /* one a path, shared by all clients */
	unsigned number, connections;
	int epoll;
	int64_t start, end;  /* requests are sent between them */
	uint64_t left;       /* requests to be sent */
	uint64_t flying;     /* under way, on all connections */
	struct list waiting; /* connections with requests under way, by clock */
	struct list paused;  /* that will connect again, by wake */
	struct list idle;    /* open loop: free, the last used first */
	struct list unused;  /* open loop: without a socket */
	struct conn **conns;
	unsigned made;
	unsigned turn; /* open loop: path to ask next */
	double due;    /* open loop: number of the next request, as rates_moment() wants it */
	int64_t next_due;
	uint64_t random;
	char *buf; /* READ_SIZE */
	struct counts counts;
};

/* Ends the program when memory is out. */
struct conn *conn_new(struct client *client, unsigned number);
void conn_free(struct conn *c);

/* Sends the next `n` requests, due at `since`; connects first if it has to. Nothing may be left
 * to write. */
void conn_give(struct conn *c, unsigned n, int64_t since, int64_t now);

/* Closed loop: sends as many as may be under way at a time and are left to be sent. */
void conn_fill(struct conn *c, int64_t now);

void conn_on_event(struct conn *c, uint32_t events, int64_t now);

/* It has waited too long for an answer. */
void conn_expire(struct conn *c, int64_t now);

/* Tries again what it was paused for. */
void conn_resume(struct conn *c, int64_t now);

#endif
