/*
 * http/trace: traceparent by the letter.
 *
 * Thread: one.
 */
#include "http/trace.h"

#include <string.h>

#include "unit.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define GOOD "00-" TRACE "-b7ad6b7169203331-01"

static bool parse(const char *text, struct trace *ret)
{
	return trace_parse(text, strlen(text), ret);
}

START_TEST(a_good_one_is_read)
{
	struct trace t;
	ck_assert(parse(GOOD, &t));
	ck_assert_str_eq(t.id, TRACE);
	ck_assert_uint_eq(t.flags, 1);
	/* Flags that nobody knows yet are not handed on. */
	ck_assert(parse("00-" TRACE "-b7ad6b7169203331-fe", &t));
	ck_assert_uint_eq(t.flags, 0);
}
END_TEST

START_TEST(later_versions_may_be_longer)
{
	struct trace t;
	ck_assert(parse("cc-" TRACE "-b7ad6b7169203331-01", &t));
	ck_assert(parse("cc-" TRACE "-b7ad6b7169203331-01-what-the-future-holds", &t));
	ck_assert(!parse("cc-" TRACE "-b7ad6b7169203331-01.what", &t));
}
END_TEST

START_TEST(all_others_are_none)
{
	static const char *const bad[] = {
		"",
		"00",
		"ff-" TRACE "-b7ad6b7169203331-01",
		"00-" TRACE "-b7ad6b7169203331-01-",
		"00-" TRACE "-b7ad6b7169203331-0",
		"00-" TRACE "-b7ad6b7169203331-0g",
		"00-" TRACE "-b7ad6b7169203331.01",
		"00-" TRACE "-b7ad6b716920333-011",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-" TRACE "-0000000000000000-01",
		"0g-" TRACE "-b7ad6b7169203331-01",
		"00_" TRACE "-b7ad6b7169203331-01",
		" " GOOD,
		GOOD " ",
		GOOD "," GOOD,
	};
	struct trace t;
	for (size_t i = 0; i < array_len(bad); i++)
		ck_assert_msg(!parse(bad[i], &t), "taken: %s", bad[i]);
	ck_assert(!trace_parse("00-" TRACE "-b7ad6b7169203331-0\0", 55, &t));
}
END_TEST

START_TEST(a_header_that_is_there_twice_is_none)
{
	struct http_header h[2] = {
		{ "TraceParent", GOOD, 11, sizeof(GOOD) - 1 },
		{ "traceparent", GOOD, 11, sizeof(GOOD) - 1 },
	};
	struct trace t;
	ck_assert(trace_find(h, 1, &t));
	ck_assert_str_eq(t.id, TRACE);
	ck_assert(!trace_find(h, 2, &t));
	ck_assert(!trace_find(h, 0, &t));
}
END_TEST

START_TEST(what_is_written_can_be_read)
{
	static const uint8_t random[16] = { 1, 0xff, 3 }, parent[8] = { 0xab, 1 };
	struct trace made, read;
	char text[TRACE_PARENT_LEN + 1];
	trace_make(random, &made);
	trace_write(&made, parent, text);
	ck_assert_str_eq(text, "00-01ff0300000000000000000000000000-ab01000000000000-01");
	ck_assert(parse(text, &read));
	ck_assert_str_eq(read.id, made.id);
}
END_TEST

UNIT_MAIN("trace", a_good_one_is_read, later_versions_may_be_longer, all_others_are_none,
	  a_header_that_is_there_twice_is_none, what_is_written_can_be_read)
