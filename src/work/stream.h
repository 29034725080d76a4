/*
 * What a handler and its connection's loop share while the one runs and the
 * other talks to the client: the opt-in exception to "a request has one owner
 * at a time".
 *
 * Thread: stated for each function. The worker makes a stream and the loop
 * knows of it from its first letter on; it is freed with its request, and no
 * letter of it is on its way then: the call's own comes home behind them.
 */
#ifndef WEIR_WORK_STREAM_H
#define WEIR_WORK_STREAM_H

#include "base/buf.h"
#include "base/thread.h"
#include "work/mailbox.h"

struct request;

enum {
	STREAM_DOWN_MAX = 64 * 1024,  /* what a handler wrote and the loop has not taken */
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

	bool has_no_body; /* the worker's until the first offer, then constant: HEAD, 204, 304 */

	/* The loop's: */
	struct buf taken; /* of `down`, on its way into the connection's output */
	uint64_t sent;    /* bytes of the answer's body put into that */
	bool head_is_out;
	bool is_lost; /* the client was given up */
};

/* Worker. NULL when memory is out. */
must_check struct stream *stream_new(struct request *req);

/* Owner of the request. */
void stream_free(struct stream **stream);

/* ---- worker: the answer. They wait for the loop; errors as weir_write. ---- */

must_check int stream_write(struct stream *s, const char *data, size_t len);
must_check int stream_flush(struct stream *s);

/* The handler failed: gives up an answer that the loop has not begun to send.
 * False: it has. */
must_check bool stream_withdraw(struct stream *s);

/* ---- loop ---- */

/* Moves what was offered, or with `all` whatever there is, to `taken`, which
 * must be empty, and lets the worker go on. False: there was nothing. */
bool stream_take(struct stream *s, bool all);

/* Nothing more will be sent or read, because of `err`; the worker is told. The
 * first error counts. */
void stream_fail(struct stream *s, int err);

/* The worker looks again, also whether its call was cancelled. */
void stream_wake(struct stream *s);

#endif
