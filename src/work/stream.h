/*
 * What a handler and its connection's loop share while the one runs and the
 * other talks to the client: the opt-in exception to "a request has one owner
 * at a time". Downwards goes the answer, upwards a live body; there is one
 * stream for both.
 *
 * Thread: stated for each function. The loop makes it for a live body; for an
 * answer the worker does, and the loop knows of it from its first letter on. It
 * is freed with its request, and no
 * letter of it is on its way then: the call's own comes home behind them.
 */
#ifndef WEIR_WORK_STREAM_H
#define WEIR_WORK_STREAM_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/thread.h"
#include "work/mailbox.h"

struct request;

enum {
	STREAM_DOWN_SEND = 16 * 1024, /* so much is offered without a flush */
};

struct stream {
	unsigned magic;
	struct request *req; /* constant */
	struct mail mail;    /* to the loop; at most one is on its way */
	struct mutex lock;
	struct cond moved;                /* for the worker: something here has changed */
	bool is_posted GUARDED_BY(lock);  /* the letter is on its way */
	bool is_offered GUARDED_BY(lock); /* the loop knows, or will, that it is to take `down` */
	bool has_begun GUARDED_BY(lock);  /* the loop has taken something: the head is out */
	int error GUARDED_BY(lock);       /* why nothing can be sent or read any more; 0: it can */
	struct buf down GUARDED_BY(lock); /* for the client, in order */
	struct buf up GUARDED_BY(lock);   /* of a live body: came and was not read yet */
	bool is_paused GUARDED_BY(lock);  /* the loop reads no more of it until it gets a letter */
	bool up_ended GUARDED_BY(lock);   /* all of it is in `up` */
	int up_error GUARDED_BY(lock);    /* why no more of it will come */
	size_t down_max;                  /* constant: what `down` may hold */
	size_t up_max;                    /* constant: `up` that is larger pauses the loop */
	bool is_live;                     /* constant: the request's body is live */

	bool has_no_body; /* the worker's until the first offer, then constant: HEAD, 204, 304 */

	/* The loop's: */
	struct buf taken; /* of `down`, on its way into the connection's output */
	uint64_t sent;    /* bytes of the answer's body put into that */
	bool head_is_out;
	bool is_lost;          /* the client was given up */
	bool is_coming;        /* the live body has not come to its end, nor to grief */
	bool is_reading;       /* it is being read: not paused */
	bool said_go_on;       /* the client knows that it is wanted */
	uint16_t refusal;      /* the status that tells what was wrong with it; 0: nothing */
	uint64_t received;     /* bytes of it */
	int64_t body_deadline; /* of the next piece; CLOCK_NEVER while paused */
};

/* Worker. NULL when memory is out. */
must_check struct stream *stream_new(struct request *req);

/* Loop, before the call is submitted: its body will be read as it comes. */
void stream_expect_body(struct stream *s, size_t up_max);

/* Owner of the request. */
void stream_free(struct stream **stream);

/* ---- worker: the answer. They wait for the loop; errors as weir_write. ---- */

must_check int stream_write(struct stream *s, const char *data, size_t len);
must_check int stream_flush(struct stream *s);

/* ---- worker: a live body. As weir_body_read. ---- */

must_check ssize_t stream_read(struct stream *s, char *to, size_t size);

/* The body did not come whole, which is the client's fault. */
must_check bool stream_body_failed(struct stream *s);

/* The handler failed: gives up an answer that the loop has not begun to send.
 * False: it has. */
must_check bool stream_withdraw(struct stream *s);

/* ---- loop ---- */

/* Moves what was offered, or with `all` whatever there is, to `taken`, which
 * must be empty, and lets the worker go on. False: there was nothing. */
bool stream_take(struct stream *s, bool all);

/* Does the worker want more of the live body than it was given? */
must_check bool stream_wants_input(struct stream *s);

/* More of the live body, which ends with it if `is_end`. 1 when that is enough
 * for now (the loop is paused), 0, or -ENOMEM. */
must_check int stream_feed(struct stream *s, const char *data, size_t len, bool is_end);

/* The rest of the live body will not come. */
void stream_fail_body(struct stream *s, int err);

/* Nothing more will be sent or read, because of `err`; the worker is told. The
 * first error counts. */
void stream_fail(struct stream *s, int err);

/* The worker looks again, also whether its call was cancelled. */
void stream_wake(struct stream *s);

#endif
