/*
 * The life of a worker thread: take a ready call, wake the next worker if more
 * are ready, run it, give the token back, send it home; idle for a while; end.
 *
 * Thread: worker, but for worker_start and workers_reap.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "work/module.h"
#include "work/pool_private.h"

static const int64_t first_pause = 100 * NS_PER_MS;
static const int64_t longest_pause = 10 * NS_PER_S;

/* `top -H` shows what a thread does: its own name while idle, the call's while
 * it runs one. The kernel is told only of changes. */
static void name_for_call(struct worker *w, const struct call *call)
{
	if (w->named_for_call && w->last_name == call->name)
		return;
	thread_set_name(call->name);
	w->named_for_call = true;
	w->last_name = call->name;
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

static struct call *take_ready(struct pool *p, int64_t now) REQUIRES(p->lock)
{
	struct call *call = list_first(&p->ready, struct call, link);
	if (!call)
		return NULL;
	list_remove(&call->link);
	list_add_last(&p->running, &call->link);
	p->running_count++;
	call->state = CALL_RUNNING;
	call->started = now;
	return call;
}

/* The token goes back before the result goes home: who reads the answer finds
 * the token free. */
static void retire(struct pool *p, struct call *call) REQUIRES(p->lock)
{
	list_remove(&call->link);
	p->running_count--;
	p->abandoned -= atomic_load_explicit(&call->cancelled, memory_order_relaxed);
	call->state = CALL_ENDED;
	call->end = CALL_RAN;
	limit_give(&p->limit, &call->waiter, call->ended);
}

/* Waits for the next wake-up. False: this thread ends (idle for too long, or
 * the pool stops); it is then out of the idle list and no longer counted. */
static bool wait_idle(struct pool *p, struct worker *w) REQUIRES(p->lock)
{
	list_add_first(&p->idle, &w->link);
	p->idle_count++;
	int64_t until = clock_add(clock_now(), p->settings.thread_idle);
	bool more = true;
	while (!w->woken && !p->stopping && more) {
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
	p->threads--;
	p->leaving++;
	return false;
}

static void end_thread(struct pool *p, struct worker *w)
{
	for (size_t i = 0; i < w->state_count; i++) {
		if (w->states[i].ready)
			instance_thread_fini(w->states[i].inst, w->states[i].data);
	}
	free(w->states);
	w->states = NULL;
	w->state_count = 0;
	mutex_lock(&p->lock);
	p->leaving--;
	list_add_last(&p->ended, &w->link);
	cond_signal(&p->quiet);
	mutex_unlock(&p->lock);
}

static void run_call(struct worker *w, struct call *call)
{
	name_for_call(w, call);
	call->run(call, w);
	call->ended = clock_now();
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct call *ended = NULL;
	struct list expired;

	thread_set_kind(THREAD_WORKER);
	w->named_for_call = true;
	name_for_idle(w);
	list_init(&expired);
	mutex_lock(&p->lock);
	p->waking = false;
	for (;;) {
		if (ended) {
			retire(p, ended);
			pool_collect(p, &expired);
		}
		struct call *next = take_ready(p, ended ? ended->ended : clock_now());
		if (!next && !ended) {
			if (!wait_idle(p, w))
				break;
			continue;
		}
		struct wakeup wakeup = pool_plan_wakeup(p);
		mutex_unlock(&p->lock);
		pool_wake(p, wakeup);
		if (ended)
			call_finish(ended);
		calls_finish(&expired);
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

static struct worker *new_worker(struct pool *p)
{
	mutex_lock(&p->lock);
	struct worker *w = list_first(&p->spare, struct worker, link);
	if (w)
		list_remove(&w->link);
	mutex_unlock(&p->lock);
	if (w)
		return w;
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->pool = p;
	cond_init(&w->wake);
	list_init(&w->link);
	mutex_lock(&p->lock);
	w->number = p->workers++;
	mutex_unlock(&p->lock);
	return w;
}

int worker_start(struct pool *p)
{
	workers_reap(p);
	struct worker *w = new_worker(p);
	if (!w)
		return -ENOMEM;
	int rc = thread_start(&w->thread, p->settings.stack_size, worker_main, w);
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
	if (list_is_empty(&ended))
		return;
	list_each (&ended, struct worker, link, w)
		must_pt(pthread_join(w->thread, NULL)); /* on its last instructions */
	mutex_lock(&p->lock);
	list_move_all(&p->spare, &ended);
	mutex_unlock(&p->lock);
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
