/*
 * Pools: calls in, tokens, the line, and who is to be woken. What a thread
 * does once it is awake is in worker.c.
 *
 * Thread: stated in pool.h; one lock a pool, held for list work only: never
 * while a call runs, a thread is started or a result is sent home.
 */
#include "work/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "work/pool_private.h"

static const int64_t retry_pause = 100 * NS_PER_MS;

void call_init(struct call *call)
{
	*call = (struct call){
		.magic = CALL_MAGIC,
		.state = CALL_IDLE,
		.expires = CLOCK_NEVER,
		.name = "",
		.id = "",
	};
	limit_waiter_init(&call->waiter);
	list_init(&call->link);
}

struct pool *pool_new(const char *name, const struct pool_settings *settings)
{
	struct pool *p = calloc(1, sizeof(*p));
	char *copy = strdup(name);
	if (!p || !copy) {
		free(p);
		free(copy);
		return NULL;
	}
	p->name = copy;
	p->settings = *settings;
	mutex_init(&p->lock, LOCK_POOL);
	cond_init(&p->quiet);
	limit_init(&p->limit, settings->tokens, settings->queue_max, clock_now());
	list_init(&p->ready);
	list_init(&p->running);
	list_init(&p->idle);
	list_init(&p->ended);
	list_init(&p->spare);
	return p;
}

void pool_free(struct pool **pool) NO_LOCK_ANALYSIS
{
	struct pool *p = *pool;
	if (!p)
		return;
	must(p->threads == 0 && p->leaving == 0 && list_is_empty(&p->ended));
	list_each (&p->spare, struct worker, link, w) {
		cond_done(&w->wake);
		free(w);
	}
	cond_done(&p->quiet);
	mutex_done(&p->lock);
	free(p->name);
	free(p);
	*pool = NULL;
}

const char *pool_name(const struct pool *pool)
{
	return pool->name;
}

const struct pool_settings *pool_settings(const struct pool *pool)
{
	return &pool->settings;
}

static void deliver_call(struct mail *m)
{
	struct call *call = container_of(m, struct call, mail);
	must_be(call, CALL_MAGIC);
	call->done(call);
}

void call_finish(struct call *call)
{
	if (!call->home) {
		call->done(call);
		return;
	}
	call->mail.deliver = deliver_call;
	mailbox_post(call->home, &call->mail);
}

void calls_finish(struct list *calls)
{
	list_each (calls, struct call, link, call) {
		list_remove(&call->link);
		call_finish(call);
	}
}

static void end_call(struct call *call, enum call_end end, struct list *to)
{
	call->state = CALL_ENDED;
	call->end = end;
	list_add_last(to, &call->link);
}

void pool_collect(struct pool *p, struct list *ended)
{
	struct limit_waiter *w;
	while ((w = limit_next_granted(&p->limit)) != NULL) {
		struct call *call = container_of(w, struct call, waiter);
		call->state = CALL_READY;
		list_add_last(&p->ready, &call->link);
	}
	while ((w = limit_next_expired(&p->limit)) != NULL) {
		struct call *call = container_of(w, struct call, waiter);
		call->retry_after = limit_retry_after(&p->limit, NULL, call->expires);
		end_call(call, CALL_EXPIRED, ended);
	}
	if (p->watched && p->limit.root.borrowed == 0 && p->limit.root.waiting == 0)
		cond_signal(&p->quiet);
}

struct wakeup pool_plan_wakeup(struct pool *p)
{
	if (p->waking || list_is_empty(&p->ready))
		return (struct wakeup){ 0 };
	p->waking = true;
	struct worker *w = list_first(&p->idle, struct worker, link);
	if (w) {
		list_remove(&w->link);
		p->idle_count--;
		w->woken = true;
		return (struct wakeup){ .idle = w };
	}
	p->threads++;
	return (struct wakeup){ .spawn = true };
}

/* With no thread at all nobody would take the ready calls soon; promised ones
 * stay for the next try. */
