/*
 * Cookies, parameters of header values, multipart/form-data.
 *
 * Thread: any; pure functions.
 */
#include "http/form.h"

#include <string.h>

enum { PART_HEADERS_MAX = 4096 };

static struct http_span trim(struct http_span s)
{
	while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_cookie_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
		      struct http_span *ret_value)
{
	while (*pos < len) {
		const char *start = text + *pos;
		const char *semi = memchr(start, ';', len - *pos);
		size_t n = semi ? (size_t)(semi - start) : len - *pos;
		const char *equals = memchr(start, '=', n);
		*pos += n + 1;
		if (!equals)
			continue;
		size_t name = (size_t)(equals - start);
		struct http_span value = trim((struct http_span){ equals + 1, n - name - 1 });
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
			value = (struct http_span){ value.at + 1, value.len - 2 };
		*ret_name = trim((struct http_span){ start, name });
		*ret_value = value;
		return true;
	}
	return false;
}

bool http_cookie_is_valid(const char *name, const char *value)
{
	if (!http_is_token(name, strlen(name)))
		return false;
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (c <= 0x20 || c >= 0x7f || strchr("\",;\\", c))
			return false;
	}
	return true;
}

/* ---- name=value parameters ---- */

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* The token or quoted string at *at: quotes stay out, escapes stay in. At NULL
 * when the closing quote is missing. */
static struct http_span take_value(const char **at, const char *end)
{
	const char *start = *at, *i = start;
	if (i == end || *i != '"') {
		while (i < end && *i != ';' && *i != ' ' && *i != '\t')
			i++;
		*at = i;
		return (struct http_span){ start, (size_t)(i - start) };
	}
	for (i++; i < end && *i != '"'; i++) {
		if (*i == '\\' && i + 1 < end)
			i++;
	}
	if (i == end)
		return (struct http_span){ NULL, 0 };
	*at = i + 1;
	return (struct http_span){ start + 1, (size_t)(i - start - 1) };
}

/* The raw value of a parameter behind the first ';'; at NULL when absent or
 * malformed. */
static struct http_span find_parameter(struct http_span line, const char *name)
{
	const char *end = line.at + line.len;
	const char *at = memchr(line.at, ';', line.len);
	while (at && at < end && *at == ';') {
		const char *start = skip_blank(at + 1, end);
		at = start;
		while (at < end && *at != '=' && *at != ';')
			at++;
		if (at == end || *at == ';')
			continue;
		struct http_span its = trim((struct http_span){ start, (size_t)(at - start) });
		at++;
		struct http_span value = take_value(&at, end);
		if (!value.at || http_span_is(its, name))
			return value;
		at = skip_blank(at, end);
	}
	return (struct http_span){ NULL, 0 };
}

long http_parameter(const char *text, size_t len, const char *name, char *to)
{
	struct http_span raw = find_parameter((struct http_span){ text, len }, name);
	if (!raw.at)
		return -1;
	bool is_quoted = raw.at[-1] == '"'; /* else it is the '=' */
	size_t n = 0;
	for (size_t i = 0; i < raw.len; i++) {
		if (is_quoted && raw.at[i] == '\\')
			i++;
		to[n++] = raw.at[i];
	}
	to[n] = '\0';
	return (long)n;
}

/* ---- multipart/form-data ---- */

struct body {
	const char *at;
	size_t len;
	const char *boundary;
	size_t boundary_len;
};

static bool has(const struct body *b, size_t pos, const char *text, size_t len)
{
	return len <= b->len - pos && memcmp(b->at + pos, text, len) == 0;
}

static bool has_delimiter(const struct body *b, size_t pos)
{
	return has(b, pos, "--", 2) && has(b, pos + 2, b->boundary, b->boundary_len);
}

/* Behind "--boundary" at pos: 1 when a part follows (*pos is its first byte),
 * 0 at the end, -400. */
