/*
 * The life of a worker thread: take a ready call, wake the next worker if more
 * are ready, run it, give the token back, send it home; idle for a while; end.
 *
 * Thread: worker, but for worker_start and workers_reap.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "work/module.h"
#include "work/pool_private.h"
#include "work/route.h"

static const int64_t first_pause = 100 * NS_PER_MS;
static const int64_t longest_pause = 10 * NS_PER_S;

/* From so many threads on, when a quarter is left, the allocator is asked to
 * give back what the others had. */
enum { TRIM_FROM = 8, TRIM_PART = 4 };

static _Thread_local struct call *current;

struct call *worker_current_call(void)
{
	return current;
}

/* `top -H` shows what a thread does: its own name while idle, the call's while
 * it runs one. The kernel is told only of changes, and not while calls are so
 * quick that nobody could see them. */
static void name_for_call(struct worker *w, const struct call *call)
{
	if (!w->is_seen)
		return;
	if (w->named_for_call && strncmp(w->last_name, call->name, sizeof(w->last_name) - 1) == 0)
		return;
	thread_set_name(call->name);
	w->named_for_call = true;
	snprintf(w->last_name, sizeof(w->last_name), "%s", call->name);
}

static void name_for_idle(struct worker *w)
{
	if (!w->named_for_call)
		return;
	char name[32];
	snprintf(name, sizeof(name), "%.11s/%02d", w->pool->name, w->number);
	thread_set_name(name);
	w->named_for_call = false;
}

/* A thread whose thread_init failed answers its calls at once; as the last one
 * back it would take most of them. It stands behind those that can serve. */
static int64_t pause_end(const struct worker *w)
{
	int64_t until = 0;
	for (size_t i = 0; i < w->state_count; i++) {
		if (w->states[i].err < 0 && w->states[i].retry_at > until)
			until = w->states[i].retry_at;
	}
	return until;
}

static bool must_yield(struct pool *p, struct worker *w, int64_t now) REQUIRES(p->lock)
{
	const struct worker *idle = list_first(&p->idle, struct worker, link);
	return idle && idle->pause_end <= now && pause_end(w) > now;
}

static struct call *take_ready(struct pool *p, struct worker *w, int64_t now) REQUIRES(p->lock)
{
	struct call *call = list_first(&p->ready, struct call, link);
	if (!call || must_yield(p, w, now))
		return NULL;
	list_remove(&call->link);
	list_add_last(&p->running, &call->link);
	p->running_count++;
	w->runs++;
	call->worker = w;
	call->lends = 0;
	call->state = CALL_RUNNING;
	call->started = now;
	w->is_seen = !p->spares;
	return call;
}

/* The token goes back before the result goes home: who reads the answer finds
 * the token free. */
static void retire(struct pool *p, struct call *call) REQUIRES(p->lock)
{
	list_remove(&call->link);
	p->running_count--;
	p->abandoned -= atomic_load_explicit(&call->cancelled, memory_order_relaxed);
	if (call->state == CALL_LENT)
		p->lent--;
	else
		limit_give(&p->limit, &call->waiter, call->ended);
	call->state = CALL_ENDED;
	call->end = CALL_RAN;
	bool is_quick = call->worker->ran_for <= QUICK_RUN;
	p->quick_runs = is_quick ? p->quick_runs + (p->quick_runs < QUICK_RUNS) : 0;
	p->spares &= is_quick;
	p->has_run = true;
}

/* Waits for the next wake-up, or for a call-in. False: this thread ends (idle
 * for too long, or the pool stops); it is then out of the idle list and no
 * longer counted. */
static bool wait_idle(struct pool *p, struct worker *w) REQUIRES(p->lock)
{
	int64_t now = clock_now();
	w->pause_end = pause_end(w);
	if (w->pause_end > now)
		list_add_last(&p->idle, &w->link);
	else
		list_add_first(&p->idle, &w->link);
	p->idle_count++;
	struct wakeup wakeup = pool_plan_wakeup(p); /* it may just have yielded */
	if (wakeup.idle && wakeup.idle != w)
		cond_signal(&wakeup.idle->wake);
	int64_t until = clock_add(now, p->settings.thread_idle);
	bool more = true;
	while (!w->woken && !p->stopping && more && w->call_ins == p->call_ins) {
		more = cond_wait_until(&w->wake, &p->lock, until);
		if (!more && p->threads <= p->settings.threads_min) {
			until = CLOCK_NEVER;
			more = true;
		}
	}
	if (w->woken) {
		w->woken = false;
		p->waking = false;
		return true;
	}
	list_remove(&w->link);
	p->idle_count--;
	if (w->call_ins != p->call_ins)
		return true;
	p->threads--;
	p->leaving++;
	return false;
}

