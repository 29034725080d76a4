/*
 * What the files of the limiter share.
 *
 * Thread: as limit.h says.
 */
#ifndef WEIR_WORK_LIMIT_PRIVATE_H
#define WEIR_WORK_LIMIT_PRIVATE_H

#include "work/limit.h"

/* Callers read the clock before they take the pool's lock, so that moments may
 * come a little out of order. */
static inline int64_t limit_elapsed(int64_t since, int64_t now)
{
	return now > since ? now - since : 0;
}

static inline struct limit_share *limit_share_of(struct limit *l, const struct limit_waiter *w)
{
	return w->share ? w->share : &l->root;
}

/* limit_share.c: the tree of shares. */

void limit_share_init(struct limit_share *s, int64_t now);

/* May `s` take one more token now? */
bool limit_share_admits(const struct limit_share *s);

/* One more is about to ask for a token of `s`. */
void limit_share_want(struct limit *l, struct limit_share *s);

/* One token more or fewer (+1, -1) is borrowed through `s`, resp. waited for. */
void limit_share_borrowed(struct limit *l, struct limit_share *s, int by);
void limit_share_waiting(struct limit *l, struct limit_share *s, int by);

/* After a change of tokens or reserves: what of them fits. */
void limit_reserves_fit(struct limit *l);

/* A new window of what shares wanted, when the last one is over. */
void limit_reserves_turn(struct limit *l, int64_t now);

/* limit_rate.c: the measured drain. */

/* After a change of what is borrowed through `s` or of its bound: opens and
 * closes the stretches in which all its tokens are out. */
void limit_rate_track(struct limit_share *s, int64_t now);

/* One was given back, before the change is tracked. */
void limit_rate_count(struct limit_share *s);

#endif
