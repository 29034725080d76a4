/*
 * A limiter under arbitrary operations: two modules' shares, four routes' and
 * waiters in all of them. Shared by the fuzz driver and by the long random run
 * of test_limit.c. What must hold after each step is in limit_model_check.h,
 * and a second limiter, limit_naive.h, must come to the same. A broken promise
 * aborts.
 *
 * Thread: any, one owner.
 */
#ifndef WEIR_TESTS_LIMIT_MODEL_H
#define WEIR_TESTS_LIMIT_MODEL_H

#include "limit_model_check.h"

static inline void model_init(struct limit_model *m, int64_t total, int64_t waiting_max)
{
	static const int parents[MODEL_SHARES] = { ROOT, ROOT, 0, 0, 1, ROOT };
	*m = (struct limit_model){ .now = 1 };
	limit_init(&m->limit, total, waiting_max, m->now);
	naive_init(&m->naive, total, waiting_max, m->now, parents);
	for (int i = 0; i < MODEL_SHARES; i++)
		limit_share_add(&m->limit, &m->shares[i],
				parents[i] == ROOT ? NULL : &m->shares[parents[i]]);
	for (int i = 0; i <= MODEL_SHARES; i++)
		m->bound[i] = LIMIT_INF;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		limit_waiter_init(&m->waiters[i]);
		m->naive.w[i].share = i % 8 < MODEL_SHARES ? i % 8 : ROOT;
		m->waiters[i].share = i % 8 < MODEL_SHARES ? &m->shares[i % 8] : NULL;
	}
}

static inline void model_borrow(struct limit_model *m, int i, int64_t patience)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE || m->is_lent[i])
		return;
	w->is_promised = m->naive.w[i].is_promised = i % 7 == 0;
	m->asked++;
	int64_t patient = w->is_promised ? CLOCK_NEVER : clock_add(m->now, patience);
	enum limit_answer got = limit_borrow(&m->limit, w, m->now, patient);
	must(got == naive_borrow(&m->naive, i, patient));
	if (got == LIMIT_WAIT)
		must(w->state == LIMIT_WAITING || w->state == LIMIT_EXPIRED);
	else
		must(w->state == (got == LIMIT_YES ? LIMIT_HOLDING : LIMIT_IDLE));
	must(got != LIMIT_FULL || !w->is_promised);
}

static inline void model_try(struct limit_model *m, int i)
{
	struct limit_waiter *w = &m->waiters[i];
	if (w->state != LIMIT_IDLE || m->is_lent[i])
		return;
	bool got = limit_try_borrow(&m->limit, w, m->now);
	must(got == naive_try(&m->naive, i, false));
	must(w->state == (got ? LIMIT_HOLDING : LIMIT_IDLE));
	m->asked += got;
}

static inline void model_give(struct limit_model *m, int i)
{
	i = model_next(m, i, LIMIT_HOLDING);
	if (i < 0)
		return;
	limit_give(&m->limit, &m->waiters[i], m->now);
	naive_leave(&m->naive, i);
	m->given++;
}

/* Lends a token. */
static inline void model_lend(struct limit_model *m, int i)
{
	i = model_next(m, i, LIMIT_HOLDING);
	if (i < 0)
		return;
	model_give(m, i);
	m->is_lent[i] = true;
}

/* Takes back one that was lent. */
static inline void model_return(struct limit_model *m, int i)
{
	for (int n = 0; n < MODEL_WAITERS && !m->is_lent[i]; n++)
		i = (i + 1) % MODEL_WAITERS;
	if (!m->is_lent[i])
		return;
	struct limit_waiter *w = &m->waiters[i];
	m->is_lent[i] = false;
	m->asked++;
	enum limit_answer got = limit_return(&m->limit, w, m->now);
	must(got == naive_return(&m->naive, i));
	must(w->state == (got == LIMIT_YES ? LIMIT_HOLDING : LIMIT_WAITING));
}

