/*
 * Fuzz driver of http/form: the first line is a Content-Type, a Cookie and a
 * boundary at once, what follows is the body.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct http_span s, const char *text, size_t len)
{
	must(!s.at || (s.at >= text && s.at + s.len <= text + len));
}

static void walk_parts(const char *body, size_t len, const char *boundary)
{
	struct http_part part;
	size_t pos = 0, before = 0;
	while (http_part_next(body, len, boundary, &pos, &part) == 1) {
		must(pos > before && pos <= len && part.name.at && part.data.at);
		check_inside(part.name, body, len);
		check_inside(part.file_name, body, len);
		check_inside(part.type, body, len);
		check_inside(part.data, body, len);
		before = pos;
	}
}

static void walk_cookies(const char *text, size_t len)
{
	struct http_span name, value;
	size_t pos = 0;
	while (http_cookie_next(text, len, &pos, &name, &value)) {
		check_inside(name, text, len);
		check_inside(value, text, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *lf = size > 0 ? memchr(text, '\n', size) : NULL;
	if (!lf)
		return 0;
	size_t len = (size_t)(lf - text);
	char *boundary = malloc(len + 1);
	must(boundary);
	walk_cookies(text, len);
	long n = http_parameter(text, len, "boundary", boundary);
	must(n >= -1 && n <= (long)len);
	if (n >= 0)
		walk_parts(lf + 1, size - len - 1, boundary);
	free(boundary);
	return 0;
}
