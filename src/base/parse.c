/*
 * Numbers with and without units, from text and back.
 *
 * Thread: any; pure functions.
 */
#include "base/parse.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* From small to large; ended by name NULL. */
static const struct unit size_units[] = {
	{ "B", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "ms", 1 },      { "s", 1000 },     { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

/* The digits at the start of `text`, as a number of the given sign, so that
 * INT64_MIN can be read too. *ret_end is behind them. */
static int digits(const char *text, int sign, int64_t *ret_value, const char **ret_end)
{
	int64_t value = 0;
	bool is_over = false;
	const char *p = text;
	for (; *p >= '0' && *p <= '9'; p++) {
		is_over |= __builtin_mul_overflow(value, (int64_t)10, &value);
		is_over |= __builtin_add_overflow(value, (int64_t)(sign * (*p - '0')), &value);
	}
	*ret_end = p;
	if (p == text)
		return ERR_SYNTAX;
	*ret_value = value;
	return is_over ? ERR_RANGE : 0;
}

int parse_int(const char *text, int64_t *ret_value)
{
	int sign = *text == '-' ? -1 : 1;
	int64_t value;
	const char *end;
	int rc = digits(text + (sign < 0), sign, &value, &end);
	if (rc == ERR_SYNTAX || *end)
		return ERR_SYNTAX;
	if (rc == 0)
		*ret_value = value;
	return rc;
}

int parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[][2] = {
		{ "no", "yes" },
		{ "false", "true" },
		{ "off", "on" },
		{ "0", "1" },
	};
	for (size_t i = 0; i < array_len(words); i++) {
		for (int value = 0; value < 2; value++) {
			if (strcmp(text, words[i][value]) == 0) {
				*ret_value = value;
				return 0;
			}
		}
	}
	return ERR_SYNTAX;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A number too large and without its unit lacks the unit first. */
static int with_unit(const char *text, const struct unit *units, int64_t *ret_value)
{
	int64_t value;
	const char *end;
	int rc = digits(text, 1, &value, &end);
	if (rc == ERR_SYNTAX)
		return rc;
	if (rc == 0 && value == 0 && !*end) {
		*ret_value = 0;
		return 0;
	}
	for (const char *p = end; *p; p++) {
		if (!is_letter(*p))
			return ERR_SYNTAX;
	}
	while (units->name && strcmp(end, units->name) != 0)
		units++;
	if (!units->name)
		return ERR_UNIT;
	if (rc < 0 || __builtin_mul_overflow(value, units->factor, &value))
		return ERR_RANGE;
	*ret_value = value;
	return 0;
}

int parse_size(const char *text, int64_t *ret_bytes)
{
	return with_unit(text, size_units, ret_bytes);
}

int parse_duration(const char *text, int64_t *ret_ms)
{
	return with_unit(text, duration_units, ret_ms);
}

static const char *unit_text(int64_t value, const struct unit *units, char *to)
{
	const struct unit *best = units;
	for (const struct unit *u = units; u->name; u++) {
		if (value % u->factor == 0)
			best = u;
	}
	snprintf(to, UNIT_TEXT_SIZE, "%" PRId64 "%s", value / best->factor,
		 value ? best->name : "");
	return to;
}

const char *size_text(int64_t bytes, char *to)
{
	return unit_text(bytes, size_units, to);
}

const char *duration_text(int64_t ms, char *to)
{
	return unit_text(ms, duration_units, to);
}
