/*
 * Fuzz driver of http/form and http/multipart: the first line is a Content-Type,
 * a Cookie and a boundary at once, what follows is the body. The body is fed
 * whole, byte by byte, and cut where its own bytes say: what is seen must be the
 * same.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/form.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything told of a body, one behind the other. */
struct seen {
	char *text;
	size_t len, size;
	bool is_open; /* a part */
	int rc;       /* 0, or the error */
};

static void put(struct seen *s, char mark, struct http_span text)
{
	if (s->len + text.len + 2 > s->size) {
		s->size = 2 * (s->len + text.len + 2);
		s->text = realloc(s->text, s->size);
		must(s->text);
	}
	if (mark)
		s->text[s->len++] = mark;
	if (text.len > 0)
		memcpy(s->text + s->len, text.at, text.len);
	s->len += text.len;
}

static void see(struct seen *s, const struct http_multipart *m, int event)
{
	const struct http_span none = { NULL, 0 };
	must(event > MULTIPART_MORE && event <= MULTIPART_END);
	must(s->is_open == (event == MULTIPART_DATA || event == MULTIPART_PART_END));
	if (event == MULTIPART_PART) {
		must(m->name.at && m->parts <= MULTIPART_PARTS_MAX);
		put(s, 'P', m->name);
		put(s, m->file_name.at ? 'F' : 'f', m->file_name);
		put(s, m->type.at ? 'T' : 't', m->type);
	} else if (event == MULTIPART_DATA) {
		must(m->data.len > 0);
		put(s, '\0', m->data);
	} else {
		put(s, event == MULTIPART_END ? 'Z' : 'E', none);
		must(http_multipart_is_whole(m) == (event == MULTIPART_END));
	}
	s->is_open = event == MULTIPART_PART || event == MULTIPART_DATA;
}

static void feed(struct seen *s, struct http_multipart *m, const char *data, size_t len)
{
	/* Of its own, so that a sanitizer sees a step over its ends. */
	char *copy = malloc(len + 1);
	must(copy);
	memcpy(copy, data, len);
	char *at = copy + 1;
	memmove(at, copy, len);
	for (size_t pos = 0; pos < len && s->rc == 0;) {
		size_t before = pos;
		bool was_bad = m->state == MULTIPART_IS_BAD;
		int event = http_multipart_next(m, at, len, &pos);
		must(pos >= before && pos <= len && !was_bad);
		if (event < 0)
			s->rc = event;
		else if (event == MULTIPART_MORE)
			must(pos == len);
		else
			see(s, m, event);
	}
	free(copy);
}

enum cuts { WHOLE, BYTES, PIECES };

static bool walk_parts(struct seen *s, const char *body, size_t len, const char *boundary,
		       size_t boundary_len, enum cuts cuts)
{
	struct http_multipart m;
	*s = (struct seen){ 0 };
	if (http_multipart_init(&m, boundary, boundary_len) < 0)
		return false;
	for (size_t at = 0, n; at < len; at += n) {
		n = cuts == WHOLE ? len : cuts == BYTES ? 1 : 1 + (uint8_t)body[at] % 37U;
		if (n > len - at)
			n = len - at;
		feed(s, &m, body + at, n);
	}
	put(s, http_multipart_is_whole(&m) ? 'W' : 'w', (struct http_span){ NULL, 0 });
	return true;
}

static void compare_parts(const char *body, size_t len, const char *boundary, size_t boundary_len)
{
	struct seen whole, other;
	if (!walk_parts(&whole, body, len, boundary, boundary_len, WHOLE))
		return;
	for (enum cuts cuts = BYTES; cuts <= PIECES; cuts++) {
		must(walk_parts(&other, body, len, boundary, boundary_len, cuts));
		must(other.rc == whole.rc && other.len == whole.len);
		must(memcmp(other.text, whole.text, whole.len) == 0);
		free(other.text);
	}
	free(whole.text);
}

static void check_inside(struct http_span s, const char *text, size_t len)
{
	must(!s.at || (s.at >= text && s.at + s.len <= text + len));
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

static void walk_parameters(const char *text, size_t len)
{
	struct http_span name, value;
	size_t pos = 0, before = 0;
	while (http_parameter_next(text, len, &pos, &name, &value) == 1) {
		must(pos > before && pos <= len);
		check_inside(name, text, len);
		check_inside(value, text, len);
		before = pos;
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
	walk_parameters(text, len);
	long n = http_parameter(text, len, "boundary", boundary);
	must(n >= -1 && n <= (long)len);
	if (n >= 0)
		compare_parts(lf + 1, size - len - 1, boundary, (size_t)n);
	free(boundary);
	return 0;
}
