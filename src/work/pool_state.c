/*
 * The rest of a pool: settings, shares, what is listed and counted, promises,
 * the watch's turn, draining and stopping. Calls in and out are in pool.c.
 *
 * Thread: stated in pool.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work/pool_private.h"

static const int64_t retry_pause = 100 * NS_PER_MS;

const char *pool_name(const struct pool *pool)
{
	return pool->name;
}

void pool_set_watch(struct pool *pool, struct watch *watch)
{
	pool->watch = watch;
}

int64_t pool_queue_timeout(const struct pool *pool)
{
	return atomic_load_explicit(&pool->queue_timeout, memory_order_relaxed);
}

/* ---- settings and shares ---- */

void pool_settle(struct pool *p)
{
	struct list ended;
	list_init(&ended);
	pool_collect(p, &ended);
	struct wakeup wakeup = pool_plan_wakeup(p);
	mutex_unlock(&p->lock);
	pool_wake(p, wakeup);
	calls_finish(&ended);
}

void pool_get_settings(struct pool *p, struct pool_settings *ret)
{
	mutex_lock(&p->lock);
	*ret = p->settings;
	mutex_unlock(&p->lock);
}

void pool_set_settings(struct pool *p, const struct pool_settings *settings)
{
	int64_t now = clock_now();
	atomic_store_explicit(&p->queue_timeout, settings->queue_timeout, memory_order_relaxed);
	mutex_lock(&p->lock);
	p->settings = *settings;
	limit_set_waiting_max(&p->limit, settings->queue_max);
	limit_set_target(&p->limit, settings->queue_target, now);
	limit_resize(&p->limit, settings->tokens, now);
	pool_settle(p);
}

static struct named_share *find_share(struct pool *p, const char *name,
				      const struct limit_share *parent) REQUIRES(p->lock)
{
	if (!parent)
		parent = &p->limit.root;
	list_each (&p->shares, struct named_share, link, s) {
		if (s->share.parent == parent && strcmp(s->name, name) == 0)
			return s;
	}
	return NULL;
}

struct limit_share *pool_share(struct pool *p, const char *name, struct limit_share *parent)
{
	mutex_lock(&p->lock);
	struct named_share *s = find_share(p, name, parent);
	mutex_unlock(&p->lock);
	if (s)
		return &s->share;
	s = calloc(1, sizeof(*s) + strlen(name) + 1);
	if (!s)
		return NULL;
	memcpy(s->name, name, strlen(name) + 1);
	mutex_lock(&p->lock);
	list_add_last(&p->shares, &s->link);
	limit_share_add(&p->limit, &s->share, parent);
	mutex_unlock(&p->lock);
	return &s->share;
}

void pool_set_share(struct pool *p, struct limit_share *share,
		    const struct limit_share_settings *set)
{
	mutex_lock(&p->lock);
	container_of(share, struct named_share, share)->is_stale = false;
	limit_share_set(&p->limit, share, set, clock_now());
	pool_settle(p);
}

void pool_call_in(struct pool *p)
{
	mutex_lock(&p->lock);
	p->call_ins++;
	list_each (&p->idle, struct worker, link, w)
		cond_signal(&w->wake);
	mutex_unlock(&p->lock);
}

void pool_shares_begin(struct pool *p)
{
	mutex_lock(&p->lock);
	list_each (&p->shares, struct named_share, link, s)
		s->is_stale = true;
	mutex_unlock(&p->lock);
}

void pool_shares_end(struct pool *p)
{
	static const struct limit_share_settings unbound = {
		.max = LIMIT_INF,
		.waiting_max = LIMIT_INF,
	};
	mutex_lock(&p->lock);
	list_each (&p->shares, struct named_share, link, s) {
		if (s->is_stale)
			limit_share_set(&p->limit, &s->share, &unbound, clock_now());
		s->is_stale = false;
	}
	pool_settle(p);
}

/* ---- numbers and lists ---- */

bool pool_turns_away(struct pool *p, const struct limit_share *share)
{
	mutex_lock(&p->lock);
	bool is_full = limit_turns_away(&p->limit, share, clock_now());
	mutex_unlock(&p->lock);
	return is_full;
}

int pool_retry_after(struct pool *p, const struct limit_share *share)
{
	mutex_lock(&p->lock);
	int seconds = limit_retry_after(&p->limit, share, clock_now());
	mutex_unlock(&p->lock);
	return seconds;
}

void pool_get_stats(struct pool *p, struct pool_stats *ret)
{
	int64_t now = clock_now();
	mutex_lock(&p->lock);
	*ret = (struct pool_stats){
		.total = p->limit.root.set.max,
		.borrowed = p->limit.root.borrowed,
		.waiting = p->limit.root.waiting,
		.oldest_wait = limit_oldest(&p->limit, now),
		.threads = p->threads,
		.idle = p->idle_count,
		.running = p->running_count,
		.abandoned = p->abandoned,
		.lent = p->lent,
		.returning = p->returning,
		.promised = p->promised,
		.busy_ns = limit_busy(&p->limit, now),
		.no_thread = p->no_thread,
		.is_overloaded = limit_is_overloaded(&p->limit, NULL, now),
		.limit = p->limit.stats,
	};
	mutex_unlock(&p->lock);
}

