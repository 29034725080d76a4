/*
 * The turns of the watch.
 *
 * Thread: its own, but for start, stop and wake.
 */
#include "work/watch.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "work/peek.h"
#include "work/pool_private.h"
#include "work/route.h"

static const int64_t pauses[] = { [POOL_BUSY] = 100 * NS_PER_MS, [POOL_QUICK] = NS_PER_MS };

enum { SLOW_MAX = 16 }; /* of one pool in one turn; the rest has the next */

/* What the thread does is read without its knowledge: a signal would make what
 * it sleeps in return early. */
static void say_slow(struct pool *p, const struct slow_call *slow)
{
	char what[PEEK_TEXT_SIZE];
	peek_thread(slow->tid, what);
	if (!pool_still_runs(p, slow))
		snprintf(what, sizeof(what), "just ending");
	log_warn("request %s: slow %s has been running for %lld ms on thread %s (%d), %s", slow->id,
		 slow->name, (long long)(slow->age / NS_PER_MS), slow->thread, (int)slow->tid,
		 what);
}

static enum pool_pace look_at(struct pool *p)
{
	struct slow_call slow[SLOW_MAX];
	enum pool_pace pace;
	int count = pool_tick(p, slow, SLOW_MAX, &pace);
	for (int i = 0; i < count; i++)
		say_slow(p, &slow[i]);
	return pace;
}

static enum pool_pace look_at_all(struct watch *w)
{
	enum pool_pace all = POOL_QUIET;
	struct pool *p;
	for (size_t i = 0; (p = pools_at(w->pools, i)) != NULL; i++) {
		enum pool_pace its = look_at(p);
		all = its > all ? its : all;
	}
	return all;
}

/* Falls asleep only when a look after saying so finds nothing: whoever comes
 * later sees that it sleeps. */
static enum pool_pace look_or_sleep(struct watch *w)
{
	enum pool_pace pace = look_at_all(w);
	if (pace != POOL_QUIET)
		return pace;
	atomic_store(&w->is_awake, false);
	pace = look_at_all(w);
	if (pace != POOL_QUIET)
		atomic_store(&w->is_awake, true);
	return pace;
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	thread_set_kind(THREAD_WATCH);
	thread_set_name("weir-watch");
	mutex_lock(&w->lock);
	while (!w->stopping) {
		mutex_unlock(&w->lock);
		enum pool_pace pace = look_or_sleep(w);
		mutex_lock(&w->lock);
		if (pace != POOL_QUIET)
			cond_wait_until(&w->wake, &w->lock, clock_add(clock_now(), pauses[pace]));
		while (!w->stopping && !atomic_load(&w->is_awake))
			cond_wait(&w->wake, &w->lock);
	}
	mutex_unlock(&w->lock);
	return NULL;
}

struct watch *watch_start(struct pools *pools)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->pools = pools;
	atomic_init(&w->is_awake, true);
	mutex_init(&w->lock, LOCK_WATCH);
	cond_init(&w->wake);
	int rc = thread_start(&w->thread, 0, watch_main, w);
	if (rc < 0) {
		cond_done(&w->wake);
		mutex_done(&w->lock);
		free(w);
		errno = -rc;
		return NULL;
	}
	pools_set_watch(pools, w);
	return w;
}

void watch_wake(struct watch *w)
{
	mutex_lock(&w->lock);
	atomic_store(&w->is_awake, true);
	cond_signal(&w->wake);
	mutex_unlock(&w->lock);
}

void watch_stop(struct watch **watch)
{
	struct watch *w = *watch;
	*watch = NULL;
	if (!w)
		return;
	mutex_lock(&w->lock);
	w->stopping = true;
	cond_signal(&w->wake);
	mutex_unlock(&w->lock);
	must_pt(pthread_join(w->thread, NULL));
	pools_set_watch(w->pools, NULL);
	cond_done(&w->wake);
	mutex_done(&w->lock);
	free(w);
}