static inline void model_cancel(struct limit_model *m, int i)
{
	if (i < 0)
		return;
	enum limit_state was = m->waiters[i].state;
	bool left = limit_cancel(&m->limit, &m->waiters[i], m->now);
	must(left == (was != LIMIT_IDLE && was != LIMIT_HOLDING));
	must(m->waiters[i].state == (left ? LIMIT_IDLE : was));
	if (left)
		naive_leave(&m->naive, i);
	m->cancelled_granted += was == LIMIT_GRANTED;
	m->cancelled_in_line += was == LIMIT_WAITING;
}

static inline void model_expire(struct limit_model *m)
{
	limit_expire(&m->limit, m->now);
	naive_expire(&m->naive);
	list_each (&m->limit.waiters, struct limit_waiter, link, w)
		must(w->expires > m->now);
}

static inline int model_number(const struct limit_model *m, const struct limit_waiter *w)
{
	return w ? (int)(w - m->waiters) : -1;
}

static inline void model_tell(struct limit_model *m)
{
	struct limit_waiter *w = limit_next_granted(&m->limit);
	must(model_number(m, w) == naive_told(&m->naive, LIMIT_GRANTED));
	w = limit_next_expired(&m->limit);
	must(model_number(m, w) == naive_told(&m->naive, LIMIT_EXPIRED));
	if (!w)
		return;
	must(w->state == LIMIT_IDLE && !w->is_returning);
	must(w->was_shed ? !w->is_promised : w->expires <= m->latest);
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
		set.reserve = how % 4; /* may be above `max` */
	if (kind & 4)
		set.priority = how % 3 - 1;
	if (kind == 5)
		set.waiting_max = how % 7;
	limit_share_set(&m->limit, &m->shares[i], &set, m->now);
	naive_set(&m->naive, i, &set);
}

static inline void model_resize(struct limit_model *m, int64_t total)
{
	struct limit_share_settings set = m->naive.s[ROOT].set;
	set.max = total;
	limit_resize(&m->limit, total, m->now);
	naive_set(&m->naive, ROOT, &set);
}

static inline void model_set_waiting_max(struct limit_model *m, int64_t waiting_max)
{
	limit_set_waiting_max(&m->limit, waiting_max);
	m->naive.s[ROOT].set.waiting_max = waiting_max;
}

static inline void model_set_target(struct limit_model *m, int64_t target)
{
	limit_set_target(&m->limit, target, m->now);
	naive_set_target(&m->naive, target);
}

static inline void model_tick(struct limit_model *m)
{
	limit_tick(&m->limit, m->now);
	naive_tick(&m->naive);
}

/* Clocks are read before locks are taken: now and then a moment is a little
 * earlier than the one before. (Overload is compared to the nanosecond, so not
 * there.) */
static inline void model_pass(struct limit_model *m, int64_t ns)
{
	if (ns == 12 * NS_PER_MS && m->limit.target == 0 && m->now > ns)
		ns = -NS_PER_MS;
	m->now += ns;
	m->latest = model_most(m->latest, m->now);
	naive_pass(&m->naive, m->now);
}

/* One operation, chosen by two bytes. */
static inline void model_step(struct limit_model *m, uint8_t what, uint8_t how)
{
	int i = how % MODEL_WAITERS;
	model_pass(m, (int64_t)(what / 20) * (how & 1 ? NS_PER_MS : 24 * NS_PER_MS));
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
		if (how & 1)
			model_lend(m, i);
		else
			model_return(m, i);
		break;
	case 10:
		if (how & 8)
			i = model_next(m, i, how & 4 ? LIMIT_WAITING : LIMIT_GRANTED);
		model_cancel(m, i);
		break;
	case 11:
		model_resize(m, how == 255 ? LIMIT_INF : how % 12);
		break;
	case 12:
		model_expire(m);
		break;
	case 13:
		model_set_waiting_max(m, how == 255 ? LIMIT_INF : how % 24);
		break;
	case 14:
		model_set_share(m, how);
		break;
	case 15:
		model_set_target(m, how % 2 ? 0 : (how / 4) * NS_PER_MS);
		break;
	case 16:
		model_pass(m, (int64_t)(how % 8) * (how < 32 ? NS_PER_S : NS_PER_MS));
		model_tick(m);
		break;
	default:
		model_tell(m);
		break;
	}
	model_check(m);
}

#endif
