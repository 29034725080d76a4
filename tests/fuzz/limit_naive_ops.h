/*
 * What one can do with the naive limiter: the operations of work/limit.h.
 *
 * Thread: as limit_model.h.
 */
#ifndef WEIR_TESTS_LIMIT_NAIVE_OPS_H
#define WEIR_TESTS_LIMIT_NAIVE_OPS_H

#include "limit_naive.h"

/* First those who come back, in their order; then the lines in theirs. */
static inline int naive_pick_returning(struct naive *n)
{
	int best = -1;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		const struct naive_waiter *w = &n->w[i];
		if (w->state == LIMIT_WAITING && w->is_returning &&
		    (best < 0 || w->since < n->w[best].since) && naive_admits(n, w->share))
			best = i;
	}
	return best;
}

static inline bool naive_is_newest_first(struct naive *n, int s)
{
	return !n->w[naive_share(n, s)->first].is_promised && naive_is_overloaded(n, s);
}

static inline int64_t naive_turn(struct naive *n, int s)
{
	int64_t since = n->w[naive_share(n, s)->first].since;
	if (naive_is_newest_first(n, s))
		since = naive_most(since, n->s[s].served);
	return since - n->s[s].set.priority * LIMIT_PRIORITY_STEP;
}

static inline int naive_pick(struct naive *n)
{
	int i = naive_pick_returning(n), best = -1;
	if (i >= 0)
		return i;
	for (int s = 0; s <= MODEL_SHARES; s++) {
		if (naive_share(n, s)->first < 0 || !naive_admits(n, s))
			continue;
		int64_t lead = best < 0 ? 1 : naive_turn(n, best) - naive_turn(n, s);
		if (lead > 0 || (lead == 0 && n->s[s].line_began < n->s[best].line_began))
			best = s;
	}
	if (best < 0)
		return -1;
	bool newest = naive_is_newest_first(n, best);
	n->newest_first += newest;
	return newest ? naive_share(n, best)->last : naive_share(n, best)->first;
}

static inline void naive_grant(struct naive *n)
{
	int i;
	while (naive_share(n, ROOT)->waiting > 0 && (i = naive_pick(n)) >= 0) {
		struct naive_waiter *w = &n->w[i];
		if (w->expires <= n->now) {
			naive_send_away(n, i, false);
			continue;
		}
		naive_become(n, i, LIMIT_GRANTED);
		w->turn = ++n->turns;
		if (!w->is_returning)
			n->s[w->share].served = n->now;
		naive_shed(n, w->share);
	}
}

static inline void naive_init(struct naive *n, int64_t total, int64_t waiting_max, int64_t now,
			      const int *parents)
{
	*n = (struct naive){ .now = now, .latest = now - 1, .window_at = now };
	for (int s = 0; s <= MODEL_SHARES; s++) {
		n->s[s].parent = s == ROOT ? -1 : parents[s];
		n->s[s].set.max = n->s[s].set.waiting_max = LIMIT_INF;
	}
	n->s[ROOT].set.max = total;
	n->s[ROOT].set.waiting_max = waiting_max;
}

static inline bool naive_try(struct naive *n, int i, bool returns)
{
	struct naive_waiter *w = &n->w[i];
	w->is_returning = returns;
	w->since = n->latest = naive_most(n->now, n->latest + 1);
	naive_want(n, w->share, 1);
	naive_grant(n);
	if (!naive_admits(n, w->share))
		return false;
	naive_become(n, i, LIMIT_HOLDING);
	return true;
}

static inline void naive_join(struct naive *n, int i, int64_t expires)
{
	n->w[i].expires = expires;
	if (!n->w[i].is_returning && naive_share(n, n->w[i].share)->in_line == 0)
		n->s[n->w[i].share].line_began = ++n->turns;
	naive_become(n, i, LIMIT_WAITING);
}

static inline enum limit_answer naive_return(struct naive *n, int i)
{
	if (naive_try(n, i, true))
		return LIMIT_YES;
	naive_join(n, i, CLOCK_NEVER);
	return LIMIT_WAIT;
}

static inline bool naive_is_full(struct naive *n, int s, int64_t leaving)
{
	for (; s >= 0; s = n->s[s].parent) {
		if (naive_share(n, s)->waiting - leaving >= n->s[s].set.waiting_max)
			return true;
	}
	return false;
}

