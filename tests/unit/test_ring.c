/*
 * base/ring: whole lines in, whole lines out, between two threads.
 *
 * Thread: one, but for the last test.
 */
#include "base/ring.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct ring r;
static char data[64];

static void put(const char *line)
{
	ck_assert(ring_put(&r, line, strlen(line)));
}

static void takes(size_t size, const char *expected)
{
	char to[256];
	size_t len = ring_take(&r, to, size);
	ck_assert_uint_eq(len, strlen(expected));
	ck_assert(memcmp(to, expected, len) == 0);
}

START_TEST(lines_come_out_as_they_went_in)
{
	ring_init(&r, data, sizeof(data));
	takes(256, "");
	put("one\n");
	put("two\n");
	ck_assert_uint_eq(ring_len(&r), 8);
	takes(256, "one\ntwo\n");
	takes(256, "");
}
END_TEST

START_TEST(no_line_is_cut)
{
	ring_init(&r, data, sizeof(data));
	put("one\n");
	put("two\n");
	takes(3, "");
	takes(7, "one\n");
	takes(7, "two\n");
}
END_TEST

START_TEST(a_line_without_room_is_refused_and_leaves_the_rest)
{
	ring_init(&r, data, sizeof(data));
	for (int i = 0; i < 16; i++)
		put("123\n");
	ck_assert(!ring_put(&r, "x\n", 2));
	takes(4, "123\n");
	put("xyz\n");
	ck_assert(!ring_put(&r, "x\n", 2));
	takes(60, "123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n123\n");
	takes(60, "xyz\n");
}
END_TEST

START_TEST(lines_go_round_the_end)
{
	char line[32], all[64];
	ring_init(&r, data, sizeof(data));
	for (int i = 0; i < 1000; i++) {
		int len = snprintf(line, sizeof(line), "%.*s%d\n", i % 17, "xxxxxxxxxxxxxxxxx", i);
		put(line);
		ck_assert_uint_eq(ring_take(&r, all, sizeof(all)), (size_t)len);
		ck_assert(memcmp(all, line, (size_t)len) == 0);
	}
}
END_TEST

START_TEST(without_memory_nothing_fits)
{
	ring_init(&r, NULL, 0);
	ck_assert(!ring_put(&r, "x\n", 2));
	takes(10, "");
}
END_TEST

enum { COUNT = 200000 };

static void *produce(void *arg)
{
	char line[16];
	(void)arg;
	for (int i = 0; i < COUNT; i++) {
		int len = snprintf(line, sizeof(line), "%d\n", i);
		while (!ring_put(&r, line, (size_t)len))
			sched_yield();
	}
	return NULL;
}

START_TEST(two_threads_lose_and_mix_nothing)
{
	pthread_t thread;
	char text[65];
	int next = 0;
	ring_init(&r, data, sizeof(data));
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
	while (next < COUNT) {
		size_t len = ring_take(&r, text, sizeof(text) - 1);
		if (len == 0)
			sched_yield();
		text[len] = '\0';
		for (char *at = text, *end; *at; at = end + 1) {
			ck_assert_int_eq(strtol(at, &end, 10), next);
			ck_assert_int_eq(*end, '\n');
			next++;
		}
	}
	pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("ring", lines_come_out_as_they_went_in, no_line_is_cut,
	  a_line_without_room_is_refused_and_leaves_the_rest, lines_go_round_the_end,
	  without_memory_nothing_fits, two_threads_lose_and_mix_nothing)
