/*
 * http/cond: what a request's conditions and its range leave to be sent.
 *
 * Thread: one.
 */
#include "http/cond.h"

#include <string.h>

#include "unit.h"

#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT"

static const struct http_entity strong = { 100, "\"abc\"", 784111777 };
static const struct http_entity weak = { 100, "W/\"abc\"", 784111777 };
static const struct http_entity empty = { 0, "\"abc\"", 784111777 };
/* Wed, 09 Nov 1994 08:49:37 GMT: its name begins as weak tags do. */
static const struct http_entity wednesday = { 100, "\"abc\"", 784370977 };

struct field {
	const char *name, *value;
};

struct row {
	struct field fields[4];
	int status;
	struct http_range range; /* the one of a 206 */
};

static int evaluate(enum http_method method, const struct row *r, const struct http_entity *e,
		    struct http_range *ret_range)
{
	struct http_ranges ranges = { .count = 0 };
	struct http_header headers[array_len(r->fields)];
	struct http_head head = { .method = method, .headers = headers };
	for (const struct field *f = r->fields; f < r->fields + 4 && f->name; f++) {
		headers[head.header_count++] = (struct http_header){
			.name = f->name,
			.value = f->value,
			.name_len = (uint32_t)strlen(f->name),
			.value_len = (uint32_t)strlen(f->value),
		};
	}
	int status = http_cond_evaluate(&head, e, &ranges);
	ck_assert_uint_eq(ranges.count, status == 206);
	if (status == 206)
		*ret_range = ranges.list[0];
	return status;
}

static void check_rows(const struct row *rows, size_t count, const struct http_entity *e)
{
	for (size_t i = 0; i < count; i++) {
		struct http_range range = { 0, 0 };
		int status = evaluate(HTTP_GET, &rows[i], e, &range);
		ck_assert_msg(status == rows[i].status, "row %zu, '%s': %d", i,
			      rows[i].fields[0].value, status);
		ck_assert_uint_eq(range.first, rows[i].range.first);
		ck_assert_uint_eq(range.length, rows[i].range.length);
	}
}

