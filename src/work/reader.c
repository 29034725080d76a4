/*
 * One queue, at most two threads: disks serve more at a time, but who reads
 * much from a cold disk must not take processors away from what is warm.
 *
 * Thread: see reader.h; read_jobs on the readers.
 */
#include "work/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

struct readers {
	struct mutex lock;
	struct cond more;  /* jobs came, or the end */
	struct cond quiet; /* nothing queued, nothing runs */
	struct list jobs;  /* GUARDED_BY(lock), as all below */
	size_t queued;
	size_t running;
	size_t idle; /* threads that wait for a job */
	bool is_stopping;
	size_t count; /* of threads */
	size_t named; /* of them */
	pthread_t threads[READERS_MAX];
};

struct readers *readers_new(void)
{
	struct readers *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	mutex_init(&r->lock, LOCK_READERS);
	cond_init(&r->more);
	cond_init(&r->quiet);
	list_init(&r->jobs);
	return r;
}

void readers_free(struct readers **readers)
{
	struct readers *r = *readers;
	if (!r)
		return;
	must(r->count == 0 && r->queued == 0);
	cond_done(&r->quiet);
	cond_done(&r->more);
	mutex_done(&r->lock);
	free(r);
	*readers = NULL;
}

static void deliver(struct mail *m)
{
	struct read_job *job = container_of(m, struct read_job, mail);
	job->state = READ_IDLE;
	job->done(job);
}

static void send_home(struct read_job *job)
{
	job->mail.deliver = deliver;
	mailbox_post(job->home, &job->mail);
}

/* The next job; NULL: the end. */
static struct read_job *await_job(struct readers *r) REQUIRES(r->lock)
{
	r->idle++;
	while (list_is_empty(&r->jobs) && !r->is_stopping)
		cond_wait(&r->more, &r->lock);
	r->idle--;
	struct read_job *job = list_first(&r->jobs, struct read_job, link);
	if (!job)
		return NULL;
	list_remove(&job->link);
	r->queued--;
	r->running++;
	job->state = READ_RUNNING;
	return job;
}

static void read_jobs(struct readers *r) REQUIRES(r->lock)
{
	struct read_job *job;
	while ((job = await_job(r)) != NULL) {
		mutex_unlock(&r->lock);
		job->run(job);
		mutex_lock(&r->lock);
		job->state = READ_ENDED;
		/* Home before it counts as done: who waits for quiet finds it there. */
		send_home(job);
		r->running--;
		if (r->running + r->queued == 0)
			cond_signal(&r->quiet);
	}
}

static void *reader_main(void *arg)
{
	struct readers *r = arg;
	char name[16];
	thread_set_kind(THREAD_WORKER);
	mutex_lock(&r->lock);
	snprintf(name, sizeof(name), "weir-read/%zu", r->named++);
	thread_set_name(name);
	read_jobs(r);
	/* One signal wakes one thread: each wakes the next. */
	cond_signal(&r->more);
	mutex_unlock(&r->lock);
	return NULL;
}

/* A thread for a job that would have to wait for one. 0 also when there is one
 * to wait for. */
static int want_thread(struct readers *r) REQUIRES(r->lock)
{
	if (r->idle > r->queued || r->count == READERS_MAX)
		return 0;
	int rc = thread_start(&r->threads[r->count], 0, reader_main, r);
	if (rc == 0)
		r->count++;
	return r->count > 0 ? 0 : rc;
}

int readers_submit(struct readers *r, struct read_job *job, bool may_refuse)
{
	mutex_lock(&r->lock);
	must(job->state == READ_IDLE);
	int rc = may_refuse && r->queued >= READERS_QUEUE_MAX ? -EBUSY : want_thread(r);
	if (rc == 0) {
		job->state = READ_QUEUED;
		list_add_last(&r->jobs, &job->link);
		r->queued++;
		cond_signal(&r->more);
	}
	mutex_unlock(&r->lock);
	return rc;
}

bool readers_cancel(struct readers *r, struct read_job *job)
{
	mutex_lock(&r->lock);
	bool is_ours = job->state == READ_QUEUED;
	if (is_ours) {
		list_remove(&job->link);
		r->queued--;
		job->state = READ_IDLE;
		if (r->running + r->queued == 0)
			cond_signal(&r->quiet);
	}
	mutex_unlock(&r->lock);
	return is_ours;
}

bool readers_drain(struct readers *r, int64_t deadline)
{
	mutex_lock(&r->lock);
	bool in_time = true;
	while (r->running + r->queued > 0 && in_time)
		in_time = cond_wait_until(&r->quiet, &r->lock, deadline);
	bool is_quiet = r->running + r->queued == 0;
	mutex_unlock(&r->lock);
	return is_quiet;
}

void readers_stop(struct readers *r)
{
	mutex_lock(&r->lock);
	r->is_stopping = true;
	cond_signal(&r->more);
	size_t count = r->count;
	mutex_unlock(&r->lock);
	for (size_t i = 0; i < count; i++)
		must_pt(pthread_join(r->threads[i], NULL));
	r->count = 0;
}
