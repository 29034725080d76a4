/*
 * Pools with real threads: tokens, order, cancelling, idle end, promises. Each
 * call waits at a gate, so that the tests decide when it returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"
#include "work/pool_private.h"

enum { CALLS = 64 };

/* A call that counts itself, waits for its gate and notes its turn. */
struct job {
	struct call call;
	int turn; /* -1: did not run */
	int ended;
};

static struct mutex lock;
static struct cond changed;
static bool gate_is_open;
static int running, peak, turns, ended;
static struct job jobs[CALLS];
static struct pool *pool;

static void note_change(void)
{
	must_pt(pthread_cond_broadcast(&changed.c));
}

static void run(struct call *call, struct worker *w)
{
	struct job *job = container_of(call, struct job, call);
	(void)w;
	mutex_lock(&lock);
	job->turn = turns++;
	running++;
	peak = running > peak ? running : peak;
	note_change();
	while (!gate_is_open)
		cond_wait(&changed, &lock);
	running--;
	mutex_unlock(&lock);
}

static void done(struct call *call)
{
	struct job *job = container_of(call, struct job, call);
	mutex_lock(&lock);
	job->ended++;
	ended++;
	note_change();
	mutex_unlock(&lock);
}

static void open_gate(bool open)
{
	mutex_lock(&lock);
	gate_is_open = open;
	note_change();
	mutex_unlock(&lock);
}

/* Waits until *counter is `value`, or fails after ten seconds. */
static void await(const int *counter, int value)
{
	int64_t deadline = clock_now() + 10 * NS_PER_S;
	bool more = true;
	mutex_lock(&lock);
	while (*counter != value && more)
		more = cond_wait_until(&changed, &lock, deadline);
	int seen = *counter;
	mutex_unlock(&lock);
	ck_assert_int_eq(seen, value);
}

static struct pool_settings settings(int64_t tokens)
{
	return (struct pool_settings){
		.tokens = tokens,
		.queue_max = 1000,
		.queue_timeout = CLOCK_NEVER,
		.threads_max = POOL_AUTO,
		.thread_idle = CLOCK_NEVER,
		.background_max = 1000,
	};
}

static void set_tokens(int64_t tokens)
{
	struct pool_settings s;
	pool_get_settings(pool, &s);
	s.tokens = tokens;
	pool_set_settings(pool, &s);
}

static void start_with(struct pool_settings s)
{
	mutex_init(&lock, LOCK_INSTANCE);
	cond_init(&changed);
	pool = pool_new("test", &s);
	ck_assert_ptr_nonnull(pool);
	for (int i = 0; i < CALLS; i++) {
		jobs[i].call = (struct call){ 0 };
		call_init(&jobs[i].call);
		jobs[i].call.run = run;
		jobs[i].call.done = done;
		jobs[i].call.pool = pool;
		jobs[i].turn = -1;
		jobs[i].ended = 0;
	}
	gate_is_open = false;
	running = peak = turns = ended = 0;
}

static void stop(void)
{
	open_gate(true);
	ck_assert(pool_drain(pool, clock_now() + 10 * NS_PER_S));
	pool_stop(pool);
	pool_free(&pool);
	ck_assert_ptr_null(pool);
}

static void submit(int first, int count)
{
	struct submitter s;
	submitter_init(&s);
	for (int i = first; i < first + count; i++)
		pool_submit(&s, &jobs[i].call);
	pool_flush(&s, clock_now());
}

START_TEST(never_more_calls_run_than_there_are_tokens)
{
	start_with(settings(5));
	submit(0, CALLS);
	await(&running, 5);
	struct pool_stats stats;
	pool_get_stats(pool, &stats);
	ck_assert_int_eq(stats.borrowed, 5);
	ck_assert_int_eq(stats.waiting, CALLS - 5);
	open_gate(true);
	await(&ended, CALLS);
	ck_assert_int_eq(peak, 5);
	stop();
}
END_TEST

