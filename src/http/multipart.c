/*
 * The parser of multipart/form-data. A boundary has no CR, hence where the
 * comparison with CRLF "--" boundary fails it can begin anew at a CR alone:
 * what matched so far was data, and is known without having been kept.
 *
 * Thread: any; pure functions.
 */
#include "http/multipart.h"

#include <string.h>

#include "http/form.h"

enum { LINE_END = 2 }; /* CRLF */

int http_multipart_init(struct http_multipart *m, const char *boundary, size_t len)
{
	if (len == 0 || len > MULTIPART_BOUNDARY_MAX || boundary[len - 1] == ' ' ||
	    memchr(boundary, '\t', len) || !http_is_field_value(boundary, len))
		return -400;
	/* The first boundary need not have a line before it. */
	*m = (struct http_multipart){ .matched = LINE_END, .implied = LINE_END };
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, len);
	m->delimiter_len = 4 + len;
	return 0;
}

static int fail(struct http_multipart *m, int why)
{
	m->state = MULTIPART_IS_BAD;
	m->why = why;
	return why;
}

/* ---- headers of a part ---- */

/* form-data; name="…"; filename="…"; other parameters, filename* among them, say
 * nothing (RFC 7578 4.2). */
static int read_disposition(struct http_multipart *m, struct http_span value)
{
	struct http_span name, its;
	size_t pos = 0;
	if (m->has_disposition || !http_type_span_is(value, "form-data"))
		return -400;
	m->has_disposition = true;
	int rc;
	while ((rc = http_parameter_next(value.at, value.len, &pos, &name, &its)) == 1) {
		bool is_name = http_span_is(name, "name");
		if (!its.at)
			return -400;
		if (!is_name && !http_span_is(name, "filename"))
			continue;
		struct http_span *to = is_name ? &m->name : &m->file_name;
		if (to->at)
			return -400;
		*to = its;
	}
	return rc;
}

static int read_header(struct http_multipart *m, struct http_span line)
{
	const char *colon = memchr(line.at, ':', line.len);
	if (!colon || !http_is_token(line.at, (size_t)(colon - line.at)) ||
	    !http_is_field_value(line.at, line.len))
		return -400;
	struct http_span name = { line.at, (size_t)(colon - line.at) };
	struct http_span value =
		http_trim((struct http_span){ colon + 1, line.len - name.len - 1 });
	if (http_span_is(name, "Content-Disposition"))
		return read_disposition(m, value);
	if (!http_span_is(name, "Content-Type"))
		return 0;
	if (m->type.at)
		return -400;
	m->type = value;
	return 0;
}

static void begin_headers(struct http_multipart *m)
{
	m->state = MULTIPART_IN_HEADERS;
	m->line = m->headers_len = 0;
	m->has_disposition = false;
	m->name = m->file_name = m->type = (struct http_span){ NULL, 0 };
}

/* The line that is whole now. MULTIPART_PART behind the last, MULTIPART_MORE
 * behind others. */
static int end_line(struct http_multipart *m)
{
	size_t len = m->headers_len - m->line;
	if (len < LINE_END || m->headers[m->headers_len - 2] != '\r')
		return fail(m, -400);
	struct http_span line = { m->headers + m->line, len - LINE_END };
	m->line = m->headers_len;
	if (line.len > 0)
		return read_header(m, line) < 0 ? fail(m, -400) : MULTIPART_MORE;
	if (!m->name.at)
		return fail(m, -400);
	if (m->parts == MULTIPART_PARTS_MAX)
		return fail(m, -413);
	m->parts++;
	m->state = MULTIPART_IN_DATA;
	/* An empty part's boundary may follow its headers at once. */
	m->matched = m->implied = LINE_END;
	return MULTIPART_PART;
}

static int take_headers(struct http_multipart *m, const char *data, size_t len, size_t *pos)
{
	const char *lf = memchr(data + *pos, '\n', len - *pos);
	size_t n = lf ? (size_t)(lf + 1 - (data + *pos)) : len - *pos;
	if (n > sizeof(m->headers) - m->headers_len)
		return fail(m, -400);
	memcpy(m->headers + m->headers_len, data + *pos, n);
	m->headers_len += n;
	*pos += n;
	return lf ? end_line(m) : MULTIPART_MORE;
}

