/*
 * Streams between a worker and a loop, without either: the tests are the loop,
 * a thread of theirs is the worker.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "work/request.h"
#include "work/stream.h"

enum { LARGE = 1 << 20 };

static struct generation gen;
static struct mailbox box;
static struct request *req;
static struct stream *s;
static int arrived;
static char data[LARGE];

static void on_stream(struct request *from)
{
	ck_assert_ptr_eq(from, req);
	arrived++;
}

static void prepare(void)
{
	atomic_init(&gen.refs, 100);
	gen.write_buffer = 64 * 1024;
	ck_assert_int_eq(mailbox_init(&box), 0);
	req = request_new();
	ck_assert_ptr_nonnull(req);
	req->gen = &gen;
	req->home = &box;
	req->on_stream = on_stream;
	s = req->stream = stream_new(req);
	ck_assert_ptr_nonnull(s);
	for (size_t i = 0; i < LARGE; i++)
		data[i] = (char)(i * 31 + (i >> 8));
}

static void clean_up(void)
{
	mailbox_take(&box);
	request_free(&req);
	mailbox_done(&box);
}

/* Waits for letters, and asserts that there is one only. */
static void await_letter(void)
{
	struct pollfd pfd = { .fd = box.fd, .events = POLLIN };
	int letters;
	while ((letters = mailbox_take(&box)) == 0) {
		if (!mailbox_sleep(&box))
			continue;
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		mailbox_hear(&box);
	}
	ck_assert_int_eq(letters, 1);
}

static size_t take(bool all)
{
	if (!stream_take(s, all))
		return 0;
	size_t len = buf_len(&s->taken);
	buf_drop(&s->taken, len);
	return len;
}

/* ---- a worker ---- */

static pthread_t thread;
static int result;

static void *write_large(void *arg)
{
	(void)arg;
	result = stream_write(s, data, LARGE);
	if (result == 0)
		result = stream_flush(s);
	return NULL;
}

static void *flush_it(void *arg)
{
	(void)arg;
	result = stream_flush(s);
	return NULL;
}

static void *read_once(void *arg)
{
	result = (int)stream_read(s, arg, 10);
	return NULL;
}

static void start(void *(*fn)(void *), void *arg)
{
	ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
}

static int join(void)
{
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	return result;
}

/* ---- downwards ---- */

START_TEST(small_writes_wait_for_the_end)
{
	prepare();
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(stream_write(s, data, 100), 0);
	ck_assert_int_eq(mailbox_take(&box), 0);
	ck_assert_uint_eq(take(false), 0);
	ck_assert_uint_eq(take(true), 1000);
	clean_up();
}
END_TEST

START_TEST(a_good_part_is_offered_with_one_letter)
{
	prepare();
	ck_assert_int_eq(stream_write(s, data, STREAM_DOWN_SEND), 0);
	ck_assert_int_eq(stream_write(s, data, STREAM_DOWN_SEND), 0);
	ck_assert_int_eq(mailbox_take(&box), 1);
	ck_assert_int_eq(arrived, 1);
	/* Until it is taken, the loop needs no second one. */
	ck_assert_int_eq(stream_write(s, data, STREAM_DOWN_SEND), 0);
	ck_assert_int_eq(mailbox_take(&box), 0);
	ck_assert_uint_eq(take(false), 3 * STREAM_DOWN_SEND);
	clean_up();
}
END_TEST

START_TEST(a_writer_waits_while_the_buffer_is_full)
{
	prepare();
	start(write_large, NULL);
	size_t got = 0;
	while (got < LARGE) {
		await_letter();
		if (!stream_take(s, false))
			continue;
		size_t len = buf_len(&s->taken);
		ck_assert_uint_le(len, s->down_max);
		ck_assert_mem_eq(buf_head(&s->taken), data + got, len);
		buf_drop(&s->taken, len);
		got += len;
	}
	ck_assert_int_eq(join(), 0);
	clean_up();
}
END_TEST

START_TEST(a_flush_of_nothing_is_for_the_head)
{
	prepare();
	start(flush_it, NULL);
	await_letter();
	ck_assert(stream_take(s, false));
	ck_assert_int_eq(join(), 0);
	/* The head is out: now there is nothing to do. */
	ck_assert_int_eq(stream_flush(s), 0);
	ck_assert_int_eq(mailbox_take(&box), 0);
	clean_up();
}
END_TEST

START_TEST(a_failure_ends_the_wait_and_stays)
{
	prepare();
	start(write_large, NULL);
	await_letter();
	stream_fail(s, -ETIMEDOUT);
	stream_fail(s, -EPIPE);
	ck_assert_int_eq(join(), -ETIMEDOUT);
	ck_assert_int_eq(stream_write(s, "x", 1), -ETIMEDOUT);
	ck_assert_int_eq(stream_flush(s), -ETIMEDOUT);
	clean_up();
}
END_TEST