START_TEST(calls_are_served_in_the_order_of_their_coming)
{
	start_with(settings(1));
	open_gate(true);
	submit(0, CALLS);
	await(&ended, CALLS);
	for (int i = 0; i < CALLS; i++)
		ck_assert_int_eq(jobs[i].turn, i);
	stop();
}
END_TEST

START_TEST(a_call_cancelled_in_line_never_runs)
{
	start_with(settings(1));
	submit(0, 3);
	await(&running, 1);
	ck_assert(pool_is_waiting(&jobs[1].call));
	ck_assert(pool_cancel(&jobs[1].call, true));
	open_gate(true);
	await(&ended, 2);
	ck_assert_int_eq(jobs[1].turn, -1);
	ck_assert_int_eq(jobs[1].ended, 0);
	stop();
}
END_TEST

START_TEST(a_running_call_that_is_abandoned_keeps_its_token)
{
	struct pool_stats stats;
	start_with(settings(1));
	submit(0, 2);
	await(&running, 1);
	ck_assert(!pool_cancel(&jobs[0].call, true));
	ck_assert(atomic_load(&jobs[0].call.cancelled));
	pool_get_stats(pool, &stats);
	ck_assert_int_eq(stats.abandoned, 1);
	ck_assert_int_eq(stats.borrowed, 1);
	ck_assert_int_eq(stats.waiting, 1);
	open_gate(true);
	await(&ended, 2);
	pool_get_stats(pool, &stats);
	ck_assert_int_eq(stats.abandoned, 0);
	stop();
}
END_TEST

START_TEST(a_full_line_refuses_at_once)
{
	struct pool_settings s = settings(1);
	s.queue_max = 2;
	start_with(s);
	submit(0, 1);
	await(&running, 1);
	submit(1, 5);
	await(&ended, 3);
	ck_assert_int_eq(jobs[1].ended + jobs[2].ended, 0);
	for (int i = 3; i < 6; i++) {
		ck_assert_int_eq(jobs[i].call.end, CALL_FULL);
		ck_assert_int_ge(jobs[i].call.retry_after, 1);
	}
	stop();
}
END_TEST

START_TEST(a_waiter_whose_time_is_over_never_runs)
{
	start_with(settings(1));
	submit(0, 1);
	await(&running, 1);
	jobs[1].call.expires = clock_now() + 1;
	submit(1, 2);
	open_gate(true);
	await(&ended, 3);
	ck_assert_int_eq(jobs[1].turn, -1);
	ck_assert_int_eq(jobs[1].call.end, CALL_EXPIRED);
	ck_assert_int_eq(jobs[2].call.end, CALL_RAN);
	stop();
}
END_TEST

/* Calls that go home by mail. */
static struct mailbox home;

START_TEST(a_call_that_expires_while_another_loop_submits_goes_home_by_mail)
{
	struct pool_settings s = settings(1);
	s.queue_max = 1;
	start_with(s);
	ck_assert_int_eq(mailbox_init(&home), 0);
	submit(0, 1);
	await(&running, 1);
	jobs[1].call.home = &home;
	jobs[1].call.expires = clock_now() + 1;
	submit(1, 1);
	submit(2, 1); /* finds the line full, of one whose time is over */
	ck_assert_int_eq(jobs[1].ended, 0);
	ck_assert_int_eq(mailbox_take(&home), 1);
	ck_assert_int_eq(jobs[1].ended, 1);
	ck_assert_int_eq(jobs[1].call.end, CALL_EXPIRED);
	open_gate(true);
	await(&ended, 3);
	ck_assert_int_eq(jobs[2].call.end, CALL_RAN);
	stop();
	mailbox_done(&home);
}
END_TEST

START_TEST(raising_tokens_lets_waiters_run_at_once)
{
	start_with(settings(0));
	submit(0, 10);
	ck_assert_int_eq(turns, 0);
	set_tokens(4);
	await(&running, 4);
	set_tokens(LIMIT_INF);
	await(&running, 10);
	stop();
}
END_TEST

