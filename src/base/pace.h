/*
 * Is a flow of bytes as fast as it has to be? Looked at over stretches of time:
 * what came fast once is no credit for later, and no timer is needed, as who
 * sends nothing at all for a stretch is found by its deadline.
 *
 * Thread: any, one owner at a time; time is an argument.
 */
#ifndef WEIR_BASE_PACE_H
#define WEIR_BASE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct pace {
	int64_t since; /* start of the stretch */
	uint64_t bytes;
};

static inline void pace_begin(struct pace *p, int64_t now)
{
	*p = (struct pace){ .since = now };
}

/* `n` bytes moved. False: a stretch of at least `stretch` ns is over, and had
 * less than `rate` bytes a second (0: any rate will do). */
static inline bool pace_add(struct pace *p, uint64_t n, int64_t now, int64_t stretch, int64_t rate)
{
	int64_t took = now - p->since;
	p->bytes += n;
	if (took < stretch || took <= 0)
		return true;
	bool keeps = (double)p->bytes * NS_PER_S >= (double)rate * (double)took;
	pace_begin(p, now);
	return keeps;
}

#endif