static void refuse_ready(struct pool *p, int64_t now, struct list *refused) REQUIRES(p->lock)
{
	bool again = true;
	while (again) {
		again = false;
		list_each (&p->ready, struct call, link, call) {
			if (call->is_promised)
				continue;
			list_remove(&call->link);
			limit_give(&p->limit, &call->waiter, now);
			call->retry_after = limit_retry_after(&p->limit, NULL, now);
			end_call(call, CALL_NO_THREAD, refused);
			again = true;
		}
		pool_collect(p, refused); /* their tokens made others ready */
	}
}

static void spawn(struct pool *p)
{
	int rc = worker_start(p);
	if (rc == 0)
		return;
	struct list refused;
	list_init(&refused);
	mutex_lock(&p->lock);
	p->threads--;
	p->waking = false;
	int64_t threads = p->threads;
	if (threads == 0)
		refuse_ready(p, clock_now(), &refused);
	mutex_unlock(&p->lock);
	log_error("pool \"%s\": cannot start a thread besides %lld running: %s", p->name,
		  (long long)threads, strerror(-rc));
	calls_finish(&refused);
}

void pool_wake(struct pool *p, struct wakeup wakeup)
{
	if (wakeup.idle)
		cond_signal(&wakeup.idle->wake);
	else if (wakeup.spawn)
		spawn(p);
}

void submitter_init(struct submitter *s)
{
	list_init(&s->calls);
}

void pool_submit(struct submitter *s, struct call *call)
{
	must_be(call, CALL_MAGIC);
	must(call->state == CALL_IDLE || call->state == CALL_ENDED);
	call->state = CALL_SUBMITTED;
	call->started = call->ended = 0;
	list_add_last(&s->calls, &call->link);
}

static void enter(struct pool *p, struct call *call, int64_t now, struct list *refused)
	REQUIRES(p->lock)
{
	must(!p->stopping);
	call->submitted = now;
	call->waiter.is_promised = call->is_promised;
	switch (limit_borrow(&p->limit, &call->waiter, now, call->expires)) {
	case LIMIT_YES:
		call->state = CALL_READY;
		list_add_last(&p->ready, &call->link);
		break;
	case LIMIT_WAIT:
		call->state = CALL_WAITING;
		break;
	case LIMIT_FULL:
		call->retry_after = limit_retry_after(&p->limit, NULL, now);
		end_call(call, CALL_FULL, refused);
		break;
	}
}

/* All calls of the turn that belong to the first one's pool, under one lock.
 * Those refused are this loop's; what expired meanwhile may be anyone's. */
static void flush_pool(struct submitter *s, int64_t now, struct list *refused)
{
	struct pool *p = list_first(&s->calls, struct call, link)->pool;
	struct list expired;
	list_init(&expired);
	mutex_lock(&p->lock);
	list_each (&s->calls, struct call, link, call) {
		if (call->pool != p)
			continue;
		list_remove(&call->link);
		enter(p, call, now, refused);
	}
	pool_collect(p, &expired);
	struct wakeup wakeup = pool_plan_wakeup(p);
	mutex_unlock(&p->lock);
	pool_wake(p, wakeup);
	calls_finish(&expired);
}

void pool_flush(struct submitter *s, int64_t now)
{
	struct list refused;
	list_init(&refused);
	while (!list_is_empty(&s->calls))
		flush_pool(s, now, &refused);
	/* On the loop already: no letter is needed. */
	list_each (&refused, struct call, link, call) {
		list_remove(&call->link);
		call->done(call);
	}
}

void pool_submit_now(struct call *call)
{
	struct submitter s;
	submitter_init(&s);
	pool_submit(&s, call);
	pool_flush(&s, clock_now());
}

/* With the lock: takes a call back that no worker has. */
static bool withdraw(struct pool *p, struct call *call) REQUIRES(p->lock)
{
	int64_t now;
	switch (call->state) {
	case CALL_SUBMITTED:
		list_remove(&call->link);
		break;
	case CALL_WAITING:
		must(limit_cancel(&p->limit, &call->waiter, clock_now()));
		break;
	case CALL_READY:
		now = clock_now();
		list_remove(&call->link);
		limit_give(&p->limit, &call->waiter, now);
		break;
	default:
		return false;
	}
	call->state = CALL_IDLE;
	return true;
}