int64_t pool_busy(struct pool *p)
{
	mutex_lock(&p->lock);
	int64_t busy = pool_count_busy(p);
	mutex_unlock(&p->lock);
	return busy;
}

void pool_each_call(struct pool *p, void (*fn)(void *ctx, const struct call *call), void *ctx)
{
	mutex_lock(&p->lock);
	list_each (&p->running, struct call, link, call)
		fn(ctx, call);
	list_each (&p->ready, struct call, link, ready)
		fn(ctx, ready);
	list_each (&p->limit.waiters, struct limit_waiter, link, waiter) {
		if (!waiter->is_returning) /* it runs, as far as anyone outside can see */
			fn(ctx, container_of(waiter, struct call, waiter));
	}
	list_each (&p->promises, struct call, promise, promised) {
		if (promised->state == CALL_IDLE)
			fn(ctx, promised);
	}
	mutex_unlock(&p->lock);
}

/* ---- promises ---- */

int pool_promise(struct pool *p, struct call *call)
{
	mutex_lock(&p->lock);
	bool has_place = p->promised < p->settings.background_max;
	if (has_place) {
		p->promised++;
		list_add_last(&p->promises, &call->promise);
	}
	mutex_unlock(&p->lock);
	return has_place ? 0 : -EAGAIN;
}

void pool_keep_promise(struct call *call)
{
	struct pool *p = call->pool;
	mutex_lock(&p->lock);
	list_remove(&call->promise);
	p->promised--;
	mutex_unlock(&p->lock);
}

/* ---- the watch's turn ---- */

pid_t call_thread(const struct call *call, char ret_name[16])
{
	const struct worker *w = call->worker;
	ret_name[0] = '\0';
	if (!w || call->state == CALL_WAITING || call->state == CALL_READY)
		return 0;
	snprintf(ret_name, 16, "%.11s/%02d", w->pool->name, w->number);
	return w->tid;
}

static void note_slow(struct call *call, int64_t now, struct slow_call *ret)
{
	const struct worker *w = call->worker;
	*ret = (struct slow_call){
		.tid = w->tid,
		.age = now - call->started,
		.worker = call->worker,
		.run = w->runs,
	};
	snprintf(ret->id, sizeof(ret->id), "%s", call->id);
	snprintf(ret->name, sizeof(ret->name), "%s", call->name);
	(void)call_thread(call, ret->thread);
	call->was_slow = true;
}

static int find_slow(struct pool *p, int64_t now, struct slow_call *slow, int size)
	REQUIRES(p->lock)
{
	int count = 0;
	list_each (&p->running, struct call, link, call) {
		if (count == size)
			break;
		if (!call->was_slow && now >= clock_add(call->started, call->slow_after))
			note_slow(call, now, &slow[count++]);
	}
	return count;
}

int pool_tick(struct pool *p, struct slow_call *slow, int size, enum pool_pace *ret_pace)
{
	int64_t now = clock_now();
	mutex_lock(&p->lock);
	bool is_quiet = pool_count_busy(p) == 0 && !p->has_run;
	p->has_run = false;
	p->spares = !is_quiet && p->quick_runs == QUICK_RUNS;
	*ret_pace = is_quiet ? POOL_QUIET : p->spares ? POOL_QUICK : POOL_BUSY;
	if (is_quiet) {
		mutex_unlock(&p->lock);
		return 0;
	}
	limit_tick(&p->limit, now);
	int count = find_slow(p, now, slow, size);
	pool_settle(p);
	return count;
}

bool pool_still_runs(struct pool *p, const struct slow_call *slow)
{
	bool runs = false;
	mutex_lock(&p->lock);
	list_each (&p->running, struct call, link, call)
		runs |= call->worker == slow->worker && slow->worker->runs == slow->run;
	mutex_unlock(&p->lock);
	return runs;
}

/* ---- stopping ---- */

bool pool_drain(struct pool *p, int64_t deadline)
{
	mutex_lock(&p->lock);
	p->watched = true;
	while (pool_count_busy(p) > 0 && clock_now() < deadline) {
		/* Promised calls whose thread could not be started get a new try. */
		struct wakeup wakeup = pool_plan_wakeup(p);
		mutex_unlock(&p->lock);
		pool_wake(p, wakeup);
		mutex_lock(&p->lock);
		int64_t soon = clock_add(clock_now(), retry_pause);
		if (pool_count_busy(p) > 0)
			cond_wait_until(&p->quiet, &p->lock, soon < deadline ? soon : deadline);
	}
	bool quiet = pool_count_busy(p) == 0;
	p->watched = false;
	mutex_unlock(&p->lock);
	return quiet;
}

void pool_stop(struct pool *p)
{
	mutex_lock(&p->lock);
	must(pool_count_busy(p) == 0);
	p->stopping = true;
	list_each (&p->idle, struct worker, link, w)
		cond_signal(&w->wake);
	while (p->threads + p->leaving > 0)
		cond_wait(&p->quiet, &p->lock);
	mutex_unlock(&p->lock);
	workers_reap(p);
}
