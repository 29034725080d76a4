/*
 * A limiter under arbitrary operations, and what must hold after each: shared
 * by the fuzz driver and by the long pseudo-random run of test_limit.c. A
 * broken promise aborts.
 *
 * Thread: any, one owner.
 */
#ifndef WEIR_TESTS_LIMIT_MODEL_H
#define WEIR_TESTS_LIMIT_MODEL_H

#include <stdint.h>

#include "work/limit.h"

enum { MODEL_WAITERS = 64 };

struct limit_model {
	struct limit limit;
	struct limit_waiter waiters[MODEL_WAITERS];
	uint64_t order[MODEL_WAITERS]; /* when it came, by count */
	int64_t now;
	uint64_t arrivals;     /* orders given out */
	uint64_t last_granted; /* order of the newest grant */
	uint64_t asked;        /* limit_borrow and successful limit_try_borrow */
	uint64_t given;
	uint64_t cancelled_in_line;
	uint64_t cancelled_granted;
	int64_t bound; /* what borrowed may not exceed */
};

static inline void model_init(struct limit_model *m, int64_t total, int64_t waiting_max)
{
	*m = (struct limit_model){ .now = 1, .bound = total };
	limit_init(&m->limit, total, waiting_max, m->now);
	for (int i = 0; i < MODEL_WAITERS; i++)
		limit_waiter_init(&m->waiters[i]);
}

/* Objects of a list, each of the expected state. */
static inline int64_t model_list(struct list *head, enum limit_state state)
{
	int64_t n = 0;
	list_each (head, struct limit_waiter, link, w) {
		must(w->state == state);
		must(++n <= MODEL_WAITERS);
	}
	return n;
}

static inline void model_check_line(struct limit_model *m)
{
	uint64_t before = 0;
	list_each (&m->limit.waiters, struct limit_waiter, link, w) {
		uint64_t order = m->order[w - m->waiters];
		must(order > before);
		must(order > m->last_granted);
		before = order;
	}
}

static inline void model_check(struct limit_model *m)
{
	struct limit *l = &m->limit;
	int64_t count[LIMIT_EXPIRED + 1] = { 0 };
	for (int i = 0; i < MODEL_WAITERS; i++)
		count[m->waiters[i].state]++;
	/* Nobody is lost, no token is. */
	must(model_list(&l->waiters, LIMIT_WAITING) == count[LIMIT_WAITING]);
	must(model_list(&l->granted, LIMIT_GRANTED) == count[LIMIT_GRANTED]);
	must(model_list(&l->expired, LIMIT_EXPIRED) == count[LIMIT_EXPIRED]);
	must(l->root.waiting == count[LIMIT_WAITING]);
	must(l->root.borrowed == count[LIMIT_HOLDING] + count[LIMIT_GRANTED]);
	/* Within the tokens, or falling since they were lowered. */
	if (m->bound > l->root.set.max)
		m->bound = l->root.borrowed > l->root.set.max ? l->root.borrowed : l->root.set.max;
	must(l->root.borrowed <= m->bound);
	must(l->root.waiting == 0 || l->root.borrowed >= l->root.set.max);
	model_check_line(m);
	/* The accounts. */
	const struct limit_stats *s = &l->stats;
	must(s->grants == m->given + (uint64_t)l->root.borrowed + m->cancelled_granted);
	must(s->cancelled == m->cancelled_granted + m->cancelled_in_line);
	must(m->asked == s->grants + s->rejected_full + s->rejected_expired + m->cancelled_in_line +
				 (uint64_t)l->root.waiting);
	must(s->wait.total == s->grants);
	must(s->borrowed_max >= l->root.borrowed && s->waiting_max >= l->root.waiting);
	int retry = limit_retry_after(l, NULL, m->now);
	must(retry >= 1 && retry <= 60);
}

/* First in, first out: orders of all grants, at once or in line, only rise. */
static inline void model_note_grant(struct limit_model *m, struct limit_waiter *w)
{
	uint64_t order = m->order[w - m->waiters];
	must(order > m->last_granted);
	m->last_granted = order;
}