bool pool_cancel(struct call *call, bool abandon)
{
	must_be(call, CALL_MAGIC);
	struct pool *p = call->pool;
	struct list ended;
	struct wakeup wakeup = { 0 };
	list_init(&ended);
	mutex_lock(&p->lock);
	bool withdrawn = withdraw(p, call);
	if (withdrawn) {
		pool_collect(p, &ended);
		wakeup = pool_plan_wakeup(p);
	} else if (abandon && !atomic_load_explicit(&call->cancelled, memory_order_relaxed)) {
		atomic_store_explicit(&call->cancelled, true, memory_order_relaxed);
		p->abandoned += call->state == CALL_RUNNING;
	}
	mutex_unlock(&p->lock);
	pool_wake(p, wakeup);
	calls_finish(&ended);
	return withdrawn;
}

bool pool_is_waiting(struct call *call)
{
	must_be(call, CALL_MAGIC);
	mutex_lock(&call->pool->lock);
	bool is_waiting = call->state < CALL_RUNNING;
	mutex_unlock(&call->pool->lock);
	return is_waiting;
}

int pool_retry_after(struct pool *p)
{
	mutex_lock(&p->lock);
	int seconds = limit_retry_after(&p->limit, NULL, clock_now());
	mutex_unlock(&p->lock);
	return seconds;
}

/* After a change of bounds: whoever may run now is started. */
static void settle(struct pool *p) RELEASES(p->lock)
{
	struct list ended;
	list_init(&ended);
	pool_collect(p, &ended);
	struct wakeup wakeup = pool_plan_wakeup(p);
	mutex_unlock(&p->lock);
	pool_wake(p, wakeup);
	calls_finish(&ended);
}

void pool_set_tokens(struct pool *p, int64_t tokens)
{
	mutex_lock(&p->lock);
	limit_resize(&p->limit, tokens, clock_now());
	settle(p);
}

void pool_set_queue_max(struct pool *p, int64_t queue_max)
{
	mutex_lock(&p->lock);
	limit_set_waiting_max(&p->limit, queue_max);
	settle(p);
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
		.limit = p->limit.stats,
	};
	mutex_unlock(&p->lock);
}

int64_t pool_busy(struct pool *p)
{
	mutex_lock(&p->lock);
	int64_t busy = p->limit.root.borrowed + p->limit.root.waiting;
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
	list_each (&p->limit.waiters, struct limit_waiter, link, waiter)
		fn(ctx, container_of(waiter, struct call, waiter));
	mutex_unlock(&p->lock);
}

int pool_promise(struct pool *p)
{
	mutex_lock(&p->lock);
	int64_t places = clock_add(p->limit.root.set.max, p->limit.root.set.waiting_max);
	bool has_place = p->promised < places;
	p->promised += has_place;
	mutex_unlock(&p->lock);
	return has_place ? 0 : -EAGAIN;
}

void pool_keep_promise(struct pool *p)
{
	mutex_lock(&p->lock);
	p->promised--;
	mutex_unlock(&p->lock);
}

bool pool_drain(struct pool *p, int64_t deadline)
{
	mutex_lock(&p->lock);
	p->watched = true;
	while (p->limit.root.borrowed + p->limit.root.waiting > 0 && clock_now() < deadline) {
		/* Promised calls whose thread could not be started get a new try. */
		struct wakeup wakeup = pool_plan_wakeup(p);
		mutex_unlock(&p->lock);
		pool_wake(p, wakeup);
		mutex_lock(&p->lock);
		int64_t soon = clock_add(clock_now(), retry_pause);
		if (p->limit.root.borrowed + p->limit.root.waiting > 0)
			cond_wait_until(&p->quiet, &p->lock, soon < deadline ? soon : deadline);
	}
	bool quiet = p->limit.root.borrowed + p->limit.root.waiting == 0;
	p->watched = false;
	mutex_unlock(&p->lock);
	return quiet;
}

void pool_stop(struct pool *p)
{
	mutex_lock(&p->lock);
	must(p->limit.root.borrowed == 0 && p->limit.root.waiting == 0);
	p->stopping = true;
	list_each (&p->idle, struct worker, link, w)
		cond_signal(&w->wake);
	while (p->threads + p->leaving > 0)
		cond_wait(&p->quiet, &p->lock);
	mutex_unlock(&p->lock);
	workers_reap(p);
}