static bool is_peak_over(struct pool *p) REQUIRES(p->lock)
{
	if (p->threads_peak < TRIM_FROM || p->threads > p->threads_peak / TRIM_PART)
		return false;
	p->threads_peak = p->threads;
	return true;
}

/* Joins threads on their last instructions. */
static void reap(struct pool *p, struct list *ended)
{
	if (list_is_empty(ended))
		return;
	list_each (ended, struct worker, link, w)
		must_pt(pthread_join(w->thread, NULL));
	mutex_lock(&p->lock);
	list_move_all(&p->spare, ended);
	mutex_unlock(&p->lock);
}

static void end_state(const struct worker_state *s)
{
	struct generation *gen = instance_generation(s->inst);
	if (s->ready)
		instance_thread_fini(s->inst, s->data);
	generation_let_go(gen);
}

static bool is_called_in(struct pool *p, struct worker *w) REQUIRES(p->lock)
{
	bool is_new = w->call_ins != p->call_ins;
	w->call_ins = p->call_ins;
	return is_new;
}

/* Instances of ended generations wait for this thread's thread_fini. */
static void follow_call_in(struct worker *w)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->state_count; i++) {
		struct worker_state *s = &w->states[i];
		if (atomic_load(&instance_generation(s->inst)->has_ended))
			end_state(s);
		else
			w->states[kept++] = *s;
	}
	w->state_count = kept;
}

static void end_thread(struct pool *p, struct worker *w)
{
	for (size_t i = 0; i < w->state_count; i++)
		end_state(&w->states[i]);
	free(w->states);
	w->states = NULL;
	w->state_count = 0;
	struct list before;
	list_init(&before);
	mutex_lock(&p->lock);
	bool trims = is_peak_over(p);
	p->leaving--;
	list_move_all(&before, &p->ended);
	list_add_last(&p->ended, &w->link);
	cond_signal(&p->quiet);
	mutex_unlock(&p->lock);
	reap(p, &before); /* their stacks go back now; this one's with the next */
	if (trims)
		malloc_trim(0);
}

static void run_call(struct worker *w, struct call *call)
{
	name_for_call(w, call);
	current = call;
	int64_t began = clock_now();
	call->run(call, w);
	current = NULL;
	call->ended = clock_now();
	w->ran_for = call->ended - began;
}

/* Behind retire(): what is to be said of it, without the lock. */
static void finish(struct call *call, bool was_lent)
{
	if (was_lent)
		log_warn("request %s: %s returned without weir_blocking_end", call->id, call->name);
	if (call->was_slow)
		log_warn("request %s: slow %s ended after %lld ms", call->id, call->name,
			 (long long)((call->ended - call->started) / NS_PER_MS));
	call_finish(call);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct call *ended = NULL;
	struct list expired;

	thread_set_kind(THREAD_WORKER);
	thread_be_punctual();
	w->named_for_call = true;
	name_for_idle(w);
	list_init(&expired);
	mutex_lock(&p->lock);
	w->tid = gettid();
	p->waking = false;
	for (;;) {
		bool was_lent = ended && ended->state == CALL_LENT;
		if (ended) {
			retire(p, ended);
			pool_collect(p, &expired);
		}
		struct call *next = take_ready(p, w, ended ? ended->ended : clock_now());
		bool is_called = is_called_in(p, w);
		if (!next && !ended && !is_called) {
			if (!wait_idle(p, w))
				break;
			continue;
		}
		struct wakeup wakeup = pool_plan_wakeup(p);
		mutex_unlock(&p->lock);
		pool_wake(p, wakeup);
		if (ended)
			finish(ended, was_lent);
		calls_finish(&expired);
		if (is_called)
			follow_call_in(w);
		if (next)
			run_call(w, next);
		else
			name_for_idle(w);
		ended = next;
		mutex_lock(&p->lock);
	}
	mutex_unlock(&p->lock);
	end_thread(p, w);
	return NULL;
}

/* ---- lending the token ---- */

int pool_lend(struct call *call)
{
	struct pool *p = call->pool;
	assert_on_worker();
	if (call->lends++ > 0)
		return 0;
	mutex_lock(&p->lock);
	must(call->state == CALL_RUNNING);
	int64_t tokens = p->settings.tokens;
	if (tokens != LIMIT_INF && p->lent >= pool_threads_max(p) - tokens) {
		mutex_unlock(&p->lock);
		return -EAGAIN;
	}
	limit_give(&p->limit, &call->waiter, clock_now());
	call->state = CALL_LENT;
	p->lent++;
	pool_settle(p);
	return 0;
}