static int pass_delimiter(const struct body *b, size_t *pos)
{
	size_t i = *pos + 2 + b->boundary_len;
	if (has(b, i, "--", 2)) {
		*pos = b->len;
		return 0;
	}
	while (i < b->len && (b->at[i] == ' ' || b->at[i] == '\t'))
		i++;
	if (!has(b, i, "\r\n", 2))
		return -400;
	*pos = i + 2;
	return 1;
}

/* form-data; name="…"; filename="…" */
static int read_disposition(struct http_span value, struct http_part *part)
{
	const char *semi = memchr(value.at, ';', value.len);
	size_t type = semi ? (size_t)(semi - value.at) : value.len;
	if (!http_span_is(trim((struct http_span){ value.at, type }), "form-data"))
		return -400;
	part->name = find_parameter(value, "name");
	part->file_name = find_parameter(value, "filename");
	return 0;
}

static int read_part_header(struct http_span line, struct http_part *part)
{
	const char *colon = memchr(line.at, ':', line.len);
	if (!colon || !http_is_token(line.at, (size_t)(colon - line.at)) ||
	    !http_is_field_value(line.at, line.len))
		return -400;
	struct http_span name = { line.at, (size_t)(colon - line.at) };
	struct http_span value = trim((struct http_span){ colon + 1, line.len - name.len - 1 });
	if (http_span_is(name, "Content-Disposition"))
		return read_disposition(value, part);
	if (http_span_is(name, "Content-Type"))
		part->type = value;
	return 0;
}

static int read_part_headers(const struct body *b, size_t *pos, struct http_part *part)
{
	size_t start = *pos;
	for (;;) {
		const char *lf = memchr(b->at + *pos, '\n', b->len - *pos);
		if (!lf || lf == b->at + *pos || lf[-1] != '\r')
			return -400;
		struct http_span line = { b->at + *pos, (size_t)(lf - 1 - (b->at + *pos)) };
		*pos += line.len + 2;
		if (line.len == 0)
			return part->name.at ? 0 : -400;
		if (*pos - start > PART_HEADERS_MAX)
			return -400;
		int rc = read_part_header(line, part);
		if (rc < 0)
			return rc;
	}
}

/* The CRLF before the next delimiter, or NULL. */
static const char *find_end(const struct body *b, size_t pos)
{
	const char *from = b->at + pos;
	const char *end = b->at + b->len;
	/* An empty part's delimiter may follow its headers at once. */
	if (has_delimiter(b, pos) && pos >= 2)
		return from;
	while ((from = memchr(from, '\r', (size_t)(end - from))) != NULL) {
		size_t i = (size_t)(from - b->at);
		if (has(b, i, "\r\n", 2) && has_delimiter(b, i + 2))
			return from;
		from++;
	}
	return NULL;
}

int http_part_next(const char *body, size_t len, const char *boundary, size_t *pos,
		   struct http_part *ret_part)
{
	struct body b = { body, len, boundary, strlen(boundary) };
	struct http_part part = { 0 };
	if (b.boundary_len == 0 || b.boundary_len > 70)
		return -400;
	if (*pos >= len)
		return *pos == 0 ? -400 : 0;
	if (*pos == 0 && !has_delimiter(&b, 0)) {
		/* A preamble: everything before the first delimiter is dropped. */
		const char *first = find_end(&b, 0);
		if (!first)
			return -400;
		*pos = (size_t)(first - body) + 2;
	}
	int rc = pass_delimiter(&b, pos);
	if (rc <= 0)
		return rc;
	rc = read_part_headers(&b, pos, &part);
	if (rc < 0)
		return rc;
	const char *end = find_end(&b, *pos);
	if (!end)
		return -400;
	part.data = (struct http_span){ body + *pos, (size_t)(end - (body + *pos)) };
	*pos = (size_t)(end - body) + (*end == '\r' ? 2 : 0);
	*ret_part = part;
	return 1;
}
