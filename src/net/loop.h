/*
 * An I/O thread: one libevent loop, the connections it accepted, and what they
 * share. A turn of the loop reads and parses, submits calls, and at its end
 * hands them to their pools and writes what there is to write.
 *
 * Thread: a loop and everything it owns belong to its thread; what others may
 * call says so.
 */
#ifndef WEIR_NET_LOOP_H
#define WEIR_NET_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/buf.h"
#include "base/wheel.h"
#include "http/date.h"
#include "net/memo.h"
#include "net/tally.h"
#include "work/keeper.h"
#include "work/pool.h"
#include "work/request.h"
#include "work/route.h"

struct access;
struct census;
struct listener;
struct request;

enum {
	LOOP_READ_SIZE = 65536,
	LOOP_ID_LEN = 20,
	LOOP_SPARES = 64, /* requests, and buffers, that are kept for the next */
	LOOP_SPARES_LEAST = 4,
	LOOP_SPARE_BYTES = 128 * 1024, /* of such buffers */
	LOOP_BODIES = 8,               /* memory of large bodies that is kept for the next */
	LOOP_BODY_LEAST = 64 * 1024,
	LOOP_BODY_BYTES = 4 << 20, /* in all */
	LOOP_TRIM_FROM = 256, /* connections: when a part is left of so many, memory goes back */
	LOOP_TRIM_PART = 8,
};

/* A function on its way to a loop. */
struct errand {
	struct mail mail;
	struct loop *loop;
	void (*fn)(struct loop *loop, void *arg);
	void *arg;
};

struct loop {
	int number;
	const char *thread_name; /* NULL: weir-io/NUMBER */
	pthread_t thread;
	struct event_base *base;
	struct mailbox mailbox; /* any thread posts */
	struct event *mail_event;
	struct event *timer_event; /* for the wheel */
	struct event *again_event; /* activated while `again` is not empty */
	struct wheel wheel;
	int64_t timer_at; /* what timer_event is set to */
	int64_t now;      /* when this turn began, or later */
	bool has_slept;   /* since `now` */
	struct submitter submitter;
	struct readers *readers; /* all loops' */
	struct census *census;   /* likewise; NULL: nobody counts */
	struct list conns;       /* all connections */
	struct list idle;        /* those between two requests, the longest first */
	size_t conn_count;
	size_t conn_peak;       /* since the allocator was last asked for what they had */
	struct keeper *keeper;  /* the daemon's, which asks it; NULL: nobody does */
	struct keeper_job trim; /* that asks; the keeper's while `is_trimming` */
	_Atomic bool is_trimming;
	struct list dirty;          /* connections with something to write */
	struct list again;          /* connections whose turn was cut short */
	struct listener *listeners; /* chained */
	struct loop *next;          /* all loops in a ring; NULL: it is alone */
	struct event *accept_timer; /* while accepting pauses, and a while after */
	struct errand room;         /* asks the other loops for room */
	bool asks_for_room;         /* it is on its way */
	bool room_was_made;         /* and has found some */
	bool accept_is_paused;
	struct generation *gen;             /* a reference: what new requests use */
	struct request *spare[LOOP_SPARES]; /* reset, of `gen`, for the next requests */
	int spare_count;
	struct buf spare_bufs[LOOP_SPARES]; /* empty, for the next answers */
	int spare_buf_count;
	size_t spare_bytes; /* of them all */
	struct spare_body {
		char *data;
		size_t size;
	} spare_bodies[LOOP_BODIES]; /* the last one is the next */
	int spare_body_count;
	size_t spare_body_bytes;
	struct memo memo;
	int64_t date_until; /* when it will be another */
	char date[HTTP_DATE_LEN + 1];
	char id[LOOP_ID_LEN + 1]; /* the last request's: process, random; loop; count */
	struct access *access;    /* all loops' access log; NULL: none */
	bool has_lines;           /* for it, in this turn */
	struct tally tally;       /* any thread reads */
	bool is_draining;
	bool is_stopping;
	void (*drained)(struct loop *loop, void *ctx); /* called once, when draining and empty */
	void *drained_ctx;
	struct errand errand;    /* to this loop; its sender's until delivered */
	struct errand report;    /* from this loop to another */
	char *read_buf;          /* LOOP_READ_SIZE bytes, shared by its connections */
	struct http_lines lines; /* of the head that is being read */
};

/* Boot, main thread. 0, or a negative errno. `gen` is referenced. */
must_check int loop_init(struct loop *loop, int number, struct generation *gen, uint32_t id_prefix);

/* Boot: runs it on a thread of its own. 0, or a negative errno. */
must_check int loop_start(struct loop *loop);

/* The caller runs it here until loop_stop; or one turn of it, which waits for
 * something to do or takes what there is. */
void loop_run(struct loop *loop);
void loop_turn(struct loop *loop, bool waits);

/* Any thread: runs fn(loop, arg) on the loop's thread, soon. `e` must stay, and
 * not be posted again, until then. Never fails: stopping must not need memory. */
void loop_post(struct loop *loop, struct errand *e, void (*fn)(struct loop *loop, void *arg),
	       void *arg);

/* On the loop: run() returns after this turn. */
void loop_stop(struct loop *loop);

/* Main, after the thread has ended (or was never started). */
void loop_done(struct loop *loop);

/* On the loop: stop accepting, close what is idle, call drained(loop, ctx) when
 * the last connection has gone. */
void loop_drain(struct loop *loop, void (*drained)(struct loop *loop, void *ctx), void *ctx);

/* On the loop, at the beginning of callbacks that come often: the clock is read by the first
 * one of a turn. */
static inline void loop_wake(struct loop *loop)
{
	if (loop->has_slept)
		loop->now = clock_now();
	loop->has_slept = false;
}

/* On the loop: the rest of a turn; callbacks run outside of loop_run's own. */
void loop_set_timer(struct loop *loop, struct wheel_timer *t, int64_t when);

/* Name and version of the library below. */
const char *loop_library(void);

/* The value of the Date header. */
const char *loop_date(struct loop *loop);

/* A fresh request, or NULL when memory is out; and giving one back. */
struct request *loop_take_request(struct loop *loop);
void loop_give_request(struct loop *loop, struct request *req);

/* Memory for what is to be written: `b` gets some if it has none and some is left
 * of others; giving it back, with or without content. */
void loop_take_buf(struct loop *loop, struct buf *b);
void loop_give_buf(struct loop *loop, struct buf *b);

/* Memory for a body of `len` bytes, if some is left of others: new memory would be taken
 * from the system page by page. It comes back with its request. */
void loop_take_body(struct loop *loop, struct request_body *body, uint64_t len);

/* A connection has gone: frees what is kept for nobody, and gives memory back after a peak. */
void loop_drop_spares(struct loop *loop);

/* New requests use `gen`, whose reference is the loop's from now on. */
void loop_use(struct loop *loop, struct generation *gen);

#endif
