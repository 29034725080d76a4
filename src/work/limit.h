/*
 * The limiter: who may run now, who waits, in which order. A pure state
 * machine: time is an argument, there is no lock, clock or thread inside, so
 * that its tests neither sleep nor guess.
 *
 * Thread: any; each limiter belongs to one pool and is guarded by its lock.
 *
 * Tokens are borrowed through shares, which form a tree: the root is the whole
 * pool, below it a module's part, below that a route's. Each has a line of its
 * own; without shares everybody stands in the root's.
 *
 * What it keeps (design 7):
 *  1. In every share at most `max` tokens are borrowed, or the number falls.
 *  2. First in, first out among the eligible; nobody passes an eligible
 *     waiter but by priority, and then only by so much time. An overloaded
 *     line is served newest first (but one that was promised its place in its
 *     turn), and takes turns with the other lines.
 *  3. A token is assigned before its waiter runs; one that is cancelled in
 *     between passes it on. No token is ever lost.
 *  4. After every call: nobody eligible waits. Eligible is who finds a token
 *     free in each of its shares that is not kept for another's reserve.
 *  5. A waiter that has expired or was shed is never granted.
 *  6. Of a reserve, one token and what its share had use for in the last
 *     seconds are kept free for it; the rest is lent until it is wanted.
 */
#ifndef WEIR_WORK_LIMIT_H
#define WEIR_WORK_LIMIT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

/* No bound: for `max` and `waiting_max`. */
#define LIMIT_INF INT64_MAX

/* A waiter of one level more counts as if it had come so much earlier: high
 * priorities pass low ones, and nobody starves. */
#define LIMIT_PRIORITY_STEP NS_PER_S

/* What is shed has waited this many times the target, and a line is overloaded
 * when its first has waited longer than the target for that many targets. */
enum { LIMIT_SHED_AFTER = 2, LIMIT_OVERLOAD_AFTER = 5 };

/* A reserve keeps what its share wanted in this window and the one before. */
#define LIMIT_KEEP_WINDOW (5 * NS_PER_S)

enum limit_state {
	LIMIT_IDLE,    /* holds nothing, waits for nothing */
	LIMIT_WAITING, /* stands in line */
	LIMIT_GRANTED, /* was assigned a token; listed until limit_next_granted takes it */
	LIMIT_HOLDING, /* has its token and was told so */
	LIMIT_EXPIRED, /* its time ran out in line, or it was shed; listed until
			  limit_next_expired takes it */
};

struct limit_share;

/* Part of a call; it stays where it is while it is not LIMIT_IDLE. */
struct limit_waiter {
	struct list link;          /* of the limiter's: waiters, granted or expired */
	struct list in_line;       /* of its share's line, or of `returning` */
	struct limit_share *share; /* what it borrows through; NULL: the root */
	enum limit_state state;
	int64_t since;     /* when it came */
	int64_t expires;   /* CLOCK_NEVER: waits for good */
	bool is_promised;  /* its owner's: a full line takes it all the same, none is shed */
	bool is_returning; /* had lent its token and wants one back */
	bool was_shed;     /* with LIMIT_EXPIRED */
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
	uint64_t rejected_shed;
	uint64_t cancelled; /* in line, or granted and not yet told */
	uint64_t returns;   /* of the grants: to who had lent its token */
	int64_t busy_ns;    /* tokens held, times how long, until `busy_at` */
	int64_t busy_at;
	int64_t borrowed_max; /* high-water marks */
	int64_t waiting_max;
	struct limit_histogram wait; /* of those granted */
};

/* Measured drain: tokens given back while all were out, smoothed. An idle
 * pool's silence says nothing about how fast a line gets shorter. */
struct limit_rate {
	double rate;    /* per second; 0: no window was complete yet */
	int64_t since;  /* since when all are out; CLOCK_NEVER: not all are */
	int64_t busy;   /* of the open window: how long all were out before that */
	uint64_t count; /* given back in it */
};

struct limit_share_settings {
	int64_t max;         /* tokens; LIMIT_INF */
	int64_t reserve;     /* tokens; 0: none; above a bound it is of no more use than that */
	int64_t waiting_max; /* of its line; LIMIT_INF */
	int priority;        /* of its waiters; higher first */
};

/* A part of the tokens. Its numbers include the shares below it. */
struct limit_share {
	struct limit_share *parent; /* NULL: the root, or not in use yet */
	struct limit_share_settings set;
	int64_t borrowed;
	int64_t waiting;
	int64_t reserve;    /* of set.reserve what fits */
	int64_t wanted;     /* most that were borrowed or waited for in this window… */
	int64_t wanted_was; /* …and in the one before */
	int64_t owed;       /* tokens to be kept free for this share */
	int64_t owed_below; /* for the shares below it */
	struct list line;   /* waiters, first come first */
	int64_t in_line;    /* how many */
	int64_t calm_at;    /* when the first in line last has waited no longer than the target */
	int64_t served_at;  /* when one in line last got a token */
	struct limit_rate drain;
	struct list link;         /* of the limiter's shares */
	struct list waiting_link; /* of the limiter's lines that are not empty */
};

