/*
 * http/date: dates as HTTP writes them, and the three forms it reads.
 *
 * Thread: one.
 */
#include "http/date.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "guard.h"
#include "unit.h"

enum { UNTOUCHED = -77 };

struct row {
	const char *text;
	time_t when; /* UNTOUCHED: refused */
};

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct guard g;
		time_t when = UNTOUCHED;
		size_t len = strlen(rows[i].text);
		int rc = http_date_read(guard_put(&g, rows[i].text, len), len, &when);
		ck_assert_msg(when == rows[i].when, "'%s' gives %lld", rows[i].text,
			      (long long)when);
		ck_assert_int_eq(rc, rows[i].when == UNTOUCHED ? ERR_SYNTAX : 0);
		guard_close(&g);
	}
}

START_TEST(dates_are_written_in_the_one_form)
{
	static const struct row rows[] = {
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Tue, 29 Feb 2000 23:59:59 GMT", 951868799 },
		{ "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
	};
	char text[HTTP_DATE_LEN + 1];
	for (size_t i = 0; i < array_len(rows); i++) {
		http_date_write(rows[i].when, text);
		ck_assert_str_eq(text, rows[i].text);
	}
	check_rows(rows, array_len(rows));
	http_date_write(-1, text);
	ck_assert_str_eq(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	http_date_write(253402300800, text);
	ck_assert_str_eq(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}
END_TEST

START_TEST(what_is_written_is_read)
{
	char text[HTTP_DATE_LEN + 1];
	for (time_t t = 0; t < 253402300799; t += 31557600 / 3 + 86399) {
		time_t again = UNTOUCHED;
		http_date_write(t, text);
		ck_assert_int_eq(http_date_read(text, HTTP_DATE_LEN, &again), 0);
		ck_assert_int_eq(again, t);
	}
}
END_TEST

START_TEST(all_three_forms_are_read)
{
	static const struct row rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 784111777 },
		{ "Wed Nov 16 08:49:37 1994", 784975777 },
		{ "Wednesday, 09-Nov-94 08:49:37 GMT", 784370977 },
		{ "Saturday, 31-Dec-99 23:59:60 GMT", 946684800 },
		{ "Mon, 31 Dec 1998 23:59:60 GMT", 915148800 },
		{ "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
		{ "Thu, 29 Feb 1996 00:00:00 GMT", 825552000 },
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(years_of_two_digits_lie_near)
{
	time_t now = time(NULL);
	struct tm tm;
	gmtime_r(&now, &tm);
	for (int ahead = -49; ahead <= 50; ahead++) {
		char text[64];
		time_t when = UNTOUCHED;
		snprintf(text, sizeof(text), "Monday, 02-Jan-%02d 00:00:00 GMT",
			 (tm.tm_year + ahead) % 100);
		ck_assert_int_eq(http_date_read(text, strlen(text), &when), 0);
		struct tm its;
		gmtime_r(&when, &its);
		ck_assert_int_le(its.tm_year, tm.tm_year + 50);
		ck_assert_int_eq(its.tm_year % 100, (tm.tm_year + ahead) % 100);
	}
}
END_TEST

START_TEST(anything_else_is_refused)
{
	static const struct row rows[] = {
		{ "", UNTOUCHED },
		{ "0", UNTOUCHED },
		{ "784111777", UNTOUCHED },
		{ "yesterday", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 ", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 UTC", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 gmt", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 GMTX", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 GMT ", UNTOUCHED },
		{ " Sun, 06 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 6 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun,  6 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun,06 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06Nov1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 94 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994  8:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 8:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49 GMT", UNTOUCHED },
		{ "Sun, +6 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 -8:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov -994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nop 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 ovD 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sum, 06 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 00 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 31 Nov 1994 08:49:37 GMT", UNTOUCHED },
		{ "Tue, 29 Feb 2001 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 24:00:00 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:60:37 GMT", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:61 GMT", UNTOUCHED },
		{ "Sunday, 06-Nov-1994 08:49:37 GMT", UNTOUCHED },
		{ "Sun, 06-Nov-94 08:49:37 GMT", UNTOUCHED },
		{ "Someday, 06-Nov-94 08:49:37 GMT", UNTOUCHED },
		{ "Sun Nov 6 08:49:37 1994", UNTOUCHED },
		{ "Sun Nov  0 08:49:37 1994", UNTOUCHED },
		{ "Sun Nov  6 08:49:37 1994 GMT", UNTOUCHED },
		{ "Sun Nov  6 08:49:37 94", UNTOUCHED },
		{ "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", UNTOUCHED },
	};
	check_rows(rows, array_len(rows));
	time_t when = UNTOUCHED;
	ck_assert_int_eq(http_date_read("Sun, 06 Nov 1994 08:49:37 GMT\0", 30, &when), ERR_SYNTAX);
	ck_assert_int_eq(when, UNTOUCHED);
}
END_TEST

UNIT_MAIN("date", dates_are_written_in_the_one_form, what_is_written_is_read,
	  all_three_forms_are_read, years_of_two_digits_lie_near, anything_else_is_refused)
