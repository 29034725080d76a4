/*
 * The watch: one thread that gives every busy pool a turn ten times a second,
 * for what must happen although nothing else does, and says in the log which
 * calls take long, and what they do meanwhile. It sleeps while all pools do.
 *
 * Thread: main starts and stops it; watch_poke any.
 */
#ifndef WEIR_WORK_WATCH_H
#define WEIR_WORK_WATCH_H

#include <stdatomic.h>

#include "base/thread.h"

struct pools;

struct watch {
	struct pools *pools;   /* constant */
	pthread_t thread;      /* main's */
	_Atomic bool is_awake; /* any thread */
	struct mutex lock;
	bool stopping GUARDED_BY(lock);
	struct cond wake;
};

/* Boot, before calls are submitted. NULL when the system has no room for it;
 * errno says why. */
must_check struct watch *watch_start(struct pools *pools);

/* Main, while no pool is used. */
void watch_stop(struct watch **watch);

void watch_wake(struct watch *w);

/* A pool has got something to do: cheap while the watch is awake. */
static inline void watch_poke(struct watch *w)
{
	if (!atomic_load(&w->is_awake))
		watch_wake(w);
}

#endif
