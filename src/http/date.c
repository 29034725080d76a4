/*
 * HTTP dates, without the C library's locale.
 *
 * Thread: any; pure functions.
 */
#include "http/date.h"

#include <string.h>

#include "base/err.h"

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static char *put_digits(char *to, int number, int digits)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + digits;
}

static char *put_text(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

/* By hand: printf would take longer than the rest of a small file's answer. */
void http_date_write(time_t when, char to[HTTP_DATE_LEN + 1])
{
	struct tm tm;
	/* Years of other than four digits do not fit the form. */
	if (when < 0)
		when = 0;
	if (when > 253402300799)
		when = 253402300799;
	gmtime_r(&when, &tm);
	to = put_text(to, days + 3 * tm.tm_wday, 3);
	to = put_digits(put_text(to, ", ", 2), tm.tm_mday, 2);
	to = put_text(put_text(to, " ", 1), months + 3 * tm.tm_mon, 3);
	to = put_digits(put_text(to, " ", 1), tm.tm_year + 1900, 4);
	to = put_digits(put_text(to, " ", 1), tm.tm_hour, 2);
	to = put_digits(put_text(to, ":", 1), tm.tm_min, 2);
	to = put_digits(put_text(to, ":", 1), tm.tm_sec, 2);
	memcpy(to, " GMT", 5);
}

/* What is left of a text that is being read, and what it said. */
struct reader {
	const char *at, *end;
	struct tm tm;
};

static bool take_text(struct reader *r, const char *text)
{
	size_t n = strlen(text);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool take_number(struct reader *r, int digits, int *ret)
{
	int number = 0;
	for (; digits > 0; digits--) {
		if (r->at == r->end || *r->at < '0' || *r->at > '9')
			return false;
		number = number * 10 + (*r->at++ - '0');
	}
	*ret = number;
	return true;
}

/* One of a row of names of three letters. */
static bool take_name(struct reader *r, const char *names, int *ret)
{
	for (int i = 0; r->end - r->at >= 3 && names[3 * i]; i++) {
		if (memcmp(names + 3 * i, r->at, 3) == 0) {
			r->at += 3;
			*ret = i;
			return true;
		}
	}
	return false;
}

/* Two-digit years lie at most 50 years ahead. */
static int full_year(int year)
{
	time_t now = time(NULL);
	struct tm tm;
	gmtime_r(&now, &tm);
	year += (tm.tm_year / 100) * 100;
	return year > tm.tm_year + 50 ? year - 100 : year;
}

static bool take_year(struct reader *r, int digits)
{
	int year;
	if (!take_number(r, digits, &year))
		return false;
	r->tm.tm_year = digits == 2 ? full_year(year) : year - 1900;
	return true;
}

/* A letter of a form: what it stands for, or itself. */
static bool take(struct reader *r, char letter)
{
	static const char *const rest_of_day[] = { "day",   "day", "sday", "nesday",
						   "rsday", "day", "urday" };
	struct tm *tm = &r->tm;
	switch (letter) {
	case 'w':
		return take_name(r, days, &tm->tm_wday);
	case 'l':
		return take_name(r, days, &tm->tm_wday) && take_text(r, rest_of_day[tm->tm_wday]);
	case 'p':
		return take_number(r, take_text(r, " ") ? 1 : 2, &tm->tm_mday);
	case 'd':
		return take_number(r, 2, &tm->tm_mday);
	case 'm':
		return take_name(r, months, &tm->tm_mon);
	case 'y':
		return take_year(r, 4);
	case 'c':
		return take_year(r, 2);
	case 'h':
		return take_number(r, 2, &tm->tm_hour);
	case 'i':
		return take_number(r, 2, &tm->tm_min);
	case 's':
		return take_number(r, 2, &tm->tm_sec);
	default:
		return take_text(r, (char[]){ letter, '\0' });
	}
}

/* Is there such a day, and such a time in it? Seconds may leap. */
static bool exists(const struct tm *tm)
{
	struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };
	(void)timegm(&day);
	return day.tm_mday == tm->tm_mday && day.tm_mon == tm->tm_mon && tm->tm_hour <= 23 &&
	       tm->tm_min <= 59 && tm->tm_sec <= 60;
}

int http_date_read(const char *text, size_t len, time_t *ret_when)
{
	/* Weekday short or long, day with zero or with space, month, year of four
	 * digits or of two (c), hour, minute, second. */
	static const char *const forms[] = { "w, d m y h:i:s GMT", "l, d-m-c h:i:s GMT",
					     "w m p h:i:s y" };
	for (size_t i = 0; i < array_len(forms); i++) {
		struct reader r = { .at = text, .end = text + len };
		const char *letter = forms[i];
		while (*letter && take(&r, *letter))
			letter++;
		if (*letter == '\0' && r.at == r.end && exists(&r.tm)) {
			*ret_when = timegm(&r.tm);
			return 0;
		}
	}
	return ERR_SYNTAX;
}
