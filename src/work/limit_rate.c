/*
 * The limiter's measurements: waiting times, and how fast lines get shorter.
 *
 * Thread: as limit.h says.
 */
#include "work/limit_private.h"

/* So long must all tokens have been out before a window counts. */
#define RATE_WINDOW NS_PER_S
#define RATE_WEIGHT 0.3 /* of the newest window */

enum { RETRY_MIN = 1, RETRY_MAX = 60 };

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

/* What is kept for reserves counts as out: a line waits for the others. */
static bool is_drained_dry(const struct limit_share *s)
{
	return s->borrowed > 0 && s->borrowed >= s->set.max - s->owed_below;
}

/* How long all tokens were out in the open window. */
static int64_t busy_time(const struct limit_rate *r, int64_t now)
{
	if (r->since == CLOCK_NEVER)
		return r->busy;
	return clock_add(r->busy, limit_elapsed(r->since, now));
}

/* The rate as it would be with the open window closed now; 0: nothing known. */
static double rate_at(const struct limit_rate *r, int64_t now)
{
	int64_t busy = busy_time(r, now);
	if (busy < RATE_WINDOW && r->rate > 0)
		return r->rate;
	double newest = busy > 0 ? (double)r->count * (double)NS_PER_S / (double)busy : 0;
	return r->rate > 0 ? r->rate + RATE_WEIGHT * (newest - r->rate) : newest;
}

void limit_rate_track(struct limit_share *s, int64_t now)
{
	struct limit_rate *r = &s->drain;
	bool dry = is_drained_dry(s);
	int64_t busy = busy_time(r, now);
	/* A window without anything given back stays open: it has no rate. */
	if (busy >= RATE_WINDOW && r->count > 0) {
		r->rate = rate_at(r, now);
		r->busy = 0;
		r->count = 0;
		r->since = dry ? now : CLOCK_NEVER;
	} else if (!dry) {
		r->busy = busy;
		r->since = CLOCK_NEVER;
	} else if (r->since == CLOCK_NEVER) {
		r->since = now;
	}
}

void limit_rate_count(struct limit_share *s)
{
	if (s->drain.since != CLOCK_NEVER)
		s->drain.count++;
}

static int retry_after(const struct limit_share *s, int64_t now)
{
	if (s->set.max == 0)
		return RETRY_MAX;
	double rate = rate_at(&s->drain, now);
	if (rate <= 0)
		return RETRY_MIN;
	double seconds = (double)(s->waiting > 0 ? s->waiting : 1) / rate;
	if (seconds >= RETRY_MAX)
		return RETRY_MAX;
	int whole = (int)seconds;
	whole += seconds > whole;
	return whole < RETRY_MIN ? RETRY_MIN : whole;
}

/* The narrowest of its shares decides. */
int limit_retry_after(const struct limit *l, const struct limit_share *s, int64_t now)
{
	int longest = RETRY_MIN;
	for (s = s ? s : &l->root; s; s = s->parent) {
		int seconds = retry_after(s, now);
		longest = seconds > longest ? seconds : longest;
	}
	return longest;
}