void pool_take_back(struct call *call)
{
	struct pool *p = call->pool;
	assert_on_worker();
	/* A token that could not be lent is still there. */
	if (call->lends == 0 || --call->lends > 0 || call->state != CALL_LENT)
		return;
	mutex_lock(&p->lock);
	call->state = CALL_RETURNING;
	p->returning++;
	if (limit_return(&p->limit, &call->waiter, clock_now()) == LIMIT_YES) {
		call->state = CALL_RUNNING;
		p->lent--;
		p->returning--;
	}
	pool_settle(p);
	mutex_lock(&p->lock);
	while (call->state == CALL_RETURNING)
		cond_wait(&call->worker->wake, &p->lock);
	mutex_unlock(&p->lock);
}

/* ---- threads ---- */

/* Workers lie side by side: each by itself, they would keep the pages around
 * them from going back after a peak. False: no memory. */
static bool add_spares(struct pool *p)
{
	struct worker_block *block = calloc(1, sizeof(*block));
	if (!block)
		return false;
	mutex_lock(&p->lock);
	list_add_last(&p->blocks, &block->link);
	for (size_t i = 0; i < array_len(block->workers); i++) {
		struct worker *w = &block->workers[i];
		w->pool = p;
		w->number = p->workers++;
		cond_init(&w->wake);
		list_init(&w->link);
		list_add_last(&p->spare, &w->link);
	}
	mutex_unlock(&p->lock);
	return true;
}

static struct worker *take_spare(struct pool *p)
{
	mutex_lock(&p->lock);
	struct worker *w = list_first(&p->spare, struct worker, link);
	if (w)
		list_remove(&w->link);
	mutex_unlock(&p->lock);
	return w;
}

static struct worker *new_worker(struct pool *p)
{
	struct worker *w = take_spare(p);
	while (!w && add_spares(p))
		w = take_spare(p);
	return w;
}

int worker_start(struct pool *p)
{
	workers_reap(p);
	struct worker *w = new_worker(p);
	if (!w)
		return -ENOMEM;
	struct pool_settings settings;
	pool_get_settings(p, &settings);
	int rc = thread_start(&w->thread, settings.stack_size, worker_main, w);
	if (rc < 0) {
		mutex_lock(&p->lock);
		list_add_first(&p->spare, &w->link);
		mutex_unlock(&p->lock);
	}
	return rc;
}

void workers_reap(struct pool *p)
{
	struct list ended;
	list_init(&ended);
	mutex_lock(&p->lock);
	list_move_all(&ended, &p->ended);
	mutex_unlock(&p->lock);
	reap(p, &ended);
}

static struct worker_state *find_state(struct worker *w, struct instance *inst)
{
	for (size_t i = 0; i < w->state_count; i++) {
		if (w->states[i].inst == inst)
			return &w->states[i];
	}
	struct worker_state *more = realloc(w->states, (w->state_count + 1) * sizeof(*w->states));
	if (!more)
		return NULL;
	w->states = more;
	struct worker_state *s = &w->states[w->state_count++];
	*s = (struct worker_state){ .inst = inst };
	generation_hold(instance_generation(inst));
	return s;
}

static int try_init(struct worker *w, struct worker_state *s)
{
	int64_t now = clock_now();
	if (s->err < 0 && now < s->retry_at)
		return s->err;
	s->data = NULL;
	s->err = instance_thread_init(s->inst, &s->data);
	if (s->err >= 0) {
		s->err = 0;
		s->ready = true;
		return 0;
	}
	s->pause = s->pause ? s->pause * 2 : first_pause;
	if (s->pause > longest_pause)
		s->pause = longest_pause;
	s->retry_at = clock_add(now, s->pause);
	log_error("module \"%s\": thread_init failed on thread %s/%02d: %s; next try in %lld ms",
		  instance_name(s->inst), w->pool->name, w->number, strerror(-s->err),
		  (long long)(s->pause / NS_PER_MS));
	return s->err;
}

int worker_enter(struct worker *w, struct instance *inst, void **ret_thread_data)
{
	assert_on_worker();
	if (!instance_has_thread_init(inst)) {
		*ret_thread_data = NULL;
		return 0;
	}
	struct worker_state *s = find_state(w, inst);
	if (!s)
		return -ENOMEM;
	if (!s->ready) {
		int rc = try_init(w, s);
		if (rc < 0)
			return rc;
	}
	*ret_thread_data = s->data;
	return 0;
}
