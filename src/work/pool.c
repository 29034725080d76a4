/*
 * Pools: calls in, tokens, the line, and who is to be woken. What a thread
 * does once it is awake is in worker.c; settings, shares, lists, promises and
 * stopping are in pool_state.c.
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
#include "work/watch.h"

void call_init(struct call *call)
{
	call->magic = CALL_MAGIC;
	call->state = CALL_IDLE;
	call->expires = CLOCK_NEVER;
	call->name = call->id = "";
	limit_waiter_init(&call->waiter);
	list_init(&call->link);
	list_init(&call->promise);
	call->slow_after = CLOCK_NEVER;
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
	atomic_init(&p->queue_timeout, settings->queue_timeout);
	mutex_init(&p->lock, LOCK_POOL);
	cond_init(&p->quiet);
	limit_init(&p->limit, settings->tokens, settings->queue_max, clock_now());
	limit_set_target(&p->limit, settings->queue_target, clock_now());
	list_init(&p->shares);
	list_init(&p->promises);
	list_init(&p->ready);
	list_init(&p->running);
	list_init(&p->idle);
	list_init(&p->ended);
	list_init(&p->spare);
	list_init(&p->blocks);
	return p;
}

void pool_free(struct pool **pool) NO_LOCK_ANALYSIS
{
	struct pool *p = *pool;
	if (!p)
		return;
	must(p->threads == 0 && p->leaving == 0 && list_is_empty(&p->ended));
	list_each (&p->spare, struct worker, link, w)
		cond_done(&w->wake);
	list_each (&p->blocks, struct worker_block, link, block)
		free(block);
	list_each (&p->shares, struct named_share, link, share)
		free(share);
	cond_done(&p->quiet);
	mutex_done(&p->lock);
	free(p->name);
	free(p);
	*pool = NULL;
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

/* Its worker sleeps in pool_take_back. */
static void go_on(struct pool *p, struct call *call) REQUIRES(p->lock)
{
	call->state = CALL_RUNNING;
	p->lent--;
	p->returning--;
	cond_signal(&call->worker->wake);
}

void pool_collect(struct pool *p, struct list *ended)
{
	struct limit_waiter *w;
	while ((w = limit_next_granted(&p->limit)) != NULL) {
		struct call *call = container_of(w, struct call, waiter);
		if (call->state == CALL_RETURNING) {
			go_on(p, call);
			continue;
		}
		call->state = CALL_READY;
		list_add_last(&p->ready, &call->link);
	}
	while ((w = limit_next_expired(&p->limit)) != NULL) {
		struct call *call = container_of(w, struct call, waiter);
		call->retry_after = limit_retry_after(&p->limit, call->share, call->expires);
		end_call(call, w->was_shed ? CALL_SHED : CALL_EXPIRED, ended);
	}
	if (p->watched && pool_count_busy(p) == 0)
		cond_signal(&p->quiet);
}

/* A pool can always have as many threads as tokens. */
static bool may_spawn(const struct pool *p) REQUIRES(p->lock)
{
	return p->threads < pool_threads_max(p);
}

/* Will a thread that has just begun a call take the first ready one at once? Should
 * that take longer than ever before, the next flush or the watch wakes another. */
static bool spares_wakeup(const struct pool *p, const struct call *first) REQUIRES(p->lock)
{
	const struct call *begun = list_last(&p->running, struct call, link);
	if (!p->spares || !begun)
		return false;
	int64_t since = clock_now() - QUICK_WAIT;
	return begun->started > since && first->submitted > since;
}

struct wakeup pool_plan_wakeup(struct pool *p)
{
	const struct call *first = list_first(&p->ready, struct call, link);
	if (p->waking || !first || spares_wakeup(p, first))
		return (struct wakeup){ 0 };
	struct worker *w = list_first(&p->idle, struct worker, link);
	/* One whose thread_init failed would only say so: a new one may do better. */
	if (w && w->pause_end > 0 && w->pause_end > clock_now() && may_spawn(p))
		w = NULL;
	if (w) {
		list_remove(&w->link);
		p->idle_count--;
		w->woken = true;
		p->waking = true;
		return (struct wakeup){ .idle = w };
	}
	if (!may_spawn(p))
		return (struct wakeup){ 0 }; /* a running one will take it */
	p->waking = true;
	p->threads++;
	if (p->threads > p->threads_peak)
		p->threads_peak = p->threads;
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
			call->retry_after = limit_retry_after(&p->limit, call->share, now);
			p->no_thread++;
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
	call->was_slow = false;
	call->waiter.is_promised = call->is_promised;
	call->waiter.share = call->share;
	switch (limit_borrow(&p->limit, &call->waiter, now, call->expires)) {
	case LIMIT_YES:
		call->state = CALL_READY;
		list_add_last(&p->ready, &call->link);
		break;
	case LIMIT_WAIT:
		call->state = CALL_WAITING;
		if (call->waits)
			call->waits(call);
		break;
	case LIMIT_FULL:
		call->retry_after = limit_retry_after(&p->limit, call->share, now);
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
	if (p->watch)
		watch_poke(p->watch);
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
		p->abandoned += call->state != CALL_ENDED;
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
