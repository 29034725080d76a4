/*
 * work/reader: jobs that may block, away from the loops. Threads are made
 * through a wrapper that can fail.
 *
 * Thread: the test plays a loop; readers are real.
 */
#include "work/reader.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"

#include "unit.h"

int __real_thread_start(pthread_t *ret_thread, size_t stack_size, void *(*fn)(void *), void *arg);
int __wrap_thread_start(pthread_t *ret_thread, size_t stack_size, void *(*fn)(void *), void *arg);

static int thread_trouble; /* what starting a thread fails with; 0: nothing */
static int threads_started;

int __wrap_thread_start(pthread_t *ret_thread, size_t stack_size, void *(*fn)(void *), void *arg)
{
	if (thread_trouble)
		return thread_trouble;
	threads_started++;
	return __real_thread_start(ret_thread, stack_size, fn, arg);
}

struct job {
	struct read_job job;
	_Atomic bool *gate; /* waits until it is open */
	_Atomic bool ran;
	bool done;
};

static struct mailbox box;
static struct readers *readers;

static void run(struct read_job *job)
{
	struct job *j = container_of(job, struct job, job);
	while (j->gate && !atomic_load(j->gate))
		usleep(1000);
	atomic_store(&j->ran, true);
}

static void done(struct read_job *job)
{
	container_of(job, struct job, job)->done = true;
}

static void make(struct job *jobs, size_t count, _Atomic bool *gate)
{
	for (size_t i = 0; i < count; i++)
		jobs[i] = (struct job){ .job = { .run = run, .done = done, .home = &box },
					.gate = gate };
}

static void start(void)
{
	ck_assert_int_eq(mailbox_init(&box), 0);
	readers = readers_new();
	ck_assert_ptr_nonnull(readers);
}

static void stop(void)
{
	ck_assert(readers_drain(readers, CLOCK_NEVER));
	readers_stop(readers);
	readers_free(&readers);
	ck_assert_ptr_null(readers);
	mailbox_done(&box);
}

START_TEST(every_job_runs_and_comes_home)
{
	struct job jobs[100];
	make(jobs, array_len(jobs), NULL);
	start();
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < array_len(jobs); i++)
			ck_assert_int_eq(readers_submit(readers, &jobs[i].job, true), 0);
		ck_assert(readers_drain(readers, CLOCK_NEVER));
		mailbox_take(&box);
		for (size_t i = 0; i < array_len(jobs); i++) {
			ck_assert(atomic_load(&jobs[i].ran) && jobs[i].done);
			ck_assert_int_eq(jobs[i].job.state, READ_IDLE);
			jobs[i].done = false;
		}
	}
	ck_assert_int_le(threads_started, READERS_MAX);
	stop();
}
END_TEST

START_TEST(a_queued_job_can_be_taken_back_and_a_running_one_not)
{
	struct job jobs[READERS_MAX + 2];
	_Atomic bool gate = false;
	make(jobs, array_len(jobs), &gate);
	start();
	for (size_t i = 0; i < array_len(jobs); i++)
		ck_assert_int_eq(readers_submit(readers, &jobs[i].job, true), 0);
	struct job *last = &jobs[array_len(jobs) - 1];
	ck_assert(readers_cancel(readers, &last->job));
	ck_assert(!readers_drain(readers, clock_now() + NS_PER_MS));
	atomic_store(&gate, true);
	ck_assert(readers_drain(readers, CLOCK_NEVER));
	ck_assert(!readers_cancel(readers, &jobs[0].job));
	mailbox_take(&box);
	ck_assert(jobs[0].done && !last->done && !atomic_load(&last->ran));
	ck_assert_int_eq(threads_started, READERS_MAX);
	/* it is its owner's, and may be given again */
	ck_assert_int_eq(readers_submit(readers, &last->job, true), 0);
	ck_assert(readers_drain(readers, CLOCK_NEVER));
	mailbox_take(&box);
	ck_assert(last->done);
	stop();
}
END_TEST

START_TEST(the_queue_has_a_bound_for_those_who_can_be_refused)
{
	static struct job jobs[READERS_QUEUE_MAX + READERS_MAX + 2];
	_Atomic bool gate = false;
	size_t count = 0;
	make(jobs, array_len(jobs), &gate);
	start();
	while (count < array_len(jobs) && readers_submit(readers, &jobs[count].job, true) == 0)
		count++;
	/* up to READERS_MAX were taken meanwhile */
	ck_assert_uint_ge(count, READERS_QUEUE_MAX);
	ck_assert_uint_lt(count, array_len(jobs) - 1);
	ck_assert_int_eq(jobs[count].job.state, READ_IDLE);
	ck_assert_int_eq(readers_submit(readers, &jobs[count].job, false), 0);
	atomic_store(&gate, true);
	ck_assert(readers_drain(readers, CLOCK_NEVER));
	mailbox_take(&box);
	for (size_t i = 0; i <= count; i++)
		ck_assert(jobs[i].done);
	stop();
}
END_TEST

START_TEST(without_any_thread_the_job_stays_the_callers)
{
	struct job jobs[3];
	_Atomic bool gate = false;
	make(jobs, array_len(jobs), &gate);
	start();
	thread_trouble = -EAGAIN;
	ck_assert_int_eq(readers_submit(readers, &jobs[0].job, true), -EAGAIN);
	ck_assert_int_eq(jobs[0].job.state, READ_IDLE);
	/* one thread is enough, and another is tried each time */
	thread_trouble = 0;
	ck_assert_int_eq(readers_submit(readers, &jobs[0].job, true), 0);
	thread_trouble = -EAGAIN;
	ck_assert_int_eq(readers_submit(readers, &jobs[1].job, true), 0);
	ck_assert_int_eq(readers_submit(readers, &jobs[2].job, true), 0);
	atomic_store(&gate, true);
	ck_assert(readers_drain(readers, CLOCK_NEVER));
	mailbox_take(&box);
	ck_assert(jobs[0].done && jobs[1].done && jobs[2].done);
	ck_assert_int_eq(threads_started, 1);
	stop();
}
END_TEST

START_TEST(readers_that_never_read_end)
{
	start();
	stop();
	ck_assert_int_eq(threads_started, 0);
}
END_TEST

UNIT_MAIN("reader", every_job_runs_and_comes_home,
	  a_queued_job_can_be_taken_back_and_a_running_one_not,
	  the_queue_has_a_bound_for_those_who_can_be_refused,
	  without_any_thread_the_job_stays_the_callers, readers_that_never_read_end)
