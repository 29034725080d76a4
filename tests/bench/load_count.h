/*
 * What is counted: numbers and a log-linear histogram of latencies, 64 buckets
 * an octave from 1 us to 100 s, which is at most 1.6 % off.
 *
 * Thread: each client thread counts in its own `struct counts` (count, hist_add,
 * count_max); the main thread adds up snapshots of all (counts_add) at any time.
 */
#ifndef WEIR_BENCH_LOAD_COUNT_H
#define WEIR_BENCH_LOAD_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

enum {
	HIST_SUB_BITS = 6,
	HIST_SUB = 1 << HIST_SUB_BITS,
	HIST_MAX_US = 100 * 1000 * 1000, /* below 2^27 */
	HIST_BUCKETS = HIST_SUB + (27 - HIST_SUB_BITS) * HIST_SUB,
	STATUS_END = 600,
};

/* name in the result, what is told to people */
#define LOAD_ERRORS(X) \
	X(CONNECT, "connect", "could not connect") \
	X(READ, "read", "failed to read") \
	X(WRITE, "write", "failed to write") \
	X(CLOSED, "closed", "closed by the server before the answer's end") \
	X(TIMEOUT, "timeout", "no answer in time") \
	X(BAD_ANSWER, "bad_answer", "not an HTTP answer") \
	X(NO_CONNECTION, "no_connection", "all connections of -c were busy") \
	X(WRONG_BODY, "wrong_body", "answered with another body") \
	X(WRONG_STATUS, "wrong_status", "answered with another status")

enum load_error {
#define X(id, name, text) ERROR_##id,
	LOAD_ERRORS(X)
#undef X
		ERRORS,
};

/* One writer; every number only grows. */
struct counts {
	_Atomic uint64_t offered;  /* requests that were due, sent or not */
	_Atomic uint64_t resent;   /* of these, due again: the server closed after an earlier one */
	_Atomic uint64_t answered; /* whole answers of any status */
	_Atomic uint64_t good;     /* of these, with the status that is expected */
	_Atomic uint64_t given_up;
	_Atomic uint64_t unfinished; /* at the end of the run */
	_Atomic uint64_t bytes;      /* received */
	_Atomic uint64_t connections;
	_Atomic uint64_t max_us;  /* of good answers, as is `latency` */
	_Atomic uint64_t late_us; /* most that a request was sent after its moment */
	_Atomic uint64_t last_ns; /* when the last request got its answer or failed */
	_Atomic uint64_t errors[ERRORS];
	_Atomic uint64_t status[STATUS_END];
	_Atomic uint64_t latency[HIST_BUCKETS];
};

/* The same, added up; plain numbers. */
struct totals {
	uint64_t offered, resent, answered, good, given_up, unfinished, bytes, connections, max_us,
		late_us, last_ns;
	uint64_t errors[ERRORS];
	uint64_t status[STATUS_END];
	uint64_t latency[HIST_BUCKETS];
};

/* One writer: no locked instruction is needed. */
static inline void count(_Atomic uint64_t *what, uint64_t n)
{
	uint64_t now = atomic_load_explicit(what, memory_order_relaxed);
	atomic_store_explicit(what, now + n, memory_order_relaxed);
}

static inline void count_max(_Atomic uint64_t *what, uint64_t n)
{
	if (n > atomic_load_explicit(what, memory_order_relaxed))
		atomic_store_explicit(what, n, memory_order_relaxed);
}

static inline unsigned hist_bucket(uint64_t us)
{
	if (us > HIST_MAX_US)
		us = HIST_MAX_US;
	if (us < HIST_SUB)
		return (unsigned)us;
	unsigned shift = 63 - (unsigned)__builtin_clzll(us) - HIST_SUB_BITS;
	return HIST_SUB * shift + (unsigned)(us >> shift);
}

static inline void hist_add(struct counts *c, uint64_t us)
{
	count(&c->latency[hist_bucket(us)], 1);
	count_max(&c->max_us, us);
}

void counts_add(const struct counts *c, struct totals *sum);

/* `now` without what was counted in `before`. */
void totals_since(const struct totals *now, const struct totals *before,
		  struct totals *ret_difference);

/* The latency that `share` (0 to 1) of the good answers did not exceed, in us; 0 without any. */
uint64_t totals_quantile(const struct totals *t, double share);

#endif
