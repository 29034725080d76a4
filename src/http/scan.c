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

enum { EMPTY_LINES_MAX = 8 };

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

/* Was buf[first, i), which was let pass, less than the first line? That is bounded,
 * and so is the search in it, however often it is made. */
static bool is_in_first(const char *buf, size_t first, size_t i, const struct http_limits *limits)
{
	size_t longest = HTTP_METHOD_MAX + 1 + limits->target_max + 1 + HTTP_VERSION_LEN;
	return i - first <= longest && !memchr(buf + first, '\n', i - first);
}

/* The first line as far as it has come, in buf[first, end): a client that speaks
 * another protocol is told at once, not when its time is over. */
static int check_first(const char *buf, size_t first, size_t end, const struct http_limits *limits)
{
	struct http_request_line parts;
	const char *line = buf + first, *lf = memchr(line, '\n', end - first);
	size_t len = lf ? (size_t)(lf - line) : end - first;
	if (lf && len > 0 && line[len - 1] == '\r')
		len--;
	return http_request_line_cut(line, len, limits, &parts);
}

/* From scan->at, which is at or after `first`, to the end of the head, or as far as
 * it has come, or to what no head may hold. The head's length; 0; or -400. */
static long walk(const char *buf, size_t len, size_t first, struct http_scan *scan,
		 const struct http_limits *limits, struct http_lines *lines)
{
	size_t i = scan->at;
	for (;;) {
		i += http_find_control(buf + i, len - i);
		scan->at = (uint32_t)i;
		if (i == len || (buf[i] == '\r' && i + 1 == len))
			return 0;
		if (buf[i] == '\t') {
			i++;
			continue;
		}
		size_t line = line_end(buf, len, i, limits);
		if (line == 0)
			return -400;
		if (scan->lines < HTTP_LINES_KEPT)
			lines->ends[scan->lines] = (uint32_t)i;
		scan->lines++;
		if (i > first && buf[i - 1] == '\n')
			return (long)(i + line);
		i += line;
	}
}

long http_head_scan(const char *buf, size_t len, struct http_scan *scan,
		    const struct http_limits *limits, struct http_lines *ret_lines)
{
	size_t end = len < limits->head_max ? len : limits->head_max;
	int empty_lines;
	size_t first = first_line(buf, end, limits, &empty_lines);
	if (empty_lines > EMPTY_LINES_MAX)
		return -400;
	if (scan->at > end)
		return -431; /* the limit was lowered meanwhile */
	if (scan->at <= first)
		*scan = (struct http_scan){ .at = (uint32_t)first, .lines = (uint32_t)empty_lines };
	size_t from = scan->at;
	long rc = walk(buf, end, first, scan, limits, ret_lines);
	ret_lines->count = from == 0 && scan->lines <= HTTP_LINES_KEPT ? scan->lines : 0;
	/* A whole head's first line is http_head_parse's to judge. */
	if (rc <= 0 && is_in_first(buf, first, from, limits)) {
		int bad = check_first(buf, first, scan->at, limits);
		if (bad < 0)
			return bad;
	}
	return rc == 0 && len > limits->head_max ? -431 : rc;
}
