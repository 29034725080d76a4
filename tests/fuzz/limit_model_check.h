/*
 * What must hold in a limiter after any operation, computed from the waiters
 * alone wherever the limiter keeps a number.
 *
 * Thread: as limit_model.h.
 */
#ifndef WEIR_TESTS_LIMIT_MODEL_CHECK_H
#define WEIR_TESTS_LIMIT_MODEL_CHECK_H

#include "limit_naive_ops.h"

struct limit_model {
	struct limit limit;
	struct naive naive;                      /* does the same */
	struct limit_share shares[MODEL_SHARES]; /* 0 1 modules; 2 3 4 their routes; 5 a route */
	struct limit_waiter waiters[MODEL_WAITERS];
	enum limit_state was[MODEL_WAITERS]; /* before this step */
	bool is_lent[MODEL_WAITERS];
	int64_t now, latest;
	uint64_t asked; /* limit_borrow, limit_return and successful limit_try_borrow */
	uint64_t given;
	uint64_t cancelled_in_line;
	uint64_t cancelled_granted;
	int64_t bound[MODEL_SHARES + 1]; /* what borrowed may not exceed; last: the root */
};

static inline int64_t model_most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static inline struct limit_share *model_share(struct limit_model *m, int i)
{
	return i == MODEL_SHARES ? &m->limit.root : &m->shares[i];
}

static inline struct limit_share *model_share_of(struct limit_model *m, int i)
{
	return m->waiters[i].share ? m->waiters[i].share : &m->limit.root;
}

static inline bool model_is_below(const struct limit_share *s, const struct limit_share *top)
{
	while (s && s != top)
		s = s->parent;
	return s != NULL;
}

/* The next waiter from `i` on in this state; -1: there is none. */
static inline int model_next(const struct limit_model *m, int i, enum limit_state state)
{
	for (int n = 0; n < MODEL_WAITERS; n++, i = (i + 1) % MODEL_WAITERS) {
		if (m->waiters[i].state == state)
			return i;
	}
	return -1;
}

static inline void model_begin_step(struct limit_model *m)
{
	for (int i = 0; i < MODEL_WAITERS; i++)
		m->was[i] = m->waiters[i].state;
}

/* Objects of a list, each of the expected state. */
static inline int64_t model_list(struct list *head, enum limit_state state)
{
	int64_t n = 0, since = INT64_MIN;
	list_each (head, struct limit_waiter, link, w) {
		must(w->state == state);
		must(++n <= MODEL_WAITERS);
		must(state != LIMIT_WAITING || w->since > since);
		since = w->since;
	}
	return n;
}

/* Each line holds its waiters in the order of their coming, and nobody else. */
static inline void model_check_line(struct limit_model *m, struct limit_share *s)
{
	int64_t n = 0, wanted = 0, since = INT64_MIN;
	list_each (&s->line, struct limit_waiter, in_line, w) {
		must(w->state == LIMIT_WAITING && !w->is_returning && w->since > since);
		must((w->share ? w->share : &m->limit.root) == s);
		since = w->since;
		n++;
	}
	for (int i = 0; i < MODEL_WAITERS; i++)
		wanted += m->waiters[i].state == LIMIT_WAITING && !m->waiters[i].is_returning &&
			  model_share_of(m, i) == s;
	must(n == wanted && s->in_line == n);
	must((n > 0) == !list_is_empty(&s->waiting_link));
}

static inline void model_check_share(struct limit_model *m, int index)
{
	struct limit_share *s = model_share(m, index);
	int64_t borrowed = 0, waiting = 0;
	for (int i = 0; i < MODEL_WAITERS; i++) {
		if (!model_is_below(model_share_of(m, i), s))
			continue;
		enum limit_state state = m->waiters[i].state;
		borrowed += state == LIMIT_HOLDING || state == LIMIT_GRANTED;
		waiting += state == LIMIT_WAITING;
	}
	must(s->borrowed == borrowed && s->waiting == waiting);
	/* Within the tokens, or falling since they were lowered. */
	if (s->set.max >= borrowed)
		m->bound[index] = s->set.max;
	else
		must(borrowed <= m->bound[index]);
	if (borrowed < m->bound[index])
		m->bound[index] = model_most(borrowed, s->set.max);
	model_check_line(m, s);
}

/* What is owed to `s`, were it `more` borrowed through `at`; never more than it
 * could take. */
static inline int64_t model_owed(struct limit_model *m, struct limit_share *s,
				 const struct limit_share *at, int64_t more, int64_t *ret_below)
{
	int64_t below = 0, own = 0;
	int64_t out = s->borrowed + (model_is_below(at, s) ? more : 0);
	for (int i = 0; i < MODEL_SHARES; i++) {
		if (m->shares[i].parent == s)
			below += model_owed(m, &m->shares[i], at, more, NULL);
	}
	if (ret_below)
		*ret_below = below;
	if (s->reserve > 0) {
		int64_t kept = model_most(1, model_most(s->wanted, s->wanted_was));
		own = (kept < s->reserve ? kept : s->reserve) - out;
	}
	int64_t owed = model_most(own, below);
	return model_most(0, s->set.max - out < owed ? s->set.max - out : owed);
}

