/*
 * Background tasks. In-order tasks of a request form a chain: each submits the
 * next when it has ended, so that a long chain takes its turn in the pool's
 * line like everybody else.
 *
 * Thread: see background.h.
 */
#include "work/background.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "work/context.h"
#include "work/module.h"
#include "work/request.h"
#include "work/stats.h"

#define TASK_MAGIC 0x7a5c0001U

struct task {
	unsigned magic;
	struct call call;
	struct task *next;      /* in the request's list; later: in its chain */
	struct generation *gen; /* a reference: keeps the module loaded */
	struct instance *inst;
	struct stats_entry *stats; /* of its route */
	weir_task_fn *fn;
	void *arg;
	void (*free_fn)(void *);
	bool in_group;
	void *thread_data;
	char name[64]; /* the route's label */
	char id[REQUEST_ID_MAX + 1];
};

/* Written once by main, read by tasks. */
static atomic_bool is_stopping;

void tasks_announce_stop(void)
{
	atomic_store_explicit(&is_stopping, true, memory_order_relaxed);
}

const char *task_request_id(const struct task *t)
{
	must_be(t, TASK_MAGIC);
	return t->id;
}

struct instance *task_instance(const struct task *t)
{
	must_be(t, TASK_MAGIC);
	return t->inst;
}

void *task_thread_data(const struct task *t)
{
	must_be(t, TASK_MAGIC);
	return t->thread_data;
}

bool task_is_cancelled(const struct task *t)
{
	must_be(t, TASK_MAGIC);
	return atomic_load_explicit(&is_stopping, memory_order_relaxed);
}

static void task_free(struct task *t)
{
	if (t->free_fn) {
		struct context was = context_enter(t->inst, t->id, t->name);
		t->free_fn(t->arg);
		context_leave(was);
	}
	generation_unref(&t->gen);
	t->magic = 0;
	free(t);
}

static void run_task(struct call *call, struct worker *w)
{
	struct task *t = container_of(call, struct task, call);
	must_be(t, TASK_MAGIC);
	int rc = worker_enter(w, t->inst, &t->thread_data);
	if (rc == 0) {
		struct context was = context_enter(t->inst, t->id, t->name);
		rc = t->fn((struct weir_task *)(void *)t, t->arg);
		context_leave(was);
	}
	if (rc < 0) {
		log_error("request %s: background %s (module \"%s\") failed: %s", t->id, t->name,
			  instance_name(t->inst), err_text(rc));
		if (t->stats)
			atomic_fetch_add_explicit(&t->stats->tasks_failed, 1, memory_order_relaxed);
	}
	/* Before this one gives its token back: the pool is never seen idle
	 * between two tasks of a chain. */
	if (t->next)
		pool_submit_now(&t->next->call);
	t->next = NULL;
}

/* A promised call is never refused or expired: it has always run. */
static void task_done(struct call *call)
{
	struct task *t = container_of(call, struct task, call);
	must_be(t, TASK_MAGIC);
	must(call->end == CALL_RAN);
	pool_keep_promise(call);
	task_free(t);
}

/* What the pool lists of it from its promise on. */
static void init_task(struct task *t, const struct request *req)
{
	t->magic = TASK_MAGIC;
	call_init(&t->call);
	t->call.is_promised = true;
	t->call.run = run_task;
	t->call.done = task_done;
	t->call.pool = req->route->background;
	t->call.slow_after = req->route->background_slow_after;
	t->call.submitted = clock_now();
	t->call.name = t->name;
	t->call.id = t->id;
	snprintf(t->name, sizeof(t->name), "task of %s", req->route->label);
	memcpy(t->id, req->id, sizeof(t->id));
}

int task_promise(struct request *req, weir_task_fn *fn, void *arg, void (*free_fn)(void *),
		 unsigned flags)
{
	struct task *t = calloc(1, sizeof(*t));
	int rc = t ? 0 : -ENOMEM;
	if (rc == 0) {
		init_task(t, req);
		rc = pool_promise(t->call.pool, &t->call);
	}
	if (rc < 0) {
		free(t);
		if (free_fn)
			free_fn(arg);
		return rc;
	}
	t->gen = generation_ref(req->gen);
	t->inst = req->inst;
	t->stats = req->route->stats;
	t->fn = fn;
	t->arg = arg;
	t->free_fn = free_fn;
	t->in_group = (flags & WEIR_GROUP) != 0;
	*req->tasks_end = t;
	req->tasks_end = &t->next;
	return 0;
}

struct task *tasks_take(struct request *req)
{
	struct task *tasks = req->tasks;
	req->tasks = NULL;
	req->tasks_end = &req->tasks;
	return tasks;
}

void tasks_append(struct task **list, struct task *more)
{
	while (*list)
		list = &(*list)->next;
	*list = more;
}

/* Group tasks go to the pool at once; the others hang on the first of them. */
void tasks_submit(struct task *tasks)
{
	struct task *chain = NULL, **chain_end = &chain;
	struct submitter s;
	if (!tasks)
		return;
	submitter_init(&s);
	while (tasks) {
		struct task *t = tasks;
		tasks = t->next;
		t->next = NULL;
		if (t->in_group) {
			pool_submit(&s, &t->call);
			continue;
		}
		*chain_end = t;
		chain_end = &t->next;
	}
	if (chain)
		pool_submit(&s, &chain->call);
	pool_flush(&s, clock_now());
}