START_TEST(lowering_tokens_lets_running_work_finish)
{
	start_with(settings(8));
	submit(0, 20);
	await(&running, 8);
	set_tokens(2);
	struct pool_stats stats;
	pool_get_stats(pool, &stats);
	ck_assert_int_eq(stats.borrowed, 8);
	open_gate(true);
	await(&ended, 20);
	stop();
}
END_TEST

START_TEST(idle_threads_end_after_their_time)
{
	struct pool_settings s = settings(8);
	struct pool_stats stats;
	s.thread_idle = 20 * NS_PER_MS;
	s.threads_min = 2;
	start_with(s);
	submit(0, 8);
	await(&running, 8);
	open_gate(true);
	await(&ended, 8);
	int64_t deadline = clock_now() + 10 * NS_PER_S;
	do {
		usleep(1000);
		pool_get_stats(pool, &stats);
	} while (stats.threads > 2 && clock_now() < deadline);
	ck_assert_int_eq(stats.threads, 2);
	open_gate(false);
	submit(8, 8); /* and new ones start when they are needed again */
	await(&running, 8);
	stop();
}
END_TEST

START_TEST(idle_workers_are_reused_before_new_ones_start)
{
	struct pool_stats stats;
	start_with(settings(8));
	open_gate(true);
	for (int i = 0; i < CALLS; i++) {
		submit(i, 1);
		await(&ended, i + 1);
		do {
			pool_get_stats(pool, &stats);
		} while (stats.idle != stats.threads);
	}
	ck_assert_int_eq(stats.threads, 1);
	stop();
}
END_TEST

START_TEST(a_promised_call_finds_its_place_in_a_full_line)
{
	struct pool_settings s = settings(1);
	s.queue_max = 1;
	s.background_max = 2;
	start_with(s);
	ck_assert_int_eq(pool_promise(pool, &jobs[2].call), 0);
	ck_assert_int_eq(pool_promise(pool, &jobs[3].call), 0);
	ck_assert_int_eq(pool_promise(pool, &jobs[4].call), -EAGAIN);
	submit(0, 2);
	await(&running, 1);
	jobs[2].call.is_promised = true;
	submit(2, 1);
	open_gate(true);
	await(&ended, 3);
	ck_assert_int_eq(jobs[2].call.end, CALL_RAN);
	pool_keep_promise(&jobs[2].call);
	ck_assert_int_eq(pool_promise(pool, &jobs[4].call), 0);
	stop();
}
END_TEST

static void count_listed(void *ctx, const struct call *call)
{
	int *counts = ctx;
	counts[call->state]++;
}

START_TEST(a_promised_call_is_listed_before_it_is_submitted)
{
	int counts[CALL_ENDED + 1] = { 0 };
	start_with(settings(1));
	submit(0, 2);
	await(&running, 1);
	ck_assert_int_eq(pool_promise(pool, &jobs[2].call), 0);
	pool_each_call(pool, count_listed, counts);
	ck_assert_int_eq(counts[CALL_RUNNING], 1);
	ck_assert_int_eq(counts[CALL_WAITING], 1);
	ck_assert_int_eq(counts[CALL_IDLE], 1);
	pool_keep_promise(&jobs[2].call);
	stop();
}
END_TEST

START_TEST(threads_that_could_not_be_started_are_tried_again_by_the_watch)
{
	struct pool_settings s = settings(2), possible;
	struct slow_call slow[1];
	enum pool_pace pace;
	possible = s;
	s.stack_size = (size_t)1 << 50;
	start_with(s);
	jobs[0].call.is_promised = true;
	submit(0, 1);
	ck_assert_int_eq(pool_tick(pool, slow, 1, &pace), 0);
	ck_assert_int_eq(pace, POOL_BUSY);
	pool_set_settings(pool, &possible);
	open_gate(true);
	await(&ended, 1);
	ck_assert_int_eq(jobs[0].call.end, CALL_RAN);
	stop();
}
END_TEST

