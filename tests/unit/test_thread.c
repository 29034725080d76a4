/*
 * Locks and threads: order, deadlines, names.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/thread.h"
#include "unit.h"

START_TEST(locks_may_be_taken_in_the_order_of_the_table)
{
	struct mutex outer, inner;
	mutex_init(&outer, LOCK_POOL);
	mutex_init(&inner, LOCK_MAILBOX);
	mutex_lock(&outer);
	mutex_lock(&inner);
	mutex_unlock(&inner);
	mutex_unlock(&outer);
	mutex_done(&outer);
	mutex_done(&inner);
}
END_TEST

START_TEST(taking_them_in_another_order_stops_the_process)
{
	struct mutex outer, inner;
	mutex_init(&outer, LOCK_POOL);
	mutex_init(&inner, LOCK_MAILBOX);
	mutex_lock(&inner);
	mutex_lock(&outer);
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline)
{
	struct mutex m;
	struct cond c;
	mutex_init(&m, LOCK_POOL);
	cond_init(&c);
	int64_t until = clock_now() + 5 * NS_PER_MS;
	mutex_lock(&m);
	while (cond_wait_until(&c, &m, until))
		;
	mutex_unlock(&m);
	ck_assert(clock_now() >= until);
	cond_done(&c);
	mutex_done(&m);
}
END_TEST

static void *look(void *arg)
{
	sigset_t blocked;
	thread_set_kind(THREAD_WORKER);
	thread_set_name("a name that is far too long");
	prctl(PR_GET_NAME, arg);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	return sigismember(&blocked, SIGTERM) && thread_kind() == THREAD_WORKER ? arg : NULL;
}

START_TEST(a_thread_has_its_kind_its_name_and_no_signals)
{
	char name[16] = "";
	pthread_t thread;
	void *result;
	ck_assert_int_eq(thread_start(&thread, 0, look, name), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, name);
	ck_assert_str_eq(name, "a name that is ");
	ck_assert_int_eq(thread_kind(), THREAD_MAIN);
}
END_TEST

START_TEST(a_thread_that_cannot_start_says_so)
{
	pthread_t thread;
	ck_assert_int_lt(thread_start(&thread, (size_t)1 << 50, look, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tc = tcase_create("thread");
	tcase_add_test(tc, locks_may_be_taken_in_the_order_of_the_table);
	tcase_add_test_raise_signal(tc, taking_them_in_another_order_stops_the_process, SIGABRT);
	tcase_add_test(tc, a_wait_ends_at_its_deadline);
	tcase_add_test(tc, a_thread_has_its_kind_its_name_and_no_signals);
	tcase_add_test(tc, a_thread_that_cannot_start_says_so);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
