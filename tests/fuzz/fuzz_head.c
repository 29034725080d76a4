/*
 * Fuzz driver of http/parse: any bytes are taken or refused without harm, and
 * in one piece as they are byte by byte.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/parse.h"
#include "http/uri.h"

enum { HEADERS_MAX = 16 };

static struct http_limits limits = { 1024, 256, HEADERS_MAX, false };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct http_span s, const char *text, size_t len)
{
	return !s.at || s.len == 0 || (s.at >= text && s.at + s.len <= text + len);
}

static void check_headers(const struct http_head *head)
{
	must(head->header_count <= HEADERS_MAX);
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];
		must(strlen(h->name) == h->name_len && strlen(h->value) == h->value_len);
		must(http_is_token(h->name, h->name_len));
		must(http_is_field_value(h->value, h->value_len));
	}
}

static int parse(const char *data, size_t len, const struct http_lines *lines)
{
	struct http_header headers[HEADERS_MAX];
	struct http_head head;
	char *text = malloc(len);
	must(text);
	memcpy(text, data, len);
	int rc = http_head_parse(text, len, &limits, lines, headers, &head);
	if (rc == 0) {
		check_headers(&head);
		must(!head.chunked || !head.has_length);
		must(is_inside(head.query, text, len) && is_inside(head.host, text, len));
		char *path = malloc(head.path.len + 1);
		must(path);
		long n = http_path_normalize(head.path.at, head.path.len, path);
		must(n <= (long)head.path.len && (n < 0 || path[0] == '/'));
		free(path);
	}
	free(text);
	return rc;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 0;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* What becomes of it does not depend on how it comes. */
static void scan(const char *text, size_t size)
{
	struct http_scan at_once = { 0 }, by_byte = { 0 };
	struct http_lines lines, others;
	size_t come = 0;
	long whole = http_head_scan(text, size, &at_once, &limits, &lines), n = 0;
	while (come < size && n == 0)
		n = http_head_scan(text, ++come, &by_byte, &limits, &others);
	int rc = whole > 0 ? parse(text, (size_t)whole, &lines) : (int)whole;
	must(n == whole || (n < 0 && n == rc));
	must(whole <= 0 || parse(text, (size_t)whole, NULL) == rc);
	if (whole > 0)
		must(at_once.lines == count_lines(text, (size_t)whole));
	if (n > 0)
		must(by_byte.lines == at_once.lines);
	(void)parse(text, size, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	limits.takes_bare_lf = false;
	scan((const char *)data, size);
	limits.takes_bare_lf = true;
	scan((const char *)data, size);
	return 0;
}
