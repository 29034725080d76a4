/*
 * A few threads that wait for disks in the place of loops: they open files
 * whose path is not in the kernel's caches and bring contents into memory.
 *
 * Thread: stated for each function. "Loop" is any event loop's thread.
 */
#ifndef WEIR_WORK_READER_H
#define WEIR_WORK_READER_H

#include <stdint.h>

#include "base/list.h"
#include "work/mailbox.h"

enum {
	READERS_MAX = 2, /* threads */
	READERS_QUEUE_MAX = 1024,
};

struct readers;

enum read_state {
	READ_IDLE,    /* its owner's */
	READ_QUEUED,  /* waits for a thread */
	READ_RUNNING, /* a thread's */
	READ_ENDED,   /* on its way home, or there */
};

/* Set by its owner before readers_submit: run, done, home. Owner until submit
 * and after done. */
struct read_job {
	enum read_state state;              /* guarded by the readers' lock */
	void (*run)(struct read_job *job);  /* on a reader; may block */
	void (*done)(struct read_job *job); /* on home's loop */
	struct mailbox *home;
	struct mail mail;
	struct list link;
};

/* Boot. NULL when memory is out. Threads are started when they are needed. */
must_check struct readers *readers_new(void);

/* Main, after readers_stop. */
void readers_free(struct readers **readers);

/* Loop: 0; -EBUSY when READERS_QUEUE_MAX wait and the job `may_refuse`; or
 * another negative errno when there is no thread and none can be started: the
 * job stays the caller's then. */
must_check int readers_submit(struct readers *readers, struct read_job *job, bool may_refuse);

/* Loop: takes back a job that no thread has begun. False: done() will come. */
bool readers_cancel(struct readers *readers, struct read_job *job);

/* Main: waits until nothing is queued or runs, at most until `deadline`. True
 * when it is so. */
must_check bool readers_drain(struct readers *readers, int64_t deadline);

/* Main, after readers_drain returned true: ends the threads and joins them. */
void readers_stop(struct readers *readers);

#endif
