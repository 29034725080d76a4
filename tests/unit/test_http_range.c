/*
 * http/range: which parts of a thing a Range header asks for.
 *
 * Thread: one.
 */
#include "http/range.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

struct row {
	const char *value;
	int status;
	const char *parts; /* "first+length …" */
};

static void check_rows(const struct row *rows, size_t count, uint64_t length)
{
	for (size_t i = 0; i < count; i++) {
		struct http_ranges ranges = { .count = 0 };
		char text[1024] = "";
		int status = http_range_read(rows[i].value, strlen(rows[i].value), length, &ranges);
		for (size_t n = 0; n < ranges.count; n++)
			sprintf(text + strlen(text), "%s%llu+%llu", n ? " " : "",
				(unsigned long long)ranges.list[n].first,
				(unsigned long long)ranges.list[n].length);
		ck_assert_msg(status == rows[i].status, "'%s': %d", rows[i].value, status);
		ck_assert_str_eq(text, rows[i].parts);
	}
}

START_TEST(one_range_is_read)
{
	static const struct row rows[] = {
		{ "bytes=0-0", 206, "0+1" },       { "bytes=0-99", 206, "0+100" },
		{ "bytes=10-19", 206, "10+10" },   { "BYTES=10-19", 206, "10+10" },
		{ "bytes=10-", 206, "10+90" },     { "bytes=99-", 206, "99+1" },
		{ "bytes=90-1000", 206, "90+10" }, { "bytes=0-9223372036854775806", 206, "0+100" },
		{ "bytes=-1", 206, "99+1" },       { "bytes=-100", 206, "0+100" },
		{ "bytes=-1000", 206, "0+100" },   { "bytes=007-008", 206, "7+2" },
		{ "bytes= 1-2 ", 206, "1+2" },     { "bytes=,, 1-2 ,", 206, "1+2" },
	};
	check_rows(rows, array_len(rows), 100);
}
END_TEST

START_TEST(ranges_behind_the_end_cannot_be_satisfied)
{
	static const struct row rows[] = {
		{ "bytes=100-", 416, "" },
		{ "bytes=100-200", 416, "" },
		{ "bytes=-0", 416, "" },
		{ "bytes=922337203685477579-", 416, "" },
		{ "bytes=100-,200-300,-0", 416, "" },
		{ "bytes=100-,5-5,200-300", 206, "5+1" },
	};
	static const struct row of_empty[] = {
		{ "bytes=0-", 416, "" },
		{ "bytes=0-0", 416, "" },
		{ "bytes=-1", 416, "" },
	};
	check_rows(rows, array_len(rows), 100);
	check_rows(of_empty, array_len(of_empty), 0);
}
END_TEST

START_TEST(what_is_malformed_does_not_count)
{
	static const struct row rows[] = {
		{ "", 200, "" },
		{ "bytes", 200, "" },
		{ "bytes=", 200, "" },
		{ "bytes=,", 200, "" },
		{ "bytes=-", 200, "" },
		{ "bytes=1", 200, "" },
		{ "bytes=2-1", 200, "" },
		{ "bytes=--1", 200, "" },
		{ "bytes=+1-2", 200, "" },
		{ "bytes=1-2x", 200, "" },
		{ "bytes=1-2 3-4", 200, "" },
		{ "bytes=1 -2", 200, "" },
		{ "bytes=0x1-2", 200, "" },
		{ "bytes = 1-2", 200, "" },
		{ "lines=1-2", 200, "" },
		{ "bytes=\"1-2\"", 200, "" },
		{ "bytes=99999999999999999999-", 200, "" },
		{ "bytes=-99999999999999999999", 200, "" },
		/* one bad range spoils all */
		{ "bytes=1-2,x", 200, "" },
		{ "bytes=1-2,4-3", 200, "" },
	};
	check_rows(rows, array_len(rows), 100);
}
END_TEST

START_TEST(several_ranges_stay_in_their_order)
{
	static const struct row rows[] = {
		{ "bytes=0-9,1000-1009", 206, "0+10 1000+10" },
		{ "bytes=1000-1009,0-9", 206, "1000+10 0+10" },
		{ "bytes=-1 , 5000-5000,0-0", 206, "9999+1 5000+1 0+1" },
		{ "bytes=0-0,20000-,9000-", 206, "0+1 9000+1000" },
	};
	check_rows(rows, array_len(rows), 10000);
}
END_TEST

START_TEST(near_ranges_become_one)
{
	static const struct row rows[] = {
		{ "bytes=0-9,5-14", 206, "0+15" },
		{ "bytes=5-14,0-9", 206, "0+15" },
		{ "bytes=0-9,10-19", 206, "0+20" },
		{ "bytes=0-9,0-9,0-9", 206, "0+10" },
		{ "bytes=0-,-1", 206, "0+10000" },
		{ "bytes=0-9,20-29", 206, "0+30" },
		{ "bytes=0-9,137-139", 206, "0+140" },
		{ "bytes=0-9,138-139", 206, "0+10 138+2" },
		/* the third joins the first two, at the place of the first */
		{ "bytes=5000-5009,0-9,1000-1009,9-1000", 206, "5000+10 0+1010" },
		{ "bytes=1000-1009,5000-5009,0-9,9-1000", 206, "0+1010 5000+10" },
	};
	check_rows(rows, array_len(rows), 10000);
}
END_TEST

START_TEST(parts_have_a_bound)
{
	char value[4096] = "bytes=";
	struct http_ranges ranges;
	for (int i = 0; i < HTTP_RANGES_MAX; i++)
		sprintf(value + strlen(value), "%d-%d,", i * 1000, i * 1000);
	ck_assert_int_eq(http_range_read(value, strlen(value), 1000000, &ranges), 206);
	ck_assert_uint_eq(ranges.count, HTTP_RANGES_MAX);
	/* as many as one likes, if they are one */
	for (int i = 0; i < 200; i++)
		strcat(value, "0-999,");
	ck_assert_int_eq(http_range_read(value, strlen(value), 1000000, &ranges), 206);
	ck_assert_uint_eq(ranges.count, HTTP_RANGES_MAX - 1);
	strcat(value, "500000-,");
	ck_assert_int_eq(http_range_read(value, strlen(value), 1000000, &ranges), 206);
	strcat(value, "400000-400000");
	ck_assert_int_eq(http_range_read(value, strlen(value), 1000000, &ranges), 200);
}
END_TEST

UNIT_MAIN("range", one_range_is_read, ranges_behind_the_end_cannot_be_satisfied,
	  what_is_malformed_does_not_count, several_ranges_stay_in_their_order,
	  near_ranges_become_one, parts_have_a_bound)
