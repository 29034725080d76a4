/*
 * What is counted of routes: one entry a route for the life of the process, so
 * that counters go on across reloads, and in it one part for each loop, so that
 * counting costs neither a lock nor a shared cache line. Read by summing up.
 *
 * Thread: stated for each function and struct.
 */
#ifndef WEIR_WORK_STATS_H
#define WEIR_WORK_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/list.h"

/* Of a loop: it alone adds, any thread reads. */
typedef _Atomic uint64_t counter;

static inline void count(counter *c, uint64_t more)
{
	uint64_t was = atomic_load_explicit(c, memory_order_relaxed);
	atomic_store_explicit(c, was + more, memory_order_relaxed);
}

static inline uint64_t counted(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

/* Durations by powers of two: bucket i counts those below 2^i microseconds that
 * no earlier bucket holds; the last one holds the rest (from 34 s on). */
enum { STATS_BUCKETS = 27 };

struct stats_histogram {
	counter buckets[STATS_BUCKETS];
	counter sum_ns;
};

/* Why a handler did not run, or its answer was not used. */
enum stats_refusal {
	STATS_FULL,      /* the line was full */
	STATS_EXPIRED,   /* queue_timeout */
	STATS_SHED,      /* overload */
	STATS_NO_THREAD, /* none could be started */
	STATS_LATE,      /* timeout while it waited */
	STATS_REFUSALS,
};

/* What one loop counts of a route. */
struct route_stats {
	counter responses[6]; /* by class; [0]: the client was gone */
	counter bytes;        /* of bodies of answers */
	counter refused[STATS_REFUSALS];
	counter failed;       /* the handler returned an error */
	counter timeouts;     /* 504 while it ran */
	counter abandoned;    /* it ran on for nobody */
	counter tasks_failed; /* background tasks that returned an error; of a sum alone */
	struct stats_histogram run;
};

struct stats_entry {
	struct list link;
	const char *label;  /* of the route; "" of what has none */
	const char *module; /* instance; "" of files and of what has no route */
	size_t loops;
	_Atomic uint64_t tasks_failed; /* any worker adds */
	struct route_stats by_loop[];
};

struct stats;

/* Boot. NULL when memory is out. */
must_check struct stats *stats_new(size_t loops);
void stats_free(struct stats **stats);

/* Boot, keeper: the entry of a route. NULL when memory is out. */
must_check struct stats_entry *stats_entry(struct stats *stats, const char *label,
					   const char *module);

/* Any thread, for all entries in the order in which they were made. */
void stats_each(struct stats *stats, void (*fn)(void *ctx, const struct stats_entry *e), void *ctx);

/* Any thread: all loops' together; `ret` is the caller's alone. */
void stats_sum(const struct stats_entry *e, struct route_stats *ret);

void stats_add_duration(struct stats_histogram *h, int64_t ns);

/* The upper end of a bucket in microseconds. */
static inline uint64_t stats_bucket_us(int i)
{
	return UINT64_C(1) << i;
}

#endif