/* ---- boundaries ---- */

static int take_tail(struct http_multipart *m, char c)
{
	if (m->tail_len == 0 && (c == '\r' || (c == '-' && m->tail != ' '))) {
		m->tail = c;
		m->tail_len = 1;
		return MULTIPART_MORE;
	}
	if (m->tail_len == 0 && (c == ' ' || c == '\t')) {
		m->tail = ' '; /* then no "--" comes any more */
		return MULTIPART_MORE;
	}
	if (m->tail_len == 1 && m->tail == '-' && c == '-') {
		m->state = MULTIPART_IN_EPILOGUE;
		return MULTIPART_END;
	}
	if (m->tail_len == 1 && m->tail == '\r' && c == '\n') {
		begin_headers(m);
		return MULTIPART_MORE;
	}
	return fail(m, -400);
}

static int end_data(struct http_multipart *m)
{
	bool is_part = m->state == MULTIPART_IN_DATA;
	m->state = MULTIPART_IN_DELIMITER;
	m->tail = '\0';
	m->tail_len = 0;
	return is_part ? MULTIPART_PART_END : MULTIPART_MORE;
}

/* A preamble's bytes are nobody's. */
static int give(struct http_multipart *m, const char *at, size_t len)
{
	if (len == 0 || m->state == MULTIPART_IN_PREAMBLE)
		return MULTIPART_MORE;
	m->data = (struct http_span){ at, len };
	return MULTIPART_DATA;
}

/* Goes on with a delimiter that has begun. Where it proves to be none, *pos
 * stays, and what had matched before is given out. */
static int take_delimiter(struct http_multipart *m, const char *data, size_t len, size_t *pos)
{
	size_t n = m->delimiter_len - m->matched;
	if (n > len - *pos)
		n = len - *pos;
	if (memcmp(data + *pos, m->delimiter + m->matched, n) == 0) {
		m->matched += n;
		*pos += n;
		return m->matched == m->delimiter_len ? end_data(m) : MULTIPART_MORE;
	}
	size_t from = m->implied, to = m->matched;
	m->matched = m->implied = 0;
	return give(m, m->delimiter + from, to - from);
}

/* Up to the next delimiter, or what looks like one at the end of the bytes. */
static int take_data(struct http_multipart *m, const char *data, size_t len, size_t *pos)
{
	const char *start = data + *pos, *end = data + len, *cr = start;
	while ((cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL) {
		size_t n = (size_t)(end - cr);
		if (n > m->delimiter_len)
			n = m->delimiter_len;
		if (memcmp(cr, m->delimiter, n) == 0)
			break;
		cr++;
	}
	if (!cr)
		cr = end;
	*pos = (size_t)(cr - data);
	if (cr < end) {
		m->matched = 1;
		m->implied = 0;
		++*pos;
	}
	return give(m, start, (size_t)(cr - start));
}

int http_multipart_next(struct http_multipart *m, const char *data, size_t len, size_t *pos)
{
	int rc = MULTIPART_MORE;
	while (rc == MULTIPART_MORE && *pos < len) {
		switch (m->state) {
		case MULTIPART_IN_PREAMBLE:
		case MULTIPART_IN_DATA:
			rc = m->matched > 0 ? take_delimiter(m, data, len, pos)
					    : take_data(m, data, len, pos);
			break;
		case MULTIPART_IN_DELIMITER:
			rc = take_tail(m, data[(*pos)++]);
			break;
		case MULTIPART_IN_HEADERS:
			rc = take_headers(m, data, len, pos);
			break;
		case MULTIPART_IN_EPILOGUE:
			*pos = len;
			break;
		case MULTIPART_IS_BAD:
			return m->why;
		}
	}
	return rc;
}

bool http_multipart_is_whole(const struct http_multipart *m)
{
	return m->state == MULTIPART_IN_EPILOGUE;
}
