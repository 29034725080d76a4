/*
 * The inside of a connection, shared by conn.c (life, events, time),
 * conn_client.c (who it is) and conn_in.c (reading), conn_call.c (requests on their way to handlers
 * and back), conn_file.c (files), conn_out.c (writing) and conn_stream.c (while a handler runs).
 *
 * Thread: the loop that accepted it.
 */
#ifndef WEIR_NET_CONN_PRIVATE_H
#define WEIR_NET_CONN_PRIVATE_H

#include <sys/socket.h>

#include "base/addr.h"
#include "base/pace.h"
#include "http/chunked.h"
#include "net/conn.h"
#include "net/loop.h"
#include "work/request.h"
#include "work/stream.h"

#define CONN_MAGIC 0xc0221e70U

enum {
	CONN_TURN_MAX = 64,            /* requests of one connection in one turn */
	CONN_READS_MAX = 4,            /* reads of one connection in one turn */
	CONN_COPY_MAX = 16 * 1024,     /* bodies up to this join the head in `out` */
	CONN_DISCARD_MAX = 64 * 1024,  /* a refused body up to this is read and dropped */
	CONN_DIRECT_LEAST = 16 * 1024, /* of a body: no copy is made of that much */
	CONN_DIRECT_MAX = 256 * 1024,  /* in one read */
	CONN_STATUS_GONE = 499,        /* in the access log alone: no answer was taken */
};

/* What the connection waits for. It has a request from CONN_BODY to the end of
 * CONN_REPLY. */
enum conn_state {
	CONN_PROXY,  /* the PROXY header, all of it */
	CONN_IDLE,   /* the first byte of a request */
	CONN_HEAD,   /* the rest of a head; what came is in `in` */
	CONN_BODY,   /* the rest of a body */
	CONN_CALL,   /* a pool: the request is its, or a worker's */
	CONN_READ,   /* a reader, to find a file or to bring a part of it: the request is its */
	CONN_REPLY,  /* the client, to take a body that is not in `out` */
	CONN_LINGER, /* the client, to see the end: all is sent, we only read and drop */
};

/* What each request touches stands together, in the order of its way: with many
 * connections the memory of each is cold when its turn comes. */
struct conn {
	unsigned magic;
	int fd;
	enum conn_state state;
	bool readable;     /* the last read did not empty the socket */
	bool end_is_near;  /* the end of input was announced: read until it comes */
	bool peer_ended;   /* the client will send no more */
	bool closing;      /* close when everything is written */
	bool cut_short;    /* bytes in `in` were not looked at yet */
	bool was_probed;   /* its call was asked after, see conn.c */
	bool was_refused;  /* the rest of the request will not be read */
	bool hides_client; /* a PROXY header named nobody: what headers say is not believed */
	bool is_slow;      /* it takes less than write_rate_min: the deadline ends it */
	bool is_tls;       /* a PROXY header said that the client spoke TLS */
	uint16_t refusal;  /* answer decided before the body was read; 0: none */
	unsigned allow;    /* methods for that answer's Allow */
	struct loop *loop;
	struct request *req;   /* NULL in IDLE, HEAD and LINGER */
	struct stream *stream; /* of req, once known; what the worker of CONN_CALL shares */
	struct task *tasks;    /* to be submitted when `out` is written */
	struct buf in;
	struct buf out;
	struct list pending; /* in the loop's dirty or again list */
	struct list idle;    /* in the loop's, between two requests */
	struct wheel_timer timer;
	int64_t deadline;       /* of what `state` waits for; CLOCK_NEVER */
	int64_t write_deadline; /* while the socket takes nothing more; else CLOCK_NEVER */
	int64_t began;          /* first byte of the request, or of lingering */
	uint64_t skip;          /* in IDLE: the rest of a body that nobody wanted */
	uint64_t served;        /* requests so far */
	uint64_t written;       /* bytes so far */
	uint64_t sent;          /* of the response body in CONN_REPLY */
	uint64_t ready;         /* bytes of its file that can be sent without waiting for a disk */
	struct http_scan scan;  /* of the head in `in` */
	struct addr client;     /* who connected, or who a PROXY header named */
	struct event event;
	/* Of bodies, of large answers, and of slow clients: */
	struct list link;   /* of the loop's connections */
	uint64_t body_left; /* of a body with Content-Length */
	int64_t ready_since;
	uint64_t taken; /* while blocked: of `written`, what the client's system had */
	struct pace write_pace;
	struct pace body_pace;
	struct http_chunked chunked;
	struct census_client *seat; /* where its client is counted; NULL: it is not */
};

/* conn.c */
void conn_close(struct conn *c);      /* frees it: the last thing a caller does with it */
void conn_lost(struct conn *c);       /* the client is gone: likewise */
void conn_will_reset(struct conn *c); /* when it is closed */
void conn_set_deadline(struct conn *c, int64_t when);
void conn_await_request(struct conn *c); /* sets the deadline of an idle one */
void conn_set_write_deadline(struct conn *c, int64_t when);
void conn_set_dirty(struct conn *c);
void conn_set_again(struct conn *c);
bool conn_advance(struct conn *c); /* parse and read on; false: it was freed */