START_TEST(without_conditions_all_of_it_is_sent)
{
	static const struct row rows[] = {
		{ { { NULL, NULL } }, 200, { 0, 0 } },
		{ { { "Accept", "*/*" } }, 200, { 0, 0 } },
		{ { { "If-Range", "\"abc\"" } }, 200, { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
}
END_TEST

START_TEST(if_match_compares_strongly)
{
	static const struct row rows[] = {
		{ { { "If-Match", "\"abc\"" } }, 200, { 0, 0 } },
		{ { { "if-match", "\"x\", \"abc\"" } }, 200, { 0, 0 } },
		{ { { "If-Match", "*" } }, 200, { 0, 0 } },
		{ { { "If-Match", "\"x\"" }, { "If-Match", "\"abc\"" } }, 200, { 0, 0 } },
		{ { { "If-Match", "\"x\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "\"x,\"abc\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "\"ABC\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "abc" } }, 412, { 0, 0 } },
		{ { { "If-Match", "W/\"abc\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "" } }, 412, { 0, 0 } },
		/* then If-Unmodified-Since does not count */
		{ { { "If-Match", "\"abc\"" }, { "If-Unmodified-Since", EARLIER } },
		  200,
		  { 0, 0 } },
	};
	static const struct row of_weak[] = {
		{ { { "If-Match", "W/\"abc\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "\"abc\"" } }, 412, { 0, 0 } },
		{ { { "If-Match", "*" } }, 200, { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
	check_rows(of_weak, array_len(of_weak), &weak);
}
END_TEST

START_TEST(if_none_match_compares_weakly)
{
	static const struct row rows[] = {
		{ { { "If-None-Match", "\"abc\"" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "W/\"abc\"" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "\"x\" , W/\"abc\"" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "\"a,b\",\"abc\"" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "*" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "\"x\"" }, { "If-None-Match", "\"abc\"" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "\"x\"" } }, 200, { 0, 0 } },
		{ { { "If-None-Match", "w/\"abc\"" } }, 200, { 0, 0 } },
		/* then If-Modified-Since does not count */
		{ { { "If-None-Match", "\"x\"" }, { "If-Modified-Since", LATER } }, 200, { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
	check_rows(rows, array_len(rows), &weak);
}
END_TEST

START_TEST(dates_are_compared_to_the_second)
{
	static const struct row rows[] = {
		{ { { "If-Modified-Since", EARLIER } }, 200, { 0, 0 } },
		{ { { "If-Modified-Since", MODIFIED } }, 304, { 0, 0 } },
		{ { { "If-Modified-Since", LATER } }, 304, { 0, 0 } },
		{ { { "If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT" } }, 304, { 0, 0 } },
		{ { { "If-Modified-Since", "Sun Nov  6 08:49:37 1994" } }, 304, { 0, 0 } },
		{ { { "If-Modified-Since", "soon" } }, 200, { 0, 0 } },
		{ { { "If-Modified-Since", "" } }, 200, { 0, 0 } },
		{ { { "If-Unmodified-Since", EARLIER } }, 412, { 0, 0 } },
		{ { { "If-Unmodified-Since", MODIFIED } }, 200, { 0, 0 } },
		{ { { "If-Unmodified-Since", LATER } }, 200, { 0, 0 } },
		{ { { "If-Unmodified-Since", "soon" } }, 200, { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
}
END_TEST

START_TEST(ranges_are_read_where_nothing_is_against_it)
{
	static const struct row rows[] = {
		{ { { "Range", "bytes=10-19" } }, 206, { 10, 10 } },
		{ { { "Range", "bytes=100-" } }, 416, { 0, 0 } },
		{ { { "Range", "bytes=2-1" } }, 200, { 0, 0 } },
	};
	static const struct row of_empty[] = {
		{ { { "Range", "bytes=0-" } }, 416, { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
	check_rows(of_empty, array_len(of_empty), &empty);
}
END_TEST

START_TEST(if_range_wants_the_same_thing_exactly)
{
	static const struct row rows[] = {
		{ { { "If-Range", "\"abc\"" }, { "Range", "bytes=1-2" } }, 206, { 1, 2 } },
		{ { { "If-Range", MODIFIED }, { "Range", "bytes=1-2" } }, 206, { 1, 2 } },
		{ { { "If-Range", "\"x\"" }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", "W/\"abc\"" }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", EARLIER }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", LATER }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", "" }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", "abc" }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
		{ { { "If-Range", "\"x\"" }, { "Range", "bytes=200-" } }, 200, { 0, 0 } },
	};
	static const struct row of_weak[] = {
		{ { { "If-Range", "W/\"abc\"" }, { "Range", "bytes=1-2" } }, 200, { 0, 0 } },
	};
	static const struct row of_wednesday[] = {
		{ { { "If-Range", "Wed, 09 Nov 1994 08:49:37 GMT" }, { "Range", "bytes=1-2" } },
		  206,
		  { 1, 2 } },
	};
	check_rows(rows, array_len(rows), &strong);
	check_rows(of_weak, array_len(of_weak), &weak);
	check_rows(of_wednesday, array_len(of_wednesday), &wednesday);
}
END_TEST

START_TEST(conditions_come_before_ranges)
{
	static const struct row rows[] = {
		{ { { "If-None-Match", "\"abc\"" }, { "Range", "bytes=1-2" } }, 304, { 0, 0 } },
		{ { { "If-None-Match", "\"x\"" }, { "Range", "bytes=1-2" } }, 206, { 1, 2 } },
		{ { { "If-Match", "\"x\"" }, { "Range", "bytes=500-" } }, 412, { 0, 0 } },
		{ { { "If-Match", "\"x\"" }, { "If-None-Match", "\"abc\"" } }, 412, { 0, 0 } },
		{ { { "If-Unmodified-Since", MODIFIED }, { "Range", "bytes=1-2" } },
		  206,
		  { 1, 2 } },
		{ { { "If-Modified-Since", MODIFIED }, { "Range", "bytes=500-" } }, 304, { 0, 0 } },
		{ { { "If-Unmodified-Since", EARLIER }, { "If-None-Match", "\"abc\"" } },
		  412,
		  { 0, 0 } },
	};
	check_rows(rows, array_len(rows), &strong);
}
END_TEST

START_TEST(head_has_no_ranges_and_others_no_conditions)
{
	static const struct row range = { { { "Range", "bytes=1-2" } }, 0, { 0, 0 } };
	static const struct row match = { { { "If-Match", "\"x\"" } }, 0, { 0, 0 } };
	static const struct row none = { { { "If-None-Match", "*" } }, 0, { 0, 0 } };
	struct http_range got = { 0, 0 };
	ck_assert_int_eq(evaluate(HTTP_HEAD, &range, &strong, &got), 200);
	ck_assert_int_eq(evaluate(HTTP_HEAD, &match, &strong, &got), 412);
	ck_assert_int_eq(evaluate(HTTP_HEAD, &none, &strong, &got), 304);
	ck_assert_int_eq(evaluate(HTTP_POST, &range, &strong, &got), 200);
	ck_assert_int_eq(evaluate(HTTP_POST, &match, &strong, &got), 200);
	ck_assert_int_eq(evaluate(HTTP_PUT, &none, &strong, &got), 200);
	ck_assert_uint_eq(got.length, 0);
}
END_TEST

UNIT_MAIN("cond", without_conditions_all_of_it_is_sent, if_match_compares_strongly,
	  if_none_match_compares_weakly, dates_are_compared_to_the_second,
	  ranges_are_read_where_nothing_is_against_it, if_range_wants_the_same_thing_exactly,
	  conditions_come_before_ranges, head_has_no_ranges_and_others_no_conditions)
