/*
 * work/peek: what is said of a thread.
 *
 * Thread: one, and those it looks at.
 */
#include "work/peek.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unit.h"

static _Atomic pid_t tid;
static atomic_bool ends;
static int pipe_fd[2];

static void *reads(void *arg)
{
	char byte;
	(void)arg;
	tid = gettid();
	ck_assert_int_eq(read(pipe_fd[0], &byte, 1), 1);
	return NULL;
}

static void *computes(void *arg)
{
	(void)arg;
	tid = gettid();
	while (!ends)
		;
	return NULL;
}

/* Looks until the thread is seen to do `what`; the test's time limit ends it. */
static void await_text(const char *what)
{
	char text[PEEK_TEXT_SIZE] = "";
	while (tid == 0 || strncmp(text, what, strlen(what)) != 0)
		peek_thread(tid, text);
}

START_TEST(a_thread_that_sleeps_is_seen_asleep)
{
	pthread_t thread;
	ck_assert_int_eq(pipe(pipe_fd), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, reads, NULL), 0);
	await_text("asleep");
	ck_assert_int_eq(write(pipe_fd[1], "x", 1), 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_thread_that_computes_is_seen_on_cpu)
{
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, computes, NULL), 0);
	await_text("on CPU");
	ends = true;
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

START_TEST(a_thread_that_is_not_there_is_no_trouble)
{
	char text[PEEK_TEXT_SIZE];
	peek_thread(999999999, text);
	ck_assert_str_eq(text, "its state cannot be read");
}
END_TEST

START_TEST(system_calls_have_names)
{
	ck_assert_str_eq(peek_call_name(SYS_read), "read");
	ck_assert_str_eq(peek_call_name(SYS_futex), "futex");
	ck_assert_ptr_null(peek_call_name(100000));
}
END_TEST

UNIT_MAIN("peek", a_thread_that_sleeps_is_seen_asleep, a_thread_that_computes_is_seen_on_cpu,
	  a_thread_that_is_not_there_is_no_trouble, system_calls_have_names)