/* Notes what was assigned by the last operation, before anyone is told. */
static inline void model_note_granted(struct limit_model *m, uint64_t grants_before)
{
	uint64_t fresh = m->limit.stats.grants - grants_before;
	struct list *at = m->limit.granted.prev;
	for (uint64_t i = 1; i < fresh; i++)
		at = at->prev;
	for (; fresh > 0; fresh--, at = at->next) {
		struct limit_waiter *w = container_of(at, struct limit_waiter, link);
		must(w->expires > m->now);
		model_note_grant(m, w);
	}
}

static inline void model_borrow(struct limit_model *m, int i, int64_t patience)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE)
		return;
	struct limit *l = &m->limit;
	bool free = l->root.waiting == 0 && l->root.borrowed < l->root.set.max;
	w->is_promised = i % 7 == 0;
	m->order[i] = ++m->arrivals;
	m->asked++;
	switch (limit_borrow(l, w, m->now, clock_add(m->now, patience))) {
	case LIMIT_YES:
		must(free && w->state == LIMIT_HOLDING);
		model_note_grant(m, w);
		break;
	case LIMIT_WAIT:
		must(!free && (w->state == LIMIT_WAITING || w->state == LIMIT_EXPIRED));
		break;
	case LIMIT_FULL:
		must(!free && l->root.waiting >= l->root.set.waiting_max && !w->is_promised);
		must(w->state == LIMIT_IDLE);
		break;
	}
}

static inline void model_try(struct limit_model *m, int i)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE)
		return;
	bool free = m->limit.root.waiting == 0 && m->limit.root.borrowed < m->limit.root.set.max;
	m->order[i] = ++m->arrivals;
	bool got = limit_try_borrow(&m->limit, w, m->now);
	must(got == free && w->state == (got ? LIMIT_HOLDING : LIMIT_IDLE));
	m->asked += got;
	if (got)
		model_note_grant(m, w);
}

static inline void model_give(struct limit_model *m, int i)
{
	if (m->waiters[i].state != LIMIT_HOLDING)
		return;
	uint64_t grants = m->limit.stats.grants;
	limit_give(&m->limit, &m->waiters[i], m->now);
	m->given++;
	model_note_granted(m, grants);
}

static inline void model_cancel(struct limit_model *m, int i)
{
	enum limit_state was = m->waiters[i].state;
	uint64_t grants = m->limit.stats.grants;
	bool left = limit_cancel(&m->limit, &m->waiters[i], m->now);
	must(left == (was != LIMIT_IDLE && was != LIMIT_HOLDING));
	must(m->waiters[i].state == (left ? LIMIT_IDLE : was));
	m->cancelled_granted += was == LIMIT_GRANTED;
	m->cancelled_in_line += was == LIMIT_WAITING;
	model_note_granted(m, grants);
}

static inline void model_resize(struct limit_model *m, int64_t total)
{
	uint64_t grants = m->limit.stats.grants;
	if (total > m->bound)
		m->bound = total;
	limit_resize(&m->limit, total, m->now);
	model_note_granted(m, grants);
}

static inline void model_expire(struct limit_model *m)
{
	limit_expire(&m->limit, m->now);
	list_each (&m->limit.waiters, struct limit_waiter, link, w)
		must(w->expires > m->now);
}

static inline void model_tell(struct limit_model *m)
{
	struct limit_waiter *w = limit_next_granted(&m->limit);
	must(!w || w->state == LIMIT_HOLDING);
	w = limit_next_expired(&m->limit);
	must(!w || (w->state == LIMIT_IDLE && w->expires <= m->now));
}

/* One operation, chosen by two bytes. */
static inline void model_step(struct limit_model *m, uint8_t what, uint8_t how)
{
	int i = how % MODEL_WAITERS;
	m->now += (int64_t)(what >> 4) * (how & 1 ? NS_PER_MS : 8 * NS_PER_MS);
	switch (what % 16) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		model_borrow(m, i, (int64_t)(how >> 3) * 100 * NS_PER_MS);
		break;
	case 5:
		model_try(m, i);
		break;
	case 6:
	case 7:
	case 8:
	case 9:
		model_give(m, i);
		break;
	case 10:
		model_cancel(m, i);
		break;
	case 11:
		model_resize(m, how == 255 ? LIMIT_INF : how % 12);
		break;
	case 12:
		model_expire(m);
		break;
	case 13:
		limit_set_waiting_max(&m->limit, how == 255 ? LIMIT_INF : how % 16);
		break;
	default:
		model_tell(m);
		break;
	}
	model_check(m);
}

#endif
