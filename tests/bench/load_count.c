/*
 * Adding up of counts, quantiles.
 *
 * Thread: main.
 */
#include "load_count.h"

#include <math.h>

static uint64_t get(const _Atomic uint64_t *what)
{
	return atomic_load_explicit(what, memory_order_relaxed);
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void counts_add(const struct counts *c, struct totals *sum)
{
	sum->offered += get(&c->offered);
	sum->resent += get(&c->resent);
	sum->answered += get(&c->answered);
	sum->good += get(&c->good);
	sum->given_up += get(&c->given_up);
	sum->unfinished += get(&c->unfinished);
	sum->bytes += get(&c->bytes);
	sum->connections += get(&c->connections);
	sum->max_us = greater(sum->max_us, get(&c->max_us));
	sum->late_us = greater(sum->late_us, get(&c->late_us));
	sum->last_ns = greater(sum->last_ns, get(&c->last_ns));
	for (int i = 0; i < ERRORS; i++)
		sum->errors[i] += get(&c->errors[i]);
	for (int i = 0; i < STATUS_END; i++)
		sum->status[i] += get(&c->status[i]);
	for (int i = 0; i < HIST_BUCKETS; i++)
		sum->latency[i] += get(&c->latency[i]);
}

void totals_since(const struct totals *now, const struct totals *before,
		  struct totals *ret_difference)
{
	struct totals *d = ret_difference;
	*d = *now;
	d->offered -= before->offered;
	d->resent -= before->resent;
	d->answered -= before->answered;
	d->good -= before->good;
	d->given_up -= before->given_up;
	d->unfinished -= before->unfinished;
	d->bytes -= before->bytes;
	d->connections -= before->connections;
	for (int i = 0; i < ERRORS; i++)
		d->errors[i] -= before->errors[i];
	for (int i = 0; i < STATUS_END; i++)
		d->status[i] -= before->status[i];
	for (int i = 0; i < HIST_BUCKETS; i++)
		d->latency[i] -= before->latency[i];
}

/* The middle of the bucket. */
static uint64_t bucket_us(unsigned bucket)
{
	if (bucket < 2 * HIST_SUB)
		return bucket;
	unsigned shift = bucket / HIST_SUB - 1;
	uint64_t low = (uint64_t)(bucket - shift * HIST_SUB) << shift;
	return low + (1U << shift) / 2;
}

uint64_t totals_quantile(const struct totals *t, double share)
{
	uint64_t all = 0, seen = 0;
	for (int i = 0; i < HIST_BUCKETS; i++)
		all += t->latency[i];
	if (all == 0)
		return 0;
	uint64_t wanted = (uint64_t)ceil(share * (double)all);
	unsigned last = 0;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		if (t->latency[i])
			last = i;
		seen += t->latency[i];
		if (seen >= wanted && seen > 0)
			break;
	}
	return bucket_us(last);
}
