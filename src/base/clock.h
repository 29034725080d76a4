/*
 * Time. Inside the daemon a moment is nanoseconds on CLOCK_MONOTONIC and a
 * duration is nanoseconds too; milliseconds appear at the edges only
 * (configuration, module ABI).
 *
 * Thread: any.
 */
#ifndef WEIR_BASE_CLOCK_H
#define WEIR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

/* A moment that never comes: no deadline. */
#define CLOCK_NEVER INT64_MAX

static inline int64_t clock_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* `when` + `duration`, staying at CLOCK_NEVER instead of overflowing. */
static inline int64_t clock_add(int64_t when, int64_t duration)
{
	return duration >= CLOCK_NEVER - when ? CLOCK_NEVER : when + duration;
}

static inline struct timespec clock_timespec(int64_t when)
{
	return (struct timespec){ .tv_sec = when / NS_PER_S, .tv_nsec = when % NS_PER_S };
}

#endif
