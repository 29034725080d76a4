/*
 * A request and its response, from the parsed head to the end of the answer.
 *
 * Thread: one owner at a time: the connection's loop, the worker that runs the
 * handler, the loop again. Only call.cancelled is seen by both.
 */
#ifndef WEIR_WORK_REQUEST_H
#define WEIR_WORK_REQUEST_H

#include "base/arena.h"
#include "http/cond.h"
#include "http/trace.h"
#include "work/pool.h"
#include "work/reader.h"
#include "work/route.h"

#define REQUEST_MAGIC 0x2e9e57a1U
#define RESPONSE_MAGIC 0x2e5b0415U

enum { REQUEST_ID_MAX = 64 };

enum body_kind {
	BODY_NONE,
	BODY_BYTES,  /* data, len */
	BODY_FILE,   /* fd, offset, len; or fd, pieces, len */
	BODY_STREAM, /* what the handler wrote and writes: the request's stream */
};

struct file_piece; /* work/file.h */

struct response {
	unsigned magic;
	int status; /* what the handler returned, once it has */
	struct response_header *headers, **headers_end;
	const char *type; /* Content-Type; NULL: none */
	enum body_kind kind;
	const void *data;
	void (*free_fn)(void *); /* of data; NULL: arena or static */
	int fd;                  /* of BODY_FILE: ours to close; else -1 */
	uint64_t offset;
	const struct file_piece *pieces; /* of several parts with what is between them; else NULL */
	size_t piece_count;
	uint64_t len; /* of the body */
};

/* Where a request's body is. */
struct request_body {
	char *data; /* in memory; NULL: none, or in the spool */
	size_t len;
	size_t size;   /* allocated */
	int fd;        /* the spool's unlinked file, or -1 */
	char *map;     /* of fd, once a handler wanted one block */
	size_t read;   /* how far weir_body_read has come */
	bool is_whole; /* a live one: weir_body has read it to its end */
};

struct form;        /* work/form.h */
struct task;        /* work/background.h */
struct stream;      /* work/stream.h */
struct site_search; /* work/site.h */

/* What a reader does for the request: search a file, or bring a part of the
 * response's into memory. */
struct file_job {
	struct read_job job;
	struct site_search *search;
	uint64_t offset;
	uint64_t len;
};

struct request {
	unsigned magic;
	struct arena arena;
	struct generation *gen; /* a reference */
	/* From here to `id`, cleared for the next request: */
	const struct route *route; /* NULL until routed */
	struct http_head head;
	char *path; /* normalised */
	size_t path_len;
	const char *query; /* raw, NUL-terminated */
	struct addr client;
	bool is_https;           /* what the client spoke, to us or to a proxy */
	bool varies_by_origin;   /* the answer, by what Origin says */
	const char *cors_origin; /* whose pages may read the answer; NULL: its own alone */
	struct http_span host;   /* what it asked for, here or there; len 0: nothing */
	const char *traceparent; /* what weir_traceparent gave; NULL: it was not asked */
	struct request_body body;
	struct form *form; /* of the body, once a handler asked for it; in the arena */
	struct response res;
	struct call call; /* zero until it is submitted */
	struct file_job file;
	int result;                             /* what the handler returned */
	struct stream *stream;                  /* NULL: the handler does not stream */
	void (*on_stream)(struct request *req); /* on home's loop: its letter has come */
	int64_t deadline;                       /* of the whole call; CLOCK_NEVER */
	int64_t began;                          /* first byte; for the log */
	struct task *tasks;                     /* promised, not yet submitted; in order */
	struct task **tasks_end;
	/* While its handler runs: */
	struct worker *worker; /* NULL: on a loop */
	struct instance *inst; /* whose code runs (weir_call changes it) */
	void *thread_data;
	int depth;                      /* of weir_call */
	struct pattern_target *matched; /* the pattern params belong to */
	/* The loop's: */
	void *owner; /* the connection; NULL: abandoned */
	struct mailbox *home;
	/* What is long and need not be cleared for the next request: */
	char id[REQUEST_ID_MAX + 1];
	char client_text[ADDR_TEXT_SIZE];       /* what weir_client gave; empty: it was not asked */
	const char *params[PATTERN_PARAMS_MAX]; /* as many as the pattern has */
};

/* Loop. NULL when memory is out. */
must_check struct request *request_new(void);

/* Loop: makes it as new; keeps its first memory block and its generation. */
void request_reset(struct request *req);

void request_free(struct request **req);

/* Loop: takes the client's X-Request-Id for the request's own when it is a
 * sane one. */
void request_adopt_id(struct request *req);

/* Owner: the trace that it is part of; false: of none. */
bool request_trace(const struct request *req, struct trace *ret);

/* For lines of the log, behind the request's id: " (trace ID)" or nothing. A
 * loop whose request a worker has sees what the client sent alone. */
enum { TRACE_NOTE_SIZE = 48 };
const char *request_trace_note(const struct request *req, bool is_owner, char to[TRACE_NOTE_SIZE]);

/* Loop: finds the route; 0, or the HTTP status to refuse with; with 405
 * *ret_allow are the methods, also of OPTIONS answers (204). -ENOMEM. */
must_check int request_route(struct request *req, unsigned *ret_allow);

/* Loop for inline routes, worker for others: calls the handler. */
void request_run(struct request *req, struct worker *w);

/* Drops what the response had as a body. */
void response_clear_body(struct response *res);

/* Adds or replaces (by name) without any check. -ENOMEM. */
must_check int response_put_header(struct response *res, bool replace, const char *name,
				   const char *value);

/* Is it one of those that say where an answer ends, which only the daemon sets? */
bool response_is_framing(const char *name);

const struct response_header *response_header_find(const struct response *res, const char *name);

/* Sets the daemon's error body. Returns status, or -ENOMEM. */
int response_error(struct response *res, int status, const char *detail);

static inline struct request *response_request(struct response *res)
{
	must_be(res, RESPONSE_MAGIC);
	return container_of(res, struct request, res);
}

#endif
