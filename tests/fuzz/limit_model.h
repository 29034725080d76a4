/*
 * A limiter under arbitrary operations: two modules' shares, four routes' and
 * waiters in all of them. Shared by the fuzz driver and by the long random run
 * of test_limit.c; what must hold after each step is in limit_model_check.h. A
 * broken promise aborts.
 *
 * Thread: any, one owner.
 */
#ifndef WEIR_TESTS_LIMIT_MODEL_H
#define WEIR_TESTS_LIMIT_MODEL_H

#include "limit_model_check.h"

static inline void model_init(struct limit_model *m, int64_t total, int64_t waiting_max)
{
	*m = (struct limit_model){ .now = 1 };
	limit_init(&m->limit, total, waiting_max, m->now);
	limit_share_add(&m->limit, &m->shares[0], NULL);
	limit_share_add(&m->limit, &m->shares[1], NULL);
	limit_share_add(&m->limit, &m->shares[2], &m->shares[0]);
	limit_share_add(&m->limit, &m->shares[3], &m->shares[0]);
	limit_share_add(&m->limit, &m->shares[4], &m->shares[1]);
	limit_share_add(&m->limit, &m->shares[5], NULL);
	for (int i = 0; i <= MODEL_SHARES; i++)
		m->bound[i] = LIMIT_INF;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		limit_waiter_init(&m->waiters[i]);
		m->waiters[i].share = i % 8 < MODEL_SHARES ? &m->shares[i % 8] : NULL;
	}
}

static inline void model_borrow(struct limit_model *m, int i, int64_t patience)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE)
		return;
	w->is_promised = i % 7 == 0;
	m->is_lent[i] = false;
	m->asked++;
	int64_t patient = w->is_promised ? CLOCK_NEVER : clock_add(m->now, patience);
	switch (limit_borrow(&m->limit, w, m->now, patient)) {
	case LIMIT_YES:
		must(w->state == LIMIT_HOLDING);
		break;
	case LIMIT_WAIT:
		must(w->state == LIMIT_WAITING || w->state == LIMIT_EXPIRED);
		break;
	case LIMIT_FULL:
		must(w->state == LIMIT_IDLE && !w->is_promised && model_is_full(m, w));
		break;
	}
}

static inline void model_try(struct limit_model *m, int i)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE)
		return;
	m->is_lent[i] = false;
	bool got = limit_try_borrow(&m->limit, w, m->now);
	must(w->state == (got ? LIMIT_HOLDING : LIMIT_IDLE));
	m->asked += got;
}

static inline void model_give(struct limit_model *m, int i)
{
	if (m->waiters[i].state != LIMIT_HOLDING)
		return;
	limit_give(&m->limit, &m->waiters[i], m->now);
	m->given++;
}

/* Lends a token, or takes back one that was lent. */
static inline void model_lend(struct limit_model *m, int i)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state == LIMIT_HOLDING) {
		model_give(m, i);
		m->is_lent[i] = true;
	} else if (w->state == LIMIT_IDLE && m->is_lent[i]) {
		m->is_lent[i] = false;
		m->asked++;
		enum limit_answer got = limit_return(&m->limit, w, m->now);
		must(got == LIMIT_YES ? w->state == LIMIT_HOLDING : w->state == LIMIT_WAITING);
	}
}

static inline void model_cancel(struct limit_model *m, int i)
{
	enum limit_state was = m->waiters[i].state;
	bool left = limit_cancel(&m->limit, &m->waiters[i], m->now);
	must(left == (was != LIMIT_IDLE && was != LIMIT_HOLDING));
	must(m->waiters[i].state == (left ? LIMIT_IDLE : was));
	m->cancelled_granted += was == LIMIT_GRANTED;
	m->cancelled_in_line += was == LIMIT_WAITING;
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
	must(!w || w->state == LIMIT_IDLE);
	must(!w || w->was_shed || w->expires <= m->now);
	must(!w || !w->is_returning);
	must(!w || !w->was_shed || !w->is_promised);
}

/* Settings of a share: often none, else small. */
static inline void model_set_share(struct limit_model *m, uint8_t how)
{
	int i = how % MODEL_SHARES;
	uint8_t kind = how / MODEL_SHARES % 8;
	struct limit_share_settings set = { .max = LIMIT_INF, .waiting_max = LIMIT_INF };
	if (kind & 1)
		set.max = 1 + how % 5;
	if (kind & 2)
		set.reserve = how % 4 < set.max ? how % 4 : set.max;
	if (kind & 4)
		set.priority = how % 3 - 1;
	if (kind == 5)
		set.waiting_max = how % 7;
	limit_share_set(&m->limit, &m->shares[i], &set, m->now);
}

/* One operation, chosen by two bytes. */
static inline void model_step(struct limit_model *m, uint8_t what, uint8_t how)
{
	int i = how % MODEL_WAITERS;
	m->now += (int64_t)(what / 20) * (how & 1 ? NS_PER_MS : 24 * NS_PER_MS);
	model_begin_step(m);
	switch (what % 20) {
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
		model_give(m, i);
		break;
	case 9:
		model_lend(m, i);
		break;
	case 10:
		model_cancel(m, i);
		break;
	case 11:
		limit_resize(&m->limit, how == 255 ? LIMIT_INF : how % 12, m->now);
		break;
	case 12:
		model_expire(m);
		break;
	case 13:
		limit_set_waiting_max(&m->limit, how == 255 ? LIMIT_INF : how % 24);
		break;
	case 14:
		model_set_share(m, how);
		break;
	case 15:
		limit_set_target(&m->limit, how % 4 ? 0 : (how / 4) * NS_PER_MS, m->now);
		break;
	case 16:
		m->now += (int64_t)(how % 8) * NS_PER_S;
		limit_tick(&m->limit, m->now);
		break;
	default:
		model_tell(m);
		break;
	}
	model_check(m);
}

#endif
