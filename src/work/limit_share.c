/*
 * Shares of a limiter's tokens: bounds, reserves, and what is kept free for
 * whom.
 *
 * A reserve that nobody takes for a moment would be lost for good to a route
 * whose calls never end, if all of it were lent. So what the share wanted
 * lately is kept, and at least one token; only the rest is lent.
 *
 * Thread: as limit.h says.
 */
#include "work/limit_private.h"

static int64_t max_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void limit_share_init(struct limit_share *s, int64_t now)
{
	*s = (struct limit_share){
		.set = { .max = LIMIT_INF, .waiting_max = LIMIT_INF },
		.drain.since = CLOCK_NEVER,
		.calm_at = now,
		.served_at = now,
	};
	list_init(&s->line);
	list_init(&s->link);
	list_init(&s->waiting_link);
}

/* Tokens that `s` has not given out; fewer than none after a lowering. */
static int64_t free_of(const struct limit_share *s)
{
	return s->set.max == LIMIT_INF ? LIMIT_INF : s->set.max - s->borrowed;
}

/* Tokens to be kept for `s` were `more` borrowed: for its own reserve or for
 * what is owed below, and no more than its bound lets it take. */
static int64_t owed_to(const struct limit_share *s, int64_t more, int64_t owed_below)
{
	int64_t own = 0;
	if (s->reserve > 0) {
		int64_t wanted = max_of(s->wanted, s->wanted_was);
		own = min_of(s->reserve, max_of(1, wanted)) - s->borrowed - more;
	}
	return max_of(0, min_of(max_of(own, owed_below), free_of(s) - more));
}

bool limit_share_admits(const struct limit_share *s)
{
	int64_t paid = 0; /* of what is owed below `s`, by this very token */
	for (; s; s = s->parent) {
		int64_t free = free_of(s);
		if (free < 1 || (paid == 0 && s->owed_below > free - 1))
			return false;
		paid = s->owed - owed_to(s, 1, s->owed_below - paid);
	}
	return true;
}

/* From `s` up: notes what is wanted now, and what is owed by it. */
static void settle(struct limit *l, struct limit_share *s)
{
	if (l->reserved == 0)
		return;
	for (; s; s = s->parent) {
		s->wanted = max_of(s->wanted, s->borrowed + s->waiting);
		int64_t owed = owed_to(s, 0, s->owed_below);
		if (s->parent)
			s->parent->owed_below += owed - s->owed;
		s->owed = owed;
	}
}

void limit_share_want(struct limit *l, struct limit_share *s)
{
	if (l->reserved == 0)
		return;
	for (struct limit_share *at = s; at; at = at->parent)
		at->wanted = max_of(at->wanted, at->borrowed + at->waiting + 1);
	settle(l, s);
}

void limit_share_borrowed(struct limit *l, struct limit_share *s, int by)
{
	for (struct limit_share *at = s; at; at = at->parent)
		at->borrowed += by;
	settle(l, s);
}

void limit_share_waiting(struct limit *l, struct limit_share *s, int by)
{
	for (struct limit_share *at = s; at; at = at->parent)
		at->waiting += by;
	settle(l, s);
}

void limit_share_add(struct limit *l, struct limit_share *s, struct limit_share *parent)
{
	limit_share_init(s, l->latest);
	s->parent = parent ? parent : &l->root;
	list_add_last(&l->shares, &s->link);
}

/* All reserves together; a share's own holds those below it as far as it goes.
 * owed_below is lent for the sums. */
static int64_t add_reserves(struct limit *l)
{
	l->root.owed_below = 0;
	list_each (&l->shares, struct limit_share, link, s)
		s->owed_below = 0;
	/* Children were added behind their parents. */
	for (struct list *at = l->shares.prev; at != &l->shares; at = at->prev) {
		struct limit_share *s = container_of(at, struct limit_share, link);
		int64_t sum = max_of(s->set.reserve, s->owed_below);
		s->parent->owed_below = clock_add(s->parent->owed_below, sum);
	}
	return l->root.owed_below;
}

/* One token is left for those without a reserve; reserves for which there is
 * no room, after a lowering, shrink alike. */
void limit_reserves_fit(struct limit *l)
{
	int64_t total = l->root.set.max;
	l->reserved = add_reserves(l);
	bool fits = l->reserved == 0 || total == LIMIT_INF || l->reserved < total;
	double room = (double)(total > 0 ? total - 1 : 0);
	list_each (&l->shares, struct limit_share, link, s) {
		s->reserve = s->set.reserve;
		if (!fits) /* the product first: 49 times a 49th is less than one */
			s->reserve = (int64_t)((double)s->set.reserve * room / (double)l->reserved);
		s->owed = s->owed_below = 0;
	}
	l->root.owed = l->root.owed_below = 0;
	list_each (&l->shares, struct limit_share, link, share)
		settle(l, share);
}

void limit_reserves_turn(struct limit *l, int64_t now)
{
	if (l->reserved == 0 || limit_elapsed(l->window_at, now) < LIMIT_KEEP_WINDOW)
		return;
	l->window_at = now;
	list_each (&l->shares, struct limit_share, link, s) {
		s->wanted_was = s->wanted;
		s->wanted = 0;
		settle(l, s);
	}
}
