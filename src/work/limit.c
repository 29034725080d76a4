/*
 * The limiter's state machine: who gets a token, who stands in line, whose
 * time ran out.
 *
 * Thread: any; the pool that owns a limiter holds its lock around every call.
 * Leaves running, waking and telling anyone anything to the pool.
 */
#include "work/limit.h"

/* So long must all tokens have been out before a window counts. */
#define RATE_WINDOW NS_PER_S
#define RATE_WEIGHT 0.3 /* of the newest window */

enum { RETRY_MIN = 1, RETRY_MAX = 60 };

void limit_init(struct limit *l, int64_t total, int64_t waiting_max, int64_t now)
{
	must(total >= 0 && waiting_max >= 0);
	(void)now;
	*l = (struct limit){
		.total = total,
		.waiting_max = waiting_max,
		.rate_since = CLOCK_NEVER,
	};
	list_init(&l->waiters);
	list_init(&l->granted);
	list_init(&l->expired);
}

void limit_waiter_init(struct limit_waiter *w)
{
	*w = (struct limit_waiter){ .state = LIMIT_IDLE, .expires = CLOCK_NEVER };
	list_init(&w->link);
}

/* Callers read the clock before they take the pool's lock, so that moments may
 * come a little out of order. */
static int64_t elapsed(int64_t since, int64_t now)
{
	return now > since ? now - since : 0;
}

static int bucket(int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	int i = us == 0 ? 0 : 64 - __builtin_clzll(us);
	return i < LIMIT_BUCKETS ? i : LIMIT_BUCKETS - 1;
}

void limit_histogram_add(struct limit_histogram *h, int64_t ns)
{
	h->count[bucket(ns)]++;
	h->total++;
	if (ns > 0 && __builtin_add_overflow(h->sum_ns, ns, &h->sum_ns))
		h->sum_ns = INT64_MAX;
}

/* ---- the measured drain ---- */

static bool is_drained_dry(const struct limit *l)
{
	return l->borrowed > 0 && l->borrowed >= l->total;
}

/* How long all tokens were out in the open window. */
static int64_t busy_time(const struct limit *l, int64_t now)
{
	if (l->rate_since == CLOCK_NEVER)
		return l->rate_busy;
	return clock_add(l->rate_busy, elapsed(l->rate_since, now));
}

/* The rate as it would be with the open window closed now; 0: nothing known. */
static double rate_at(const struct limit *l, int64_t now)
{
	int64_t busy = busy_time(l, now);
	if (busy < RATE_WINDOW && l->rate > 0)
		return l->rate;
	double newest = busy > 0 ? (double)l->rate_count * (double)NS_PER_S / (double)busy : 0;
	return l->rate > 0 ? l->rate + RATE_WEIGHT * (newest - l->rate) : newest;
}

/* After every change of borrowed or total: opens and closes the stretches in
 * which all tokens are out. */
static void track_rate(struct limit *l, int64_t now)
{
	bool dry = is_drained_dry(l);
	int64_t busy = busy_time(l, now);
	/* A window without anything given back stays open: it has no rate. */
	if (busy >= RATE_WINDOW && l->rate_count > 0) {
		l->rate = rate_at(l, now);
		l->rate_busy = 0;
		l->rate_count = 0;
		l->rate_since = dry ? now : CLOCK_NEVER;
	} else if (!dry) {
		l->rate_busy = busy;
		l->rate_since = CLOCK_NEVER;
	} else if (l->rate_since == CLOCK_NEVER) {
		l->rate_since = now;
	}
}

int limit_retry_after(const struct limit *l, int64_t now)
{
	if (l->total == 0)
		return RETRY_MAX;
	double rate = rate_at(l, now);
	if (rate <= 0)
		return RETRY_MIN;
	double seconds = (double)(l->waiting > 0 ? l->waiting : 1) / rate;
	if (seconds >= RETRY_MAX)
		return RETRY_MAX;
	int whole = (int)seconds;
	whole += seconds > whole;
	return whole < RETRY_MIN ? RETRY_MIN : whole;
}

/* ---- tokens and the line ---- */

static void assign(struct limit *l, struct limit_waiter *w, int64_t now)
{
	l->borrowed++;
	l->stats.grants++;
	if (l->borrowed > l->stats.borrowed_max)
		l->stats.borrowed_max = l->borrowed;
	limit_histogram_add(&l->stats.wait, elapsed(w->since, now));
}

static void leave_line(struct limit *l, struct limit_waiter *w)
{
	must(l->waiting > 0);
	list_remove(&w->link);
	l->waiting--;
}

static void set_expired(struct limit *l, struct limit_waiter *w)
{
	w->state = LIMIT_EXPIRED;
	l->stats.rejected_expired++;
	list_add_last(&l->expired, &w->link);
}

