/*
 * base/parse: numbers as people write them.
 *
 * Thread: one.
 */
#include "base/parse.h"

#include <string.h>

#include "base/err.h"
#include "unit.h"

enum { UNTOUCHED = -77 };

struct sample {
	const char *text;
	int rc;
	int64_t value;
};

static void check(int (*parse)(const char *, int64_t *), const struct sample *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t value = UNTOUCHED;
		int rc = parse(s[i].text, &value);
		ck_assert_msg(rc == s[i].rc, "'%s': %s", s[i].text, err_text(rc));
		ck_assert_msg(value == (rc ? UNTOUCHED : s[i].value), "'%s' gives %lld", s[i].text,
			      (long long)value);
	}
}

START_TEST(whole_numbers_fill_64_bits)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "40", 0, 40 },
		{ "-7", 0, -7 },
		{ "007", 0, 7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", ERR_RANGE, 0 },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775809", ERR_RANGE, 0 },
		{ "99999999999999999999999999", ERR_RANGE, 0 },
		{ "", ERR_SYNTAX, 0 },
		{ "-", ERR_SYNTAX, 0 },
		{ "--1", ERR_SYNTAX, 0 },
		{ "+1", ERR_SYNTAX, 0 },
		{ " 1", ERR_SYNTAX, 0 },
		{ "1 ", ERR_SYNTAX, 0 },
		{ "1.5", ERR_SYNTAX, 0 },
		{ "0x10", ERR_SYNTAX, 0 },
		{ "1e3", ERR_SYNTAX, 0 },
		{ "99999999999999999999x", ERR_SYNTAX, 0 },
	};
	check(parse_int, samples, array_len(samples));
}
END_TEST

START_TEST(sizes_need_a_unit_of_1024)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "0G", 0, 0 },
		{ "1B", 0, 1 },
		{ "16K", 0, 16384 },
		{ "64M", 0, 67108864 },
		{ "2G", 0, 2147483648 },
		{ "8589934591G", 0, INT64_C(8589934591) << 30 },
		{ "8589934592G", ERR_RANGE, 0 },
		{ "10", ERR_UNIT, 0 },
		{ "10k", ERR_UNIT, 0 },
		{ "10KB", ERR_UNIT, 0 },
		{ "10T", ERR_UNIT, 0 },
		{ "99999999999999999999", ERR_UNIT, 0 },
		{ "99999999999999999999B", ERR_RANGE, 0 },
		{ "10 K", ERR_SYNTAX, 0 },
		{ "1.5M", ERR_SYNTAX, 0 },
		{ "-1K", ERR_SYNTAX, 0 },
		{ "K", ERR_SYNTAX, 0 },
		{ "", ERR_SYNTAX, 0 },
	};
	check(parse_size, samples, array_len(samples));
}
END_TEST

START_TEST(durations_become_milliseconds)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "250ms", 0, 250 },
		{ "10s", 0, 10000 },
		{ "5m", 0, 300000 },
		{ "1h", 0, 3600000 },
		{ "365d", 0, INT64_C(31536000000) },
		{ "106751991167d", 0, INT64_C(106751991167) * 86400000 },
		{ "106751991168d", ERR_RANGE, 0 },
		{ "10", ERR_UNIT, 0 },
		{ "10S", ERR_UNIT, 0 },
		{ "10us", ERR_UNIT, 0 },
		{ "10min", ERR_UNIT, 0 },
		{ "1h30m", ERR_SYNTAX, 0 },
		{ "1.5s", ERR_SYNTAX, 0 },
		{ "10 s", ERR_SYNTAX, 0 },
		{ "s", ERR_SYNTAX, 0 },
		{ "inf", ERR_SYNTAX, 0 },
	};
	check(parse_duration, samples, array_len(samples));
}
END_TEST

START_TEST(yes_and_no_have_four_spellings)
{
	static const char *const good[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	bool value;
	for (size_t i = 0; i < array_len(good); i++) {
		value = i % 2 == 0;
		ck_assert_int_eq(parse_bool(good[i], &value), 0);
		ck_assert_int_eq(value, i % 2);
	}
	ck_assert_int_eq(parse_bool("Yes", &value), ERR_SYNTAX);
	ck_assert_int_eq(parse_bool("", &value), ERR_SYNTAX);
	ck_assert_int_eq(parse_bool("2", &value), ERR_SYNTAX);
}
END_TEST

START_TEST(units_are_written_as_large_as_they_fit)
{
	char to[UNIT_TEXT_SIZE];
	ck_assert_str_eq(size_text(0, to), "0");
	ck_assert_str_eq(size_text(1000, to), "1000B");
	ck_assert_str_eq(size_text(16384, to), "16K");
	ck_assert_str_eq(size_text(INT64_C(5) << 30, to), "5G");
	ck_assert_str_eq(duration_text(0, to), "0");
	ck_assert_str_eq(duration_text(1500, to), "1500ms");
	ck_assert_str_eq(duration_text(90000, to), "90s");
	ck_assert_str_eq(duration_text(86400000, to), "1d");
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
	char to[UNIT_TEXT_SIZE];
	for (int64_t value = 1; value < INT64_MAX / 7; value *= 7) {
		int64_t back = 0;
		ck_assert_int_eq(parse_size(size_text(value * 6, to), &back), 0);
		ck_assert_int_eq(back, value * 6);
		ck_assert_int_eq(parse_duration(duration_text(value * 6, to), &back), 0);
		ck_assert_int_eq(back, value * 6);
	}
}
END_TEST

UNIT_MAIN("parse", whole_numbers_fill_64_bits, sizes_need_a_unit_of_1024,
	  durations_become_milliseconds, yes_and_no_have_four_spellings,
	  units_are_written_as_large_as_they_fit, what_is_written_is_read_back)
