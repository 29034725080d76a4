/*
 * The limiter: who may run now, who waits, in which order. A pure state
 * machine: time is an argument, there is no lock, clock or thread inside, so
 * that its tests neither sleep nor guess.
 *
 * Thread: any; each limiter belongs to one pool and is guarded by its lock.
 *
 * What it keeps (design 7):
 *  1. At most `total` tokens are borrowed, or the number falls.
 *  2. Tokens are given out first in, first out. Nobody passes a waiter.
 *  3. A token is assigned before its waiter runs; one that is cancelled in
 *     between passes it on. No token is ever lost.
 *  4. After every call: nobody waits while borrowed < total.
 *  5. A waiter that has expired is never granted.
 */
#ifndef WEIR_WORK_LIMIT_H
#define WEIR_WORK_LIMIT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

/* No bound: for `total` and `waiting_max`. */
#define LIMIT_INF INT64_MAX

enum limit_state {
	LIMIT_IDLE,    /* holds nothing, waits for nothing */
	LIMIT_WAITING, /* stands in line */
	LIMIT_GRANTED, /* was assigned a token; listed until limit_next_granted takes it */
	LIMIT_HOLDING, /* has its token and was told so */
	LIMIT_EXPIRED, /* its time ran out in line; listed until limit_next_expired takes it */
};

/* Part of a call; it stays where it is while it is not LIMIT_IDLE. */
struct limit_waiter {
	struct list link;
	enum limit_state state;
	int64_t since;    /* when it came */
	int64_t expires;  /* CLOCK_NEVER: waits for good */
	bool is_promised; /* its owner's: a full line takes it all the same */
};

enum limit_answer {
	LIMIT_YES,  /* token assigned: state is LIMIT_HOLDING */
	LIMIT_WAIT, /* stands in line: limit_next_granted or _next_expired will name it */
	LIMIT_FULL, /* the line is full: state is LIMIT_IDLE */
};

enum { LIMIT_BUCKETS = 40 };

/* Waiting times by powers of two: bucket i counts those below 2^i microseconds
 * that no earlier bucket holds; the last one holds the rest. */
struct limit_histogram {
	uint64_t count[LIMIT_BUCKETS];
	uint64_t total;
	int64_t sum_ns;
};

struct limit_stats {
	uint64_t grants;
	uint64_t rejected_full;
	uint64_t rejected_expired;
	uint64_t cancelled;   /* in line, or granted and not yet told */
	int64_t borrowed_max; /* high-water marks */
	int64_t waiting_max;
	struct limit_histogram wait; /* of those granted */
};

struct limit {
	int64_t total;
	int64_t waiting_max; /* of the line; 0: nobody may wait */
	int64_t borrowed;
	int64_t waiting;
	struct list waiters; /* first in line first */
	struct list granted; /* assigned and not yet told */
	struct list expired;
	struct limit_stats stats;
	/* Measured drain: tokens given back while all were out, smoothed. An idle
	 * pool's silence says nothing about how fast a line gets shorter. */
	double rate;         /* per second; 0: no window was complete yet */
	int64_t rate_since;  /* since when all are out; CLOCK_NEVER: not all are */
	int64_t rate_busy;   /* of the open window: how long all were out before that */
	uint64_t rate_count; /* given back in it */
};

void limit_init(struct limit *l, int64_t total, int64_t waiting_max, int64_t now);

/* A waiter must be initialised once before its first use. */
void limit_waiter_init(struct limit_waiter *w);

/* Takes a token without waiting: false when all are out or anyone waits. */
bool limit_try_borrow(struct limit *l, struct limit_waiter *w, int64_t now);

/* Takes a token, or a place in line until `expires`. */
enum limit_answer limit_borrow(struct limit *l, struct limit_waiter *w, int64_t now,
			       int64_t expires);

/* Gives a token back (state LIMIT_HOLDING → LIMIT_IDLE). */
void limit_give(struct limit *l, struct limit_waiter *w, int64_t now);

/* Leaves the line, or passes on a token not yet told. True when the waiter was
 * LIMIT_WAITING, LIMIT_GRANTED or LIMIT_EXPIRED and is LIMIT_IDLE now; false
 * when it holds its token or nothing: nothing changed. */
bool limit_cancel(struct limit *l, struct limit_waiter *w, int64_t now);

/* Changes the number of tokens; never takes one away from its holder. */
void limit_resize(struct limit *l, int64_t total, int64_t now);

/* Changes the bound of the line; nobody in it is sent away. */
void limit_set_waiting_max(struct limit *l, int64_t waiting_max);

/* Moves waiters whose time is up (expires <= now) out of the line. */
void limit_expire(struct limit *l, int64_t now);

/* The next waiter that got a token (→ LIMIT_HOLDING) resp. expired (→
 * LIMIT_IDLE) since, in order, or NULL. */
struct limit_waiter *limit_next_granted(struct limit *l);
struct limit_waiter *limit_next_expired(struct limit *l);

/* Tokens free; negative while more are out than `total` after a lowering;
 * LIMIT_INF when there is no bound. */
int64_t limit_available(const struct limit *l);

/* How long the first in line has waited, 0 when nobody waits. */
int64_t limit_oldest(const struct limit *l, int64_t now);

/* Whole seconds (1 to 60) after which the line, at the measured rate, will
 * have gone. 60 when tokens are 0; 1 when nothing was measured yet. */
int limit_retry_after(const struct limit *l, int64_t now);

/* The bucket of a duration, and adding one. */
void limit_histogram_add(struct limit_histogram *h, int64_t ns);

#endif