START_TEST(a_cancelled_call_ends_the_wait)
{
	prepare();
	start(write_large, NULL);
	await_letter();
	atomic_store(&req->call.cancelled, true);
	stream_wake(s);
	ck_assert_int_eq(join(), -EPIPE);
	req->deadline = 1;
	ck_assert_int_eq(stream_write(s, "x", 1), -ETIMEDOUT);
	clean_up();
}
END_TEST

START_TEST(an_answer_without_a_body_drops_it)
{
	prepare();
	s->has_no_body = true;
	ck_assert_int_eq(stream_write(s, data, LARGE), 0);
	ck_assert_uint_eq(take(true), 0);
	clean_up();
}
END_TEST

START_TEST(only_what_was_not_taken_can_be_withdrawn)
{
	prepare();
	ck_assert_int_eq(stream_write(s, data, STREAM_DOWN_SEND), 0);
	ck_assert(stream_withdraw(s));
	ck_assert_int_eq(mailbox_take(&box), 1);
	ck_assert(!stream_take(s, false));
	ck_assert_int_eq(stream_write(s, data, STREAM_DOWN_SEND), 0);
	ck_assert_uint_eq(take(false), STREAM_DOWN_SEND);
	ck_assert(!stream_withdraw(s));
	clean_up();
}
END_TEST

/* ---- upwards ---- */

START_TEST(a_reader_asks_and_waits)
{
	char to[10];
	prepare();
	stream_expect_body(s, 100);
	ck_assert(!stream_wants_input(s));
	start(read_once, to);
	await_letter();
	ck_assert(stream_wants_input(s));
	ck_assert_int_eq(stream_feed(s, "hello", 5, false), 0);
	ck_assert_int_eq(join(), 5);
	ck_assert_mem_eq(to, "hello", 5);
	/* It goes on by itself: no letter is needed. */
	start(read_once, to);
	ck_assert_int_eq(stream_feed(s, "", 0, true), 0);
	ck_assert_int_eq(join(), 0);
	ck_assert_int_eq(mailbox_take(&box), 0);
	ck_assert_int_eq(stream_read(s, to, 10), 0);
	clean_up();
}
END_TEST

START_TEST(a_full_buffer_pauses_until_half_of_it_was_read)
{
	char to[100];
	prepare();
	stream_expect_body(s, 100);
	ck_assert_int_eq(stream_feed(s, data, 99, false), 0);
	ck_assert_int_eq(stream_feed(s, data, 1, false), 1);
	ck_assert(!stream_wants_input(s));
	ck_assert_int_eq(stream_read(s, to, 49), 49);
	ck_assert_int_eq(mailbox_take(&box), 0);
	ck_assert_int_eq(stream_read(s, to, 1), 1);
	ck_assert_int_eq(mailbox_take(&box), 1);
	ck_assert(stream_wants_input(s));
	clean_up();
}
END_TEST

START_TEST(what_came_before_a_bad_end_can_be_read)
{
	char to[10];
	prepare();
	stream_expect_body(s, 100);
	ck_assert_int_eq(stream_feed(s, "hello", 5, false), 0);
	stream_fail_body(s, -EBADMSG);
	ck_assert(stream_body_failed(s));
	ck_assert_int_eq(stream_read(s, to, 10), 5);
	ck_assert_int_eq(stream_read(s, to, 10), -EBADMSG);
	clean_up();
}
END_TEST

START_TEST(a_client_that_went_ends_the_reading_at_once)
{
	char to[10];
	prepare();
	stream_expect_body(s, 100);
	ck_assert_int_eq(stream_feed(s, "hello", 5, false), 0);
	stream_fail(s, -EPIPE);
	ck_assert_int_eq(stream_read(s, to, 10), -EPIPE);
	clean_up();
}
END_TEST

UNIT_MAIN("stream", small_writes_wait_for_the_end, a_good_part_is_offered_with_one_letter,
	  a_writer_waits_while_the_buffer_is_full, a_flush_of_nothing_is_for_the_head,
	  a_failure_ends_the_wait_and_stays, a_cancelled_call_ends_the_wait,
	  an_answer_without_a_body_drops_it, only_what_was_not_taken_can_be_withdrawn,
	  a_reader_asks_and_waits, a_full_buffer_pauses_until_half_of_it_was_read,
	  what_came_before_a_bad_end_can_be_read, a_client_that_went_ends_the_reading_at_once)
