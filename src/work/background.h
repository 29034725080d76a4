/*
 * Background tasks: promised by a handler, submitted when its response was
 * sent, run under a token of their own pool.
 *
 * Thread: task_promise on the handler's thread; tasks_submit on the request's
 * loop; a task then belongs to its pool and frees itself on its worker.
 */
#ifndef WEIR_WORK_BACKGROUND_H
#define WEIR_WORK_BACKGROUND_H

#include <stdbool.h>
#include <weir/module.h>

struct instance;
struct request;
struct task;

/* See weir_background(). */
int task_promise(struct request *req, weir_task_fn *fn, void *arg, void (*free_fn)(void *),
		 unsigned flags);

/* Main: the daemon is stopping; running tasks may ask (weir_task_cancelled). */
void tasks_announce_stop(void);

/* The rest of the module API's view, on the task's thread. */
const char *task_request_id(const struct task *t);
struct instance *task_instance(const struct task *t);
void *task_thread_data(const struct task *t);
bool task_is_cancelled(const struct task *t);

/* Takes the request's promised tasks off it, in their order, so that they
 * outlive it; submit them when the response is out. */
struct task *tasks_take(struct request *req);
void tasks_append(struct task **list, struct task *more);
void tasks_submit(struct task *tasks);

#endif
