/*
 * Reading and joining of ranges. What is sent is never more than the whole
 * thing and the heads of a few parts, however many ranges were asked for.
 *
 * Thread: any; pure functions.
 */
#include "http/range.h"

#include <string.h>
#include <strings.h>

enum { IGNORED = 200, GOOD = 206, NOT_THERE = 416 };

/* Digits → number; false without any, or beyond 63 bits. */
static bool read_number(struct http_span *s, uint64_t *ret)
{
	uint64_t n = 0;
	const char *start = s->at;
	while (s->len > 0 && *s->at >= '0' && *s->at <= '9') {
		uint64_t digit = (uint64_t)(*s->at - '0');
		if (n > (INT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
		s->at++;
		s->len--;
	}
	*ret = n;
	return s->at > start;
}

/* "-500": the last bytes. */
static int read_suffix(struct http_span s, uint64_t length, struct http_range *ret)
{
	uint64_t last;
	s.at++;
	s.len--;
	if (!read_number(&s, &last) || s.len > 0)
		return IGNORED;
	if (last == 0 || length == 0)
		return NOT_THERE;
	uint64_t first = last < length ? length - last : 0;
	*ret = (struct http_range){ first, length - first };
	return GOOD;
}

static int read_one(struct http_span s, uint64_t length, struct http_range *ret)
{
	uint64_t first, last = INT64_MAX;
	if (*s.at == '-')
		return read_suffix(s, length, ret);
	if (!read_number(&s, &first) || s.len == 0 || *s.at != '-')
		return IGNORED;
	s.at++;
	s.len--;
	if (s.len > 0 && (!read_number(&s, &last) || s.len > 0 || last < first))
		return IGNORED;
	if (first >= length)
		return NOT_THERE;
	if (last >= length)
		last = length - 1;
	*ret = (struct http_range){ first, last - first + 1 };
	return GOOD;
}

/* Do they overlap, or leave so little between them that it is sent as well? */
static bool are_near(const struct http_range *x, const struct http_range *y)
{
	const struct http_range *low = x->first <= y->first ? x : y;
	const struct http_range *high = low == x ? y : x;
	return high->first <= low->first + low->length ||
	       high->first - (low->first + low->length) < HTTP_RANGE_GAP;
}

static void join(struct http_range *to, const struct http_range *other)
{
	uint64_t end = to->first + to->length, other_end = other->first + other->length;
	if (other->first < to->first)
		to->first = other->first;
	to->length = (other_end > end ? other_end : end) - to->first;
}

/* The first of them that a range should be joined with, or count. */
static size_t find_near(const struct http_ranges *ranges, const struct http_range *range)
{
	size_t i = 0;
	while (i < ranges->count && !are_near(&ranges->list[i], range))
		i++;
	return i;
}

/* Those from `i` on move by one place. */
static void move(struct http_ranges *ranges, size_t i, int by)
{
	struct http_range *from = &ranges->list[i];
	memmove(from + by, from, (ranges->count - i) * sizeof(*from));
}

/* Joined ranges stand where the first of them stood. False: no room. */
static bool add(struct http_ranges *ranges, struct http_range range)
{
	size_t home = ranges->count;
	for (size_t i; (i = find_near(ranges, &range)) < ranges->count; ranges->count--) {
		/* It grows by that, and may reach others. */
		join(&range, &ranges->list[i]);
		home = i < home ? i : home;
		move(ranges, i + 1, -1);
	}
	if (ranges->count == HTTP_RANGES_MAX)
		return false;
	move(ranges, home, 1);
	ranges->list[home] = range;
	ranges->count++;
	return true;
}

int http_range_read(const char *value, size_t len, uint64_t length, struct http_ranges *ret)
{
	struct http_ranges ranges = { .count = 0 };
	struct http_span member;
	size_t pos = 0;
	bool is_any = false;
	if (len < 6 || strncasecmp(value, "bytes=", 6) != 0)
		return IGNORED;
	value += 6;
	len -= 6;
	while (http_list_next(value, len, &pos, &member)) {
		struct http_range range;
		int rc = read_one(member, length, &range);
		if (rc == IGNORED || (rc == GOOD && !add(&ranges, range)))
			return IGNORED;
		is_any = true;
	}
	if (!is_any)
		return IGNORED;
	if (ranges.count == 0)
		return NOT_THERE;
	*ret = ranges;
	return GOOD;
}
