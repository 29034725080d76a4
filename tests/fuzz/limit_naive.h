/*
 * A limiter written down from the contract in work/limit.h, without lists or
 * sums that are kept: all is counted from the waiters again after any of them
 * changed. The model lets it do what the real one does; they must agree after
 * each step.
 *
 * Thread: as limit_model.h.
 */
#ifndef WEIR_TESTS_LIMIT_NAIVE_H
#define WEIR_TESTS_LIMIT_NAIVE_H

#include <stdint.h>

#include "work/limit.h"

enum { MODEL_WAITERS = 64, MODEL_SHARES = 6, ROOT = MODEL_SHARES };

struct naive_waiter {
	enum limit_state state;
	int share;
	int64_t since, expires;
	uint64_t turn; /* in which order it was granted or sent away */
	bool is_promised, is_returning, was_shed;
};

struct naive_share {
	int parent; /* -1: the root */
	struct limit_share_settings set;
	int64_t reserve, wanted, wanted_was;
	int64_t calm, served;
	uint64_t line_began; /* which of two lines goes first when nothing else tells */
	/* Counted: with the shares below it, and in its own line; -1: nobody. */
	int64_t borrowed, waiting, in_line;
	int first, last;
};

struct naive {
	struct naive_waiter w[MODEL_WAITERS];
	struct naive_share s[MODEL_SHARES + 1];
	int64_t now, latest, target, reserved, window_at;
	bool is_counted; /* nothing has changed since */
	uint64_t turns;
	uint64_t newest_first, kept_back; /* how often it came to that */
};

static inline int64_t naive_most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline int64_t naive_least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static inline bool naive_is_below(struct naive *n, int s, int top)
{
	while (s >= 0 && s != top)
		s = n->s[s].parent;
	return s >= 0;
}

static inline void naive_count_waiter(struct naive *n, int i)
{
	const struct naive_waiter *w = &n->w[i];
	bool waits = w->state == LIMIT_WAITING;
	for (int s = w->share; s >= 0; s = n->s[s].parent) {
		n->s[s].borrowed += w->state == LIMIT_GRANTED || w->state == LIMIT_HOLDING;
		n->s[s].waiting += waits;
	}
	struct naive_share *s = &n->s[w->share];
	if (!waits || w->is_returning)
		return;
	s->in_line++;
	if (s->first < 0 || w->since < n->w[s->first].since)
		s->first = i;
	if (s->last < 0 || w->since > n->w[s->last].since)
		s->last = i;
}

/* The share, with all that is counted. */
static inline const struct naive_share *naive_share(struct naive *n, int share)
{
	if (n->is_counted)
		return &n->s[share];
	for (int s = 0; s <= MODEL_SHARES; s++) {
		n->s[s].borrowed = n->s[s].waiting = n->s[s].in_line = 0;
		n->s[s].first = n->s[s].last = -1;
	}
	for (int i = 0; i < MODEL_WAITERS; i++)
		naive_count_waiter(n, i);
	n->is_counted = true;
	return &n->s[share];
}

static inline void naive_become(struct naive *n, int i, enum limit_state state)
{
	n->w[i].state = state;
	n->is_counted = false;
}

static inline int64_t naive_waited(struct naive *n, int i)
{
	return naive_most(0, n->now - n->w[i].since);
}

/* ---- reserves ---- */

static inline int64_t naive_owed(struct naive *n, int s, int at, int64_t more, int64_t *ret_below)
{
	const struct naive_share *share = &n->s[s];
	int64_t below = 0, own = 0;
	int64_t out = naive_share(n, s)->borrowed + (naive_is_below(n, at, s) ? more : 0);
	for (int i = 0; i < MODEL_SHARES; i++) {
		if (n->s[i].parent == s)
			below += naive_owed(n, i, at, more, NULL);
	}
	if (ret_below)
		*ret_below = below;
	if (share->reserve > 0)
		own = naive_least(share->reserve,
				  naive_most(1, naive_most(share->wanted, share->wanted_was))) -
		      out;
	return naive_most(0, naive_least(naive_most(own, below), share->set.max - out));
}

