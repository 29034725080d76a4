/*
 * The rest of <weir/module.h>: instances, the log, work beside the answer.
 *
 * Thread: as <weir/module.h> says for each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "work/api.h"
#include "work/background.h"
#include "work/context.h"
#include "work/module.h"

enum { CALL_DEPTH_MAX = 8 };

static const int64_t on_loop_max = 30 * NS_PER_S;

API const char *weir_instance_name(const struct weir_instance *self)
{
	return instance_name(instance_private(self));
}

static const struct option_value *value_of(const struct weir_instance *self, const char *name)
{
	const struct instance *inst = instance_private(self);
	const struct option_set *set = instance_options(inst);
	int i = option_find(set->defs, name);
	if (i < 0) {
		char text[256];
		snprintf(text, sizeof(text),
			 "module \"%s\" asks for option '%s', which its descriptor does not have",
			 instance_name(inst), name);
		log_last_words(text);
		abort();
	}
	return &set->values[i];
}

API const char *weir_option_text(const struct weir_instance *self, const char *name)
{
	return value_of(self, name)->text;
}

API int64_t weir_option_int(const struct weir_instance *self, const char *name)
{
	return value_of(self, name)->num;
}

API const char *weir_option_at(const struct weir_instance *self, const char *name, size_t i)
{
	const struct option_value *value = value_of(self, name);
	return i < value->count ? value->texts[i].text : NULL;
}

API void weir_log(enum weir_log_level level, const char *fmt, ...)
{
	struct context who = context_now();
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_msg((enum log_level)level, "%s%s%smodule \"%s\": %s", who.id ? "request " : "",
		who.id ? who.id : "", who.id ? ": " : "", who.inst ? instance_name(who.inst) : "?",
		text);
}

/* ---- background tasks ---- */

API int weir_background(struct weir_request *public, weir_task_fn *fn, void *arg,
			void (*free_fn)(void *), unsigned flags)
{
	return task_promise(api_request(public), fn, arg, free_fn, flags);
}

static const struct task *task_of(const struct weir_task *public)
{
	return (const struct task *)(const void *)public;
}

API const char *weir_task_request_id(const struct weir_task *task)
{
	return task_request_id(task_of(task));
}

API void *weir_task_data(const struct weir_task *task)
{
	return instance_data(task_instance(task_of(task)));
}

API void *weir_task_thread_data(const struct weir_task *task)
{
	return task_thread_data(task_of(task));
}

API int weir_task_cancelled(const struct weir_task *task)
{
	return task_is_cancelled(task_of(task));
}

/* ---- nested handlers ---- */

/* What a handler sees as "its" instance while weir_call runs it. */
struct frame {
	struct instance *inst;
	void *thread_data;
};

static int enter_handler(struct request *req, const struct handler_ref *ref, struct frame *ret_was)
{
	struct frame was = { req->inst, req->thread_data };
	void *thread_data = NULL;
	if (req->worker) {
		int rc = worker_enter(req->worker, ref->inst, &thread_data);
		if (rc < 0)
			return rc;
	}
	req->inst = ref->inst;
	req->thread_data = thread_data;
	*ret_was = was;
	return 0;
}

API int weir_call(struct weir_request *public, const char *handler, struct weir_response *res)
{
	struct request *req = api_request(public);
	struct handler_ref ref;
	struct frame was;
	if (!generation_handler(req->gen, handler, &ref))
		return -ENOENT;
	if (!req->worker && !ref.is_inline)
		return -EDEADLK;
	if (req->depth >= CALL_DEPTH_MAX)
		return -ELOOP;
	int rc = enter_handler(req, &ref, &was);
	if (rc < 0)
		return rc;
	req->depth++;
	struct context outer = context_enter(ref.inst, req->id, ref.name);
	rc = ref.handler(public, res);
	context_leave(outer);
	req->depth--;
	req->inst = was.inst;
	req->thread_data = was.thread_data;
	return rc;
}

/* ---- lending the token ---- */

API int weir_blocking_begin(void)
{
	struct call *call = worker_current_call();
	return call ? pool_lend(call) : -EPERM;
}

API void weir_blocking_end(void)
{
	struct call *call = worker_current_call();
	if (call)
		pool_take_back(call);
}

/* ---- functions on the loop ---- */

enum visit_state {
	VISIT_WAITING, /* the loop has not begun */
	VISIT_RUNNING, /* the loop runs fn */
	VISIT_DONE,    /* result is set */
	VISIT_GONE,    /* the worker has given up: the loop frees it */
};

/* A function on its way to a loop and back. Freed by whoever leaves last. */
struct visit {
	struct mail mail;
	struct mutex lock;
	struct cond done;
	enum visit_state state GUARDED_BY(lock);
	int result GUARDED_BY(lock);
	int (*fn)(void *arg);
	void *arg;
	struct instance *inst;
};

static void visit_free(struct visit *v)
{
	cond_done(&v->done);
	mutex_done(&v->lock);
	free(v);
}

static void deliver_visit(struct mail *m)
{
	struct visit *v = container_of(m, struct visit, mail);
	mutex_lock(&v->lock);
	bool is_gone = v->state == VISIT_GONE;
	if (!is_gone)
		v->state = VISIT_RUNNING;
	mutex_unlock(&v->lock);
	if (is_gone) {
		visit_free(v);
		return;
	}
	struct context was = context_enter(v->inst, NULL, "weir_on_loop");
	int result = v->fn(v->arg);
	context_leave(was);
	mutex_lock(&v->lock);
	v->result = result;
	v->state = VISIT_DONE;
	cond_signal(&v->done);
	mutex_unlock(&v->lock);
}

/* Waits for the loop; once fn has begun it is waited for to the end, because
 * its argument is the handler's. */
static int await_visit(struct visit *v, int64_t deadline)
{
	mutex_lock(&v->lock);
	bool more = true;
	while (v->state == VISIT_WAITING && more)
		more = cond_wait_until(&v->done, &v->lock, deadline);
	while (v->state == VISIT_RUNNING)
		cond_wait(&v->done, &v->lock);
	bool is_done = v->state == VISIT_DONE;
	int result = is_done ? v->result : -ETIMEDOUT;
	v->state = is_done ? VISIT_DONE : VISIT_GONE;
	mutex_unlock(&v->lock);
	if (is_done)
		visit_free(v);
	return result;
}

API int weir_on_loop(struct weir_request *public, int (*fn)(void *arg), void *arg)
{
	struct request *req = api_request(public);
	if (!req->worker)
		return fn(arg);
	int64_t now = clock_now();
	if (now >= req->deadline)
		return -ETIMEDOUT;
	struct visit *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	mutex_init(&v->lock, LOCK_ON_LOOP);
	cond_init(&v->done);
	v->fn = fn;
	v->arg = arg;
	v->inst = req->inst;
	v->mail.deliver = deliver_visit;
	int64_t latest = clock_add(now, on_loop_max);
	int64_t deadline = req->deadline < latest ? req->deadline : latest;
	mailbox_post(req->home, &v->mail);
	return await_visit(v, deadline);
}
