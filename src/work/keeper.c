/*
 * A queue of jobs and one thread.
 *
 * Thread: stated in keeper.h.
 */
#include "work/keeper.h"

#include <errno.h>
#include <stdlib.h>

#include "base/thread.h"

struct keeper {
	pthread_t thread; /* main's */
	struct mutex lock;
	struct list jobs GUARDED_BY(lock);
	bool is_at_work GUARDED_BY(lock); /* on one it has taken */
	bool stopping GUARDED_BY(lock);
	struct cond wake;
	struct cond quiet; /* nothing is left to do */
};

static void run_one(struct keeper *k) REQUIRES(k->lock)
{
	struct keeper_job *job = list_first(&k->jobs, struct keeper_job, link);
	list_remove(&job->link);
	k->is_at_work = true;
	mutex_unlock(&k->lock);
	job->run(job);
	mutex_lock(&k->lock);
	k->is_at_work = false;
}

static void *keeper_main(void *arg)
{
	struct keeper *k = arg;
	thread_set_kind(THREAD_KEEPER);
	thread_set_name("weir-keeper");
	mutex_lock(&k->lock);
	for (;;) {
		while (!list_is_empty(&k->jobs))
			run_one(k);
		cond_signal(&k->quiet);
		if (k->stopping)
			break;
		cond_wait(&k->wake, &k->lock);
	}
	mutex_unlock(&k->lock);
	return NULL;
}

struct keeper *keeper_start(void)
{
	struct keeper *k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	list_init(&k->jobs);
	mutex_init(&k->lock, LOCK_KEEPER);
	cond_init(&k->wake);
	cond_init(&k->quiet);
	int rc = thread_start(&k->thread, 0, keeper_main, k);
	if (rc < 0) {
		cond_done(&k->quiet);
		cond_done(&k->wake);
		mutex_done(&k->lock);
		free(k);
		errno = -rc;
		return NULL;
	}
	return k;
}

void keeper_do(struct keeper *k, struct keeper_job *job)
{
	mutex_lock(&k->lock);
	list_add_last(&k->jobs, &job->link);
	cond_signal(&k->wake);
	mutex_unlock(&k->lock);
}

bool keeper_drain(struct keeper *k, int64_t deadline)
{
	mutex_lock(&k->lock);
	bool in_time = true;
	while (in_time && (k->is_at_work || !list_is_empty(&k->jobs)))
		in_time = cond_wait_until(&k->quiet, &k->lock, deadline);
	bool is_quiet = !k->is_at_work && list_is_empty(&k->jobs);
	mutex_unlock(&k->lock);
	return is_quiet;
}

void keeper_stop(struct keeper **keeper)
{
	struct keeper *k = *keeper;
	if (!k)
		return;
	mutex_lock(&k->lock);
	k->stopping = true;
	cond_signal(&k->wake);
	mutex_unlock(&k->lock);
	must_pt(pthread_join(k->thread, NULL));
	cond_done(&k->quiet);
	cond_done(&k->wake);
	mutex_done(&k->lock);
	free(k);
	*keeper = NULL; /* only now: the last jobs may have made more */
}
