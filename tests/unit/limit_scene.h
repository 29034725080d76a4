/*
 * A limiter with four shares below its root and a crowd of waiters: what the
 * unit tests of the limiter's parts have in common.
 *
 * Thread: one.
 */
#ifndef WEIR_TESTS_LIMIT_SCENE_H
#define WEIR_TESTS_LIMIT_SCENE_H

#include <string.h>

#include "work/limit.h"

enum { CROWD = 64, SHARES = 4 };

#define MS NS_PER_MS

/* Waiters 0 to 9 of share 0, 10 to 19 of share 1, …, the last ones of none. */
struct scene {
	struct limit l;
	struct limit_share s[SHARES];
	struct limit_waiter w[CROWD];
	int64_t now;
};

static inline struct scene *scene(int64_t total)
{
	static struct scene scene;
	struct scene *s = &scene;
	memset(s, 0, sizeof(*s));
	limit_init(&s->l, total, LIMIT_INF, 0);
	for (int i = 0; i < SHARES; i++)
		limit_share_add(&s->l, &s->s[i], NULL);
	for (int i = 0; i < CROWD; i++) {
		limit_waiter_init(&s->w[i]);
		s->w[i].share = i / 10 < SHARES ? &s->s[i / 10] : NULL;
	}
	return s;
}

static inline void set(struct scene *s, int share, int64_t max, int64_t reserve)
{
	struct limit_share_settings settings = { .max = max,
						 .reserve = reserve,
						 .waiting_max = LIMIT_INF };
	limit_share_set(&s->l, &s->s[share], &settings, s->now);
}

static inline void ask(struct scene *s, int from, int to)
{
	for (int i = from; i < to; i++)
		(void)limit_borrow(&s->l, &s->w[i], ++s->now, CLOCK_NEVER);
}

static inline void give(struct scene *s, int i)
{
	limit_give(&s->l, &s->w[i], ++s->now);
}

/* The number of the next waiter told of its token, -1 for none. */
static inline int told(struct scene *s)
{
	struct limit_waiter *w = limit_next_granted(&s->l);
	return w ? (int)(w - s->w) : -1;
}

static inline int sent_away(struct scene *s)
{
	struct limit_waiter *w = limit_next_expired(&s->l);
	return w ? (int)(w - s->w) : -1;
}

/* The windows in which wants are remembered pass. */
static inline void let_wants_pass(struct scene *s)
{
	for (int i = 0; i < 2; i++) {
		s->now += LIMIT_KEEP_WINDOW;
		limit_tick(&s->l, s->now);
	}
}

#endif