static inline bool model_admits(struct limit_model *m, struct limit_share *at)
{
	struct limit_share *child = NULL;
	for (struct limit_share *s = at; s; child = s, s = s->parent) {
		int64_t free = s->set.max - s->borrowed, below;
		(void)model_owed(m, s, at, 0, &below);
		bool pays = child &&
			    model_owed(m, child, at, 1, NULL) < model_owed(m, child, at, 0, NULL);
		if (free < 1 || (!pays && below > free - 1))
			return false;
	}
	return true;
}

static inline void model_check_reserves(struct limit_model *m)
{
	struct limit *l = &m->limit;
	for (int i = 0; i <= MODEL_SHARES && l->reserved > 0; i++) {
		struct limit_share *s = model_share(m, i);
		int64_t below, owed = model_owed(m, s, s, 0, &below);
		must(s->owed == owed && s->owed_below == below);
		must(s->wanted >= s->borrowed + s->waiting);
		must(s->reserve <= s->set.reserve);
	}
	int64_t top = 0;
	for (int i = 0; i < MODEL_SHARES; i++) {
		if (m->shares[i].parent == &l->root)
			top += m->shares[i].reserve;
	}
	must(l->root.set.max == 0 ? top == 0 : top < l->root.set.max);
}

/* Who got a token in this step was in time, and nobody eligible waits. */
static inline void model_check_waiters(struct limit_model *m)
{
	for (int i = 0; i < MODEL_WAITERS; i++) {
		const struct limit_waiter *w = &m->waiters[i];
		enum limit_state was = m->was[i];
		must(w->state != LIMIT_WAITING || !model_admits(m, model_share_of(m, i)));
		if (w->state == LIMIT_GRANTED && was != LIMIT_GRANTED)
			must(was == LIMIT_WAITING && w->expires > m->now);
		if (w->state == LIMIT_HOLDING)
			must(was == LIMIT_HOLDING || was == LIMIT_GRANTED || was == LIMIT_IDLE);
	}
}

/* Both limiters came to the same. */
static inline void model_check_naive(struct limit_model *m)
{
	struct naive *n = &m->naive;
	naive_pass(n, m->now);
	must(n->reserved == m->limit.reserved);
	for (int i = 0; i < MODEL_WAITERS; i++) {
		must(m->waiters[i].state == n->w[i].state);
		must(m->waiters[i].since == n->w[i].since);
		must(n->w[i].state != LIMIT_EXPIRED || m->waiters[i].was_shed == n->w[i].was_shed);
	}
	for (int i = 0; i < MODEL_SHARES; i++) {
		must(m->shares[i].reserve == n->s[i].reserve);
		must(m->shares[i].wanted == n->s[i].wanted || n->reserved == 0);
		must(limit_is_overloaded(&m->limit, &m->shares[i], m->now) ==
		     naive_is_overloaded(n, i));
	}
	must(limit_is_overloaded(&m->limit, NULL, m->now) == naive_is_overloaded(n, ROOT));
}

/* Nobody is lost, no token is, and the accounts add up. */
static inline void model_check_accounts(struct limit_model *m)
{
	struct limit *l = &m->limit;
	const struct limit_stats *s = &l->stats;
	int64_t count[LIMIT_EXPIRED + 1] = { 0 };
	for (int i = 0; i < MODEL_WAITERS; i++)
		count[m->waiters[i].state]++;
	must(model_list(&l->waiters, LIMIT_WAITING) == count[LIMIT_WAITING]);
	must(model_list(&l->granted, LIMIT_GRANTED) == count[LIMIT_GRANTED]);
	must(model_list(&l->expired, LIMIT_EXPIRED) == count[LIMIT_EXPIRED]);
	must(s->grants == m->given + (uint64_t)l->root.borrowed + m->cancelled_granted);
	must(s->cancelled == m->cancelled_granted + m->cancelled_in_line);
	must(m->asked == s->grants + s->rejected_full + s->rejected_expired + s->rejected_shed +
				 m->cancelled_in_line + (uint64_t)l->root.waiting);
	must(s->wait.total == s->grants && s->returns <= s->grants);
	must(s->borrowed_max >= l->root.borrowed && s->waiting_max >= l->root.waiting);
	for (int i = 0; i <= MODEL_SHARES; i++) {
		int retry = limit_retry_after(l, model_share(m, i), m->now);
		must(retry >= 1 && retry <= 60);
	}
}

static inline void model_check(struct limit_model *m)
{
	model_check_accounts(m);
	for (int i = 0; i <= MODEL_SHARES; i++)
		model_check_share(m, i);
	model_check_reserves(m);
	model_check_waiters(m);
	model_check_naive(m);
}

#endif