/* Is a live body being read for the handler that runs? */
static inline bool conn_is_receiving(const struct conn *c)
{
	return c->state == CONN_CALL && c->stream && c->stream->is_reading;
}

/* Has a live body still to come to its end? */
static inline bool conn_awaits_body(const struct conn *c)
{
	return c->state == CONN_CALL && c->stream && c->stream->is_coming;
}

/* conn_client.c */
size_t conn_proxy_take(struct conn *c, const char *data, size_t len); /* as conn_parse */
void conn_proxy_timeout(struct conn *c);                              /* frees it */
int conn_take_seat(struct conn *c); /* 0, -ENOMEM, or -EUSERS: its client was told */
void conn_identify(struct conn *c); /* the request's client, scheme and host */

/* The answer to its request is the last one. */
static inline bool conn_is_last(const struct conn *c)
{
	uint64_t most = c->loop->gen->front.keepalive_requests;
	return !c->req->head.keep_alive || c->loop->is_draining ||
	       (most > 0 && c->served + 1 >= most);
}

/* `len` bytes of its body came: is that fast enough? */
static inline bool conn_keeps_pace(struct conn *c, size_t len)
{
	const struct generation *gen = c->req->gen;
	return pace_add(&c->body_pace, len, c->loop->now, gen->body_timeout,
			gen->front.body_rate_min);
}

/* conn_in.c */
void conn_say_go_on(struct conn *c);                       /* 100 Continue */
bool conn_begin_request(struct conn *c);                   /* a named request; false: no memory */
size_t conn_parse(struct conn *c, char *data, size_t len); /* returns how many bytes were used */

/* Where the rest of a body whose length is known can be received without a copy, up to
 * *ret_size bytes of it, and that some were; NULL: nowhere. */
char *conn_body_room(struct conn *c, size_t *ret_size);
void conn_body_came(struct conn *c, size_t len);

/* conn_call.c */
void conn_dispatch(struct conn *c);                               /* the request is complete */
void conn_refuse(struct conn *c, int status, const char *detail); /* answer, then close */
const char *conn_why_refused(const struct conn *c); /* by the pool; NULL: it was not */
void conn_call_timeout(struct conn *c);             /* its deadline came in CONN_CALL */
bool conn_abandon(struct conn *c);                  /* the client is gone in CONN_CALL */
void conn_answer(struct conn *c, int status, const char *detail);     /* in a handler's place */
void conn_answer_for(struct conn *c, int status, const char *detail); /* who has the request */

/* conn_file.c */
void conn_serve(struct conn *c);         /* the request is for a file of a site */
void conn_read_timeout(struct conn *c);  /* its deadline came in CONN_READ */
bool conn_abandon_read(struct conn *c);  /* the client is gone in CONN_READ */
bool conn_takes_file(struct conn *c);    /* a small file is in `out` now, all of it */
bool conn_file_is_ready(struct conn *c); /* else a reader was asked: CONN_READ */
ssize_t conn_send_file(struct conn *c);  /* as sendfile */

/* conn_stream.c */
void conn_stream_arrived(struct request *req); /* its letter has come; may free the connection */
void conn_stream_begin_body(struct conn *c);   /* it is live: dispatches the request */
size_t conn_stream_receive(struct conn *c, char *data, size_t len); /* as conn_parse */
void conn_stream_break(struct conn *c, int status, int err);        /* the body is no good */
void conn_stream_tick(struct conn *c);    /* a deadline in CONN_CALL that is not the call's */
void conn_stream_unread(struct conn *c);  /* the answer is there: and the rest of the body? */
int conn_stream_refusal(struct conn *c);  /* the status to answer in its place, or 0 */
bool conn_stream_drained(struct conn *c); /* there is room in `out`; false: it was freed */
void conn_stream_leave(struct conn *c, int err); /* the worker goes on alone, and is told why */
void conn_stream_timeout(struct conn *c); /* the deadline, in the middle of the answer; frees it */
void conn_stream_end(struct conn *c);     /* the handler of a streamed answer returned; likewise */
void conn_stream_abandoned(struct loop *loop, struct request *req); /* came home alone: log it */

/* conn_out.c */
void conn_end_request(struct conn *c);              /* its answer is in `out`, or given up */
void conn_respond(struct conn *c);                  /* the request's response is complete */
bool conn_flush(struct conn *c);                    /* writes; false: it was freed */
void conn_await_client(struct conn *c, bool moved); /* it has not taken all; did it just now? */
bool conn_is_taking(struct conn *c);                /* awaited: did it take enough meanwhile? */
bool conn_is_taken(const struct conn *c);           /* has its system all that there was? */

#endif