/* By comparison, never by counting what was freed: tokens lowered and raised
 * again while they are out must not be given out twice. */
static void grant_waiters(struct limit *l, int64_t now)
{
	while (l->waiting > 0 && l->borrowed < l->total) {
		struct limit_waiter *w = list_first(&l->waiters, struct limit_waiter, link);
		leave_line(l, w);
		if (w->expires <= now) {
			set_expired(l, w);
			continue;
		}
		w->state = LIMIT_GRANTED;
		list_add_last(&l->granted, &w->link);
		assign(l, w, now);
	}
	track_rate(l, now);
}

bool limit_try_borrow(struct limit *l, struct limit_waiter *w, int64_t now)
{
	must(w->state == LIMIT_IDLE);
	if (l->waiting > 0 || l->borrowed >= l->total)
		return false;
	w->state = LIMIT_HOLDING;
	w->since = now;
	assign(l, w, now);
	track_rate(l, now);
	return true;
}

/* Places that nobody needs any more, as far as the front of the line shows
 * them: most lines expire in order. */
static void expire_front(struct limit *l, int64_t now)
{
	struct limit_waiter *w;
	while ((w = list_first(&l->waiters, struct limit_waiter, link)) && w->expires <= now) {
		leave_line(l, w);
		set_expired(l, w);
	}
}

static bool is_line_full(struct limit *l, int64_t now)
{
	if (l->waiting < l->waiting_max)
		return false;
	expire_front(l, now);
	return l->waiting >= l->waiting_max;
}

enum limit_answer limit_borrow(struct limit *l, struct limit_waiter *w, int64_t now,
			       int64_t expires)
{
	if (limit_try_borrow(l, w, now))
		return LIMIT_YES;
	if (is_line_full(l, now) && !w->is_promised) {
		l->stats.rejected_full++;
		return LIMIT_FULL;
	}
	w->since = now;
	w->expires = expires;
	if (expires <= now) {
		set_expired(l, w);
		return LIMIT_WAIT;
	}
	w->state = LIMIT_WAITING;
	list_add_last(&l->waiters, &w->link);
	l->waiting++;
	if (l->waiting > l->stats.waiting_max)
		l->stats.waiting_max = l->waiting;
	return LIMIT_WAIT;
}

static void take_back(struct limit *l, int64_t now)
{
	must(l->borrowed > 0);
	l->borrowed--;
	grant_waiters(l, now);
}

void limit_give(struct limit *l, struct limit_waiter *w, int64_t now)
{
	must(w->state == LIMIT_HOLDING);
	w->state = LIMIT_IDLE;
	if (l->rate_since != CLOCK_NEVER)
		l->rate_count++;
	take_back(l, now);
}

bool limit_cancel(struct limit *l, struct limit_waiter *w, int64_t now)
{
	enum limit_state was = w->state;
	if (was == LIMIT_IDLE || was == LIMIT_HOLDING)
		return false;
	w->state = LIMIT_IDLE;
	if (was == LIMIT_WAITING)
		leave_line(l, w);
	else
		list_remove(&w->link);
	if (was != LIMIT_EXPIRED)
		l->stats.cancelled++;
	if (was == LIMIT_GRANTED)
		take_back(l, now);
	return true;
}

void limit_resize(struct limit *l, int64_t total, int64_t now)
{
	must(total >= 0);
	l->total = total;
	grant_waiters(l, now);
}

void limit_set_waiting_max(struct limit *l, int64_t waiting_max)
{
	must(waiting_max >= 0);
	l->waiting_max = waiting_max;
}

void limit_expire(struct limit *l, int64_t now)
{
	list_each (&l->waiters, struct limit_waiter, link, w) {
		if (w->expires > now)
			continue;
		leave_line(l, w);
		set_expired(l, w);
	}
}

static struct limit_waiter *take_first(struct list *from, enum limit_state state)
{
	struct limit_waiter *w = list_first(from, struct limit_waiter, link);
	if (w) {
		list_remove(&w->link);
		w->state = state;
	}
	return w;
}

struct limit_waiter *limit_next_granted(struct limit *l)
{
	return take_first(&l->granted, LIMIT_HOLDING);
}

struct limit_waiter *limit_next_expired(struct limit *l)
{
	return take_first(&l->expired, LIMIT_IDLE);
}

int64_t limit_available(const struct limit *l)
{
	return l->total == LIMIT_INF ? LIMIT_INF : l->total - l->borrowed;
}

int64_t limit_oldest(const struct limit *l, int64_t now)
{
	const struct limit_waiter *w = list_first(&l->waiters, struct limit_waiter, link);
	return w ? elapsed(w->since, now) : 0;
}
