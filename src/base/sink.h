/*
 * A log's file and the lines on their way to it: threads put lines into bounded
 * rings, the log thread (base/writer) brings them to the file. A file that
 * takes nothing, a full disk or a pipe whose reader sleeps, loses lines, which
 * are counted; it stalls nobody.
 *
 * Thread: each function says which. Before writer_start and after writer_stop
 * main is the log thread.
 */
#ifndef WEIR_BASE_SINK_H
#define WEIR_BASE_SINK_H

#include <stdint.h>

#include "base/assert.h"
#include "base/ring.h"

enum { SINK_OUT_SIZE = 32 * 1024 }; /* no line is longer */

struct sink {
	const char *name; /* "access log" */
	struct ring *rings;
	size_t ring_count;
	int64_t delay;         /* ns that a line may wait for others */
	bool is_silent;        /* it cannot say of itself that it loses lines */
	_Atomic int next_fd;   /* main's wish: what follows fd; SINK_KEEP, SINK_CLOSE */
	_Atomic bool is_stuck; /* nobody need tell the log thread of more lines */
	_Atomic bool has_lost; /* the log thread was told so */
	_Atomic uint64_t lost; /* lines; any thread reads */
	/* The log thread's: */
	int fd;         /* -1: none */
	bool is_socket; /* it is asked by each write not to wait */
	bool is_asked;  /* it might wait, and is asked before each small write */
	bool is_torn;   /* the last line in the file has no end */
	bool is_losing; /* and it was said */
	int err;        /* of the last write */
	int64_t due;    /* when the lines in the rings must go; CLOCK_NEVER: none wait */
	int64_t over_at;
	uint64_t lost_seen, lost_before;
	size_t next_ring;
	size_t out_at, out_len;
	char out[SINK_OUT_SIZE];
};

enum { SINK_KEEP = -1, SINK_CLOSE = -2 };

/* Boot. The rings stay the caller's. */
void sink_init(struct sink *s, const char *name, struct ring *rings, size_t count, int64_t delay);

/* Main: opens "stderr", or a file to append to; never waits. 0, or a negative
 * errno: -ELOOP when the file itself is a symbolic link. */
must_check int sink_open(const char *name, int *ret_fd);

/* Main: `fd`, which is the sink's from here on, or SINK_CLOSE, takes the old
 * one's place. */
void sink_switch(struct sink *s, int fd);

/* The thread that the ring belongs to. What has no room counts as lost. */
void sink_put(struct sink *s, struct ring *r, const char *line, size_t len);

/* The same thread, behind one or several lines: wakes the log thread when it
 * would not look by itself in time. */
void sink_tell(struct sink *s, const struct ring *r);

static inline uint64_t sink_lost(const struct sink *s)
{
	return atomic_load_explicit(&s->lost, memory_order_relaxed);
}

/* The log thread: writes what is due. Returns when it has to come again:
 * CLOCK_NEVER when there is nothing to write. */
int64_t sink_turn(struct sink *s, int64_t now);

/* Likewise: is the file's readiness what it waits for? */
bool sink_is_blocked(const struct sink *s);

/* Has it lines that came behind the last turn, or that should not wait? */
bool sink_has_news(const struct sink *s);

/* The log thread, at the end: all that is there, for at most `ms`; what a file
 * does not take by then is lost. Async-signal-safe. */
void sink_drain(struct sink *s, int ms);

/* Says how many were lost, if that was not said. */
void sink_finish(struct sink *s);

/* Main, without a log thread; or a crash: writes at once. Async-signal-safe. */
void sink_write_now(struct sink *s, const char *line, size_t len, int ms);

#endif