/* A token is free in each share; where what is kept there leaves none, one
 * only for whom it is kept: less is owed after it was taken. */
static inline bool naive_admits(struct naive *n, int at)
{
	for (int s = at; s >= 0; s = n->s[s].parent) {
		if (naive_share(n, s)->borrowed >= n->s[s].set.max)
			return false;
	}
	for (int s = at, child = -1; n->reserved > 0 && s >= 0; child = s, s = n->s[s].parent) {
		int64_t below, free = n->s[s].set.max - naive_share(n, s)->borrowed;
		(void)naive_owed(n, s, at, 0, &below);
		if (below < free || (child >= 0 && naive_owed(n, child, at, 1, NULL) <
							   naive_owed(n, child, at, 0, NULL)))
			continue;
		n->kept_back++;
		return false;
	}
	return true;
}

static inline int64_t naive_sum(struct naive *n, int s)
{
	int64_t sum = 0;
	for (int i = 0; i < MODEL_SHARES; i++) {
		if (n->s[i].parent == s)
			sum += naive_sum(n, i);
	}
	return naive_most(sum, n->s[s].set.reserve);
}

/* What shares use and wait for, and `more` through `at`, is wanted. */
static inline void naive_want(struct naive *n, int at, int64_t more)
{
	for (int s = 0; n->reserved > 0 && s < MODEL_SHARES; s++) {
		int64_t use = naive_share(n, s)->borrowed + naive_share(n, s)->waiting +
			      (naive_is_below(n, at, s) ? more : 0);
		n->s[s].wanted = naive_most(n->s[s].wanted, use);
	}
}

/* All reserves and one token more must fit, else they shrink alike. */
static inline void naive_fit(struct naive *n)
{
	int64_t total = n->s[ROOT].set.max;
	n->reserved = naive_sum(n, ROOT);
	for (int s = 0; s < MODEL_SHARES; s++) {
		n->s[s].reserve = n->s[s].set.reserve;
		if (n->reserved > 0 && n->reserved >= total)
			n->s[s].reserve =
				n->s[s].set.reserve * naive_most(0, total - 1) / n->reserved;
	}
	naive_want(n, ROOT, 0);
}

/* ---- overload ---- */

static inline bool naive_is_calm(struct naive *n, int s)
{
	int first = naive_share(n, s)->first;
	return first < 0 || naive_waited(n, first) <= n->target;
}

/* Time passes while nothing else happens. */
static inline void naive_pass(struct naive *n, int64_t now)
{
	bool was_calm[MODEL_SHARES + 1];
	for (int s = 0; s <= MODEL_SHARES && n->target > 0; s++)
		was_calm[s] = naive_is_calm(n, s);
	n->now = now;
	for (int s = 0; s <= MODEL_SHARES && n->target > 0; s++) {
		if (naive_is_calm(n, s))
			n->s[s].calm = now;
		else if (was_calm[s])
			n->s[s].calm = n->w[naive_share(n, s)->first].since + n->target;
	}
}

static inline bool naive_is_overloaded(struct naive *n, int s)
{
	return n->target > 0 && !naive_is_calm(n, s) &&
	       n->now - n->s[s].calm >= LIMIT_OVERLOAD_AFTER * n->target;
}

static inline void naive_send_away(struct naive *n, int i, bool shed)
{
	naive_become(n, i, LIMIT_EXPIRED);
	n->w[i].was_shed = shed;
	n->w[i].turn = ++n->turns;
}

static inline void naive_shed(struct naive *n, int s)
{
	int64_t keep = LIMIT_INF;
	for (int up = s; up >= 0; up = n->s[up].parent)
		keep = naive_least(keep, n->s[up].set.max);
	while (n->target > 0 && naive_share(n, s)->in_line > keep && naive_is_overloaded(n, s)) {
		int first = naive_share(n, s)->first;
		if (n->w[first].is_promised ||
		    naive_waited(n, first) <= LIMIT_SHED_AFTER * n->target)
			break;
		naive_send_away(n, first, true);
	}
}

#endif
