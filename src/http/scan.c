/*
 * Where a request head ends: a walk from control character to control
 * character that can stop and go on at any byte. What no head may hold is
 * refused as soon as it is seen; all else is left to http_head_parse.
 *
 * Thread: any; pure functions.
 */
#include <string.h>

#include "http/find.h"
#include "http/parse.h"

enum { EMPTY_LINES_MAX = 8, METHOD_MAX = 64, VERSION_LEN = 8 };

/* Length of the line end at `i`; 0: there is none, or not all of it. */
static size_t line_end(const char *buf, size_t len, size_t i, const struct http_limits *limits)
{
	if (len - i >= 2 && buf[i] == '\r' && buf[i + 1] == '\n')
		return 2;
	return limits->takes_bare_lf && i < len && buf[i] == '\n';
}

/* Offset of the first line that is not empty; *ret_lines: how many were, or one
 * too many. */
static size_t first_line(const char *buf, size_t len, const struct http_limits *limits,
			 int *ret_lines)
{
	size_t i = 0, end;
	int lines = 0;
	while (lines <= EMPTY_LINES_MAX && (end = line_end(buf, len, i, limits)) > 0) {
		i += end;
		lines++;
	}
	*ret_lines = lines;
	return i;
}

/* Is a line's end still to come in buf[first, i)? A request line that was let
 * pass is bounded, and so is the search in it, however often it is made. */
static bool is_in_first(const char *buf, size_t first, size_t i, const struct http_limits *limits)
{
	size_t longest = METHOD_MAX + 1 + limits->target_max + 1 + VERSION_LEN;
	return i - first <= longest && !memchr(buf + first, '\n', i - first);
}

/* Can these be the first bytes of a request line? A client that speaks another
 * protocol is told at once, not when its time is over. 0, or a negative status. */
static int check_first(const char *line, size_t len, const struct http_limits *limits)
{
	const char *space = memchr(line, ' ', len <= METHOD_MAX ? len : METHOD_MAX + 1);
	size_t method = space ? (size_t)(space - line) : len;
	if (method > METHOD_MAX || (len > 0 && !http_is_token(line, method)))
		return -400;
	if (!space)
		return 0;
	const char *target = space + 1;
	size_t left = len - method - 1;
	size_t longest = limits->target_max + 1;
	space = memchr(target, ' ', left < longest ? left : longest);
	if (!space)
		return left > limits->target_max ? -414 : 0;
	return left - (size_t)(space - target) - 1 > VERSION_LEN ? -400 : 0;
}

long http_head_scan(const char *buf, size_t len, size_t *at, const struct http_limits *limits)
{
	size_t end = len < limits->head_max ? len : limits->head_max;
	int empty_lines;
	size_t first = first_line(buf, end, limits, &empty_lines);
	size_t i = *at > first ? *at : first;
	if (empty_lines > EMPTY_LINES_MAX)
		return -400;
	if (i > end)
		return -431; /* the limit was lowered meanwhile */
	bool in_first = is_in_first(buf, first, i, limits);
	for (;;) {
		i += http_find_control(buf + i, end - i);
		int rc = in_first ? check_first(buf + first, i - first, limits) : 0;
		if (rc < 0)
			return rc;
		if (i == end || (buf[i] == '\r' && i + 1 == end))
			break;
		if (buf[i] == '\t') {
			i++;
			continue;
		}
		size_t line = line_end(buf, end, i, limits);
		if (line == 0)
			return -400;
		if (i > first && buf[i - 1] == '\n')
			return (long)(i + line);
		in_first = false;
		i += line;
	}
	*at = i;
	return len > limits->head_max ? -431 : 0;
}