struct limit {
	struct limit_share root; /* max: all tokens; waiting_max: of all lines */
	int64_t target;          /* adaptive: the wait that is fine; 0: first in, first out */
	struct list shares;      /* below the root */
	struct list lines;       /* shares whose line is not empty */
	struct list waiters;     /* in any line; first come first */
	struct list returning;   /* waiters that had lent their token */
	struct list granted;     /* assigned and not yet told */
	struct list expired;
	int64_t reserved;  /* all reserves together; 0: nobody is owed anything */
	int64_t window_at; /* begin of this window of `wanted` */
	int64_t latest;    /* the latest `since` given out */
	struct limit_stats stats;
};

void limit_init(struct limit *l, int64_t total, int64_t waiting_max, int64_t now);

/* target > 0: newest first and shedding while a line's wait stays above it. */
void limit_set_target(struct limit *l, int64_t target, int64_t now);

/* A waiter must be initialised once before its first use. */
void limit_waiter_init(struct limit_waiter *w);

/* A share below `parent` (NULL: below the root), without bounds yet; it stays
 * as long as the limiter. */
void limit_share_add(struct limit *l, struct limit_share *s, struct limit_share *parent);

/* Changes what a share may and must; nobody loses a token or a place by it. */
void limit_share_set(struct limit *l, struct limit_share *s, const struct limit_share_settings *set,
		     int64_t now);

/* Takes a token without waiting: false when none is free for its share or an
 * eligible one waits. */
bool limit_try_borrow(struct limit *l, struct limit_waiter *w, int64_t now);

/* Takes a token, or a place in line until `expires`. */
enum limit_answer limit_borrow(struct limit *l, struct limit_waiter *w, int64_t now,
			       int64_t expires);

/* Would one that asks now through `share` (NULL: the root) find the line full? Then it is
 * counted as such, and need not ask. */
bool limit_turns_away(struct limit *l, const struct limit_share *share, int64_t now);

/* Gives a token back (state LIMIT_HOLDING → LIMIT_IDLE). */
void limit_give(struct limit *l, struct limit_waiter *w, int64_t now);

/* Takes a token back after limit_give lent it: before all that have not begun,
 * for as long as it takes. LIMIT_YES or LIMIT_WAIT. */
enum limit_answer limit_return(struct limit *l, struct limit_waiter *w, int64_t now);

/* Leaves the line, or passes on a token not yet told. True when the waiter was
 * LIMIT_WAITING, LIMIT_GRANTED or LIMIT_EXPIRED and is LIMIT_IDLE now; false
 * when it holds its token or nothing: nothing changed. */
bool limit_cancel(struct limit *l, struct limit_waiter *w, int64_t now);

/* Changes the number of tokens; never takes one away from its holder. */
void limit_resize(struct limit *l, int64_t total, int64_t now);

/* Changes the bound of all lines; nobody in it is sent away. */
void limit_set_waiting_max(struct limit *l, int64_t waiting_max);

/* Moves waiters whose time is up (expires <= now) out of the line. */
void limit_expire(struct limit *l, int64_t now);

/* Time has passed and nothing else may have happened: lends what reserves no
 * longer keep, sheds. To be called every now and then while somebody waits. */
void limit_tick(struct limit *l, int64_t now);

/* The next waiter that got a token (→ LIMIT_HOLDING) resp. expired or was shed
 * (→ LIMIT_IDLE) since, in order, or NULL. */
struct limit_waiter *limit_next_granted(struct limit *l);
struct limit_waiter *limit_next_expired(struct limit *l);

/* Tokens free; negative while more are out than there are after a lowering;
 * LIMIT_INF when there is no bound. */
int64_t limit_available(const struct limit *l);

/* How long the first in line has waited, 0 when nobody waits. */
int64_t limit_oldest(const struct limit *l, int64_t now);

/* Is a line of `s` (NULL: the root) served newest first now? */
bool limit_is_overloaded(const struct limit *l, const struct limit_share *s, int64_t now);

/* Whole seconds (1 to 60) after which the line of `s` (NULL: the root), at the
 * measured rate, will have gone. 60 when it has no tokens; 1 when nothing was
 * measured yet. */
int limit_retry_after(const struct limit *l, const struct limit_share *s, int64_t now);

/* Tokens held, times how long, up to now. */
int64_t limit_busy(const struct limit *l, int64_t now);

/* Adds a duration. */
void limit_histogram_add(struct limit_histogram *h, int64_t ns);

#endif