START_TEST(a_call_is_noted_as_slow_once)
{
	struct slow_call slow[4];
	enum pool_pace pace;
	start_with(settings(3));
	for (int i = 0; i < 3; i++)
		jobs[i].call.slow_after = i < 2 ? 0 : CLOCK_NEVER;
	submit(0, 3);
	await(&running, 3);
	ck_assert_int_eq(pool_tick(pool, slow, 4, &pace), 2);
	ck_assert(pool_still_runs(pool, &slow[0]));
	ck_assert_int_eq(pool_tick(pool, slow, 4, &pace), 0);
	open_gate(true);
	await(&ended, 3);
	stop();
}
END_TEST

static enum pool_pace tick(void)
{
	struct slow_call slow[1];
	enum pool_pace pace;
	(void)pool_tick(pool, slow, 1, &pace);
	return pace;
}

/* As after many quick calls. */
static enum pool_pace be_quick(void)
{
	mutex_lock(&pool->lock);
	pool->quick_runs = QUICK_RUNS;
	pool->has_run = true;
	mutex_unlock(&pool->lock);
	return tick();
}

START_TEST(calls_behind_one_that_is_not_quick_after_all_run_beside_it)
{
	start_with(settings(8));
	ck_assert_int_eq(be_quick(), POOL_QUICK);
	submit(0, 8);
	int64_t until = clock_now() + 10 * NS_PER_S;
	for (int seen = 0; seen < 8 && clock_now() < until;) {
		(void)tick();
		mutex_lock(&lock);
		(void)cond_wait_until(&changed, &lock, clock_now() + NS_PER_MS);
		seen = running;
		mutex_unlock(&lock);
	}
	await(&running, 8);
	open_gate(true);
	await(&ended, 8);
	stop();
}
END_TEST

START_TEST(a_long_call_ends_the_sparing_of_wake_ups)
{
	start_with(settings(1));
	ck_assert_int_eq(be_quick(), POOL_QUICK);
	submit(0, 1);
	await(&running, 1);
	usleep(QUICK_RUN / 1000 + 1);
	open_gate(true);
	await(&ended, 1);
	ck_assert_int_eq(tick(), POOL_BUSY);
	ck_assert_int_eq(tick(), POOL_QUIET);
	stop();
}
END_TEST

START_TEST(without_any_thread_a_call_is_refused_and_its_token_comes_back)
{
	struct pool_settings s = settings(2);
	struct pool_stats stats;
	s.stack_size = (size_t)1 << 50; /* more than there is: no thread can start */
	start_with(s);
	submit(0, 3);
	await(&ended, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(jobs[i].call.end, CALL_NO_THREAD);
	pool_get_stats(pool, &stats);
	ck_assert_int_eq(stats.borrowed, 0);
	ck_assert_int_eq(stats.threads, 0);
	ck_assert_uint_eq(stats.no_thread, 3);
	stop();
}
END_TEST

UNIT_MAIN("pool", never_more_calls_run_than_there_are_tokens,
	  a_promised_call_is_listed_before_it_is_submitted,
	  threads_that_could_not_be_started_are_tried_again_by_the_watch,
	  a_call_is_noted_as_slow_once, calls_are_served_in_the_order_of_their_coming,
	  a_call_cancelled_in_line_never_runs, a_running_call_that_is_abandoned_keeps_its_token,
	  a_full_line_refuses_at_once, a_waiter_whose_time_is_over_never_runs,
	  a_call_that_expires_while_another_loop_submits_goes_home_by_mail,
	  raising_tokens_lets_waiters_run_at_once, lowering_tokens_lets_running_work_finish,
	  idle_threads_end_after_their_time, idle_workers_are_reused_before_new_ones_start,
	  a_promised_call_finds_its_place_in_a_full_line,
	  calls_behind_one_that_is_not_quick_after_all_run_beside_it,
	  a_long_call_ends_the_sparing_of_wake_ups,
	  without_any_thread_a_call_is_refused_and_its_token_comes_back)