/* The oldest of all who wait. */
static inline int naive_oldest(struct naive *n)
{
	int best = -1;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		if (n->w[i].state == LIMIT_WAITING &&
		    (best < 0 || n->w[i].since < n->w[best].since))
			best = i;
	}
	return best;
}

static inline bool naive_has_room(struct naive *n, int s)
{
	int first;
	if (!naive_is_full(n, s, 0))
		return true;
	while ((first = naive_oldest(n)) >= 0 && n->w[first].expires <= n->now)
		naive_send_away(n, first, false);
	while ((first = naive_share(n, s)->first) >= 0 && n->w[first].expires <= n->now)
		naive_send_away(n, first, false);
	if (!naive_is_full(n, s, 0))
		return true;
	if (naive_is_full(n, s, 1) || !naive_is_overloaded(n, s) || n->w[first].is_promised)
		return false;
	naive_send_away(n, first, true);
	return true;
}

static inline enum limit_answer naive_borrow(struct naive *n, int i, int64_t expires)
{
	struct naive_waiter *w = &n->w[i];
	if (naive_try(n, i, false))
		return LIMIT_YES;
	if (!naive_has_room(n, w->share) && !w->is_promised)
		return LIMIT_FULL;
	if (expires <= n->now) {
		w->expires = expires;
		naive_send_away(n, i, false);
		return LIMIT_WAIT;
	}
	naive_join(n, i, expires);
	naive_shed(n, w->share);
	return LIMIT_WAIT;
}

/* Gives back, passes on, or leaves. */
static inline void naive_leave(struct naive *n, int i)
{
	bool frees = n->w[i].state != LIMIT_EXPIRED;
	naive_become(n, i, LIMIT_IDLE);
	if (frees)
		naive_grant(n);
}

static inline void naive_set(struct naive *n, int s, const struct limit_share_settings *set)
{
	n->s[s].set = *set;
	naive_fit(n);
	naive_grant(n);
}

static inline void naive_set_target(struct naive *n, int64_t target)
{
	n->target = target;
	for (int s = 0; s <= MODEL_SHARES; s++)
		n->s[s].calm = n->now;
}

static inline void naive_expire(struct naive *n)
{
	for (int i; (i = naive_oldest(n)) >= 0;) {
		/* In the order of coming. */
		for (int j = 0; j < MODEL_WAITERS; j++) {
			const struct naive_waiter *w = &n->w[j];
			if (w->state == LIMIT_WAITING && w->expires <= n->now &&
			    (n->w[i].expires > n->now || w->since < n->w[i].since))
				i = j;
		}
		if (n->w[i].expires > n->now)
			break;
		naive_send_away(n, i, false);
	}
	naive_grant(n);
}

static inline void naive_tick(struct naive *n)
{
	if (n->reserved > 0 && n->now - n->window_at >= LIMIT_KEEP_WINDOW) {
		n->window_at = n->now;
		for (int s = 0; s < MODEL_SHARES; s++) {
			n->s[s].wanted_was = n->s[s].wanted;
			n->s[s].wanted = 0;
		}
		naive_want(n, ROOT, 0);
	}
	/* Lines in the order in which they began. */
	uint64_t after = 0;
	for (int best = 0; best >= 0;) {
		best = -1;
		for (int s = 0; s <= MODEL_SHARES; s++) {
			if (naive_share(n, s)->in_line > 0 && n->s[s].line_began > after &&
			    (best < 0 || n->s[s].line_began < n->s[best].line_began))
				best = s;
		}
		if (best >= 0) {
			after = n->s[best].line_began;
			naive_shed(n, best);
		}
	}
	naive_grant(n);
}

/* The next who was granted a token, or sent away; -1 for nobody. */
static inline int naive_told(struct naive *n, enum limit_state state)
{
	int best = -1;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		if (n->w[i].state == state && (best < 0 || n->w[i].turn < n->w[best].turn))
			best = i;
	}
	if (best >= 0)
		naive_become(n, best, state == LIMIT_GRANTED ? LIMIT_HOLDING : LIMIT_IDLE);
	return best;
}

#endif
