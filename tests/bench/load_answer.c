/*
 * Parsing of answers, step by step.
 *
 * Thread: any.
 */
#include "load_answer.h"

#include <string.h>
#include <strings.h>

void answer_init(struct answer *a, bool is_to_head)
{
	*a = (struct answer){ .state = ANSWER_HEAD, .is_to_head = is_to_head };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 ..." */
static bool read_status(struct answer *a, const char *line, size_t len)
{
	if (len < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ' || !is_digit(line[9]) ||
	    !is_digit(line[10]) || !is_digit(line[11]))
		return false;
	a->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	a->keeps = line[7] != '0';
	return a->status >= 100 && a->status < 600;
}

static bool has_name(const char *line, size_t len, const char *name, size_t name_len)
{
	return len > name_len && line[name_len] == ':' && strncasecmp(line, name, name_len) == 0;
}

#define is_header(line, len, name) has_name(line, len, name, sizeof(name) - 1)

/* The value without the blanks around it. */
static struct answer_piece value_of(const char *line, size_t len)
{
	const char *at = (const char *)memchr(line, ':', len) + 1, *end = line + len;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct answer_piece){ at, (size_t)(end - at) };
}

static bool value_is(struct answer_piece v, const char *text)
{
	return v.len == strlen(text) && strncasecmp(v.data, text, v.len) == 0;
}

static bool read_length(struct answer_piece v, uint64_t *ret_length)
{
	uint64_t n = 0;
	for (size_t i = 0; i < v.len; i++) {
		if (!is_digit(v.data[i]) || n > UINT64_MAX / 10 - 1)
			return false;
		n = n * 10 + (uint64_t)(v.data[i] - '0');
	}
	*ret_length = n;
	return v.len > 0;
}

/* What the headers say of the body. */
struct framing {
	bool is_chunked, has_length;
	uint64_t length;
};

static bool read_header(struct answer *a, struct framing *f, const char *line, size_t len)
{
	/* Most lines are none of ours: the first letter tells. */
	char first = line[0] | 0x20;
	if (first == 'c' && is_header(line, len, "Content-Length")) {
		f->has_length = true;
		return read_length(value_of(line, len), &f->length);
	}
	if (first == 't' && is_header(line, len, "Transfer-Encoding")) {
		f->is_chunked = value_is(value_of(line, len), "chunked");
		return f->is_chunked;
	}
	if (first == 'c' && is_header(line, len, "Connection")) {
		struct answer_piece v = value_of(line, len);
		a->keeps = value_is(v, "keep-alive") || (a->keeps && !value_is(v, "close"));
	}
	return true;
}

static void choose_state(struct answer *a, const struct framing *f)
{
	if (a->status < 200)
		a->state = ANSWER_HEAD;
	else if (a->is_to_head || a->status == 204 || a->status == 304)
		a->state = ANSWER_DONE;
	else if (f->is_chunked)
		a->state = ANSWER_CHUNK_SIZE;
	else if (f->has_length)
		a->state = f->length ? ANSWER_BODY : ANSWER_DONE;
	else
		a->state = ANSWER_TO_THE_END;
	a->left = f->length;
	if (a->state == ANSWER_TO_THE_END)
		a->keeps = false;
}

static ssize_t eat_head(struct answer *a, const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	struct framing f = { 0 };
	bool is_first = true;
	for (const char *line = data; line < end;) {
		/* The end is a line end, too: there is one to be found. */
		const char *stop = memchr(line, '\r', (size_t)(end + 1 - line));
		size_t n = (size_t)(stop - line);
		bool is_good = is_first ? read_status(a, line, n) : read_header(a, &f, line, n);
		if (!is_good || stop[1] != '\n')
			return -1;
		is_first = false;
		line = stop + 2;
	}
	if (is_first)
		return -1;
	choose_state(a, &f);
	return end + 4 - data;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The length of the line with its end, or 0 when the end is not there yet. */
static size_t line_length(const char *data, size_t len)
{
	const char *end = memchr(data, '\n', len);
	return end ? (size_t)(end + 1 - data) : 0;
}

static ssize_t eat_chunk_size(struct answer *a, const char *data, size_t len)
{
	size_t taken = line_length(data, len), i = 0;
	if (!taken)
		return 0;
	uint64_t n = 0;
	for (; i < 15 && hex_digit(data[i]) >= 0; i++)
		n = n << 4 | (uint64_t)hex_digit(data[i]);
	if (i == 0 || (data[i] != '\r' && data[i] != ';' && data[i] != ' '))
		return -1;
	a->left = n;
	a->state = n ? ANSWER_CHUNK : ANSWER_TRAILER;
	return (ssize_t)taken;
}

static ssize_t eat_line(struct answer *a, const char *data, size_t len)
{
	size_t taken = line_length(data, len);
	bool is_empty = taken == 2 && data[0] == '\r';
	if (!taken)
		return 0;
	if (a->state == ANSWER_CHUNK_END) {
		if (!is_empty)
			return -1;
		a->state = ANSWER_CHUNK_SIZE;
	} else if (is_empty) {
		a->state = ANSWER_DONE;
	}
	return (ssize_t)taken;
}

static ssize_t eat_body(struct answer *a, const char *data, size_t len,
			struct answer_piece *ret_piece)
{
	size_t n = len < a->left ? len : (size_t)a->left;
	*ret_piece = (struct answer_piece){ data, n };
	a->left -= n;
	if (a->left == 0)
		a->state = a->state == ANSWER_CHUNK ? ANSWER_CHUNK_END : ANSWER_DONE;
	return (ssize_t)n;
}

ssize_t answer_eat(struct answer *a, const char *data, size_t len, struct answer_piece *ret_piece)
{
	*ret_piece = (struct answer_piece){ 0 };
	if (len == 0)
		return 0;
	switch (a->state) {
	case ANSWER_HEAD:
		return eat_head(a, data, len);
	case ANSWER_CHUNK_SIZE:
		return eat_chunk_size(a, data, len);
	case ANSWER_CHUNK_END:
	case ANSWER_TRAILER:
		return eat_line(a, data, len);
	case ANSWER_BODY:
	case ANSWER_CHUNK:
		return eat_body(a, data, len, ret_piece);
	case ANSWER_TO_THE_END:
		*ret_piece = (struct answer_piece){ data, len };
		return (ssize_t)len;
	case ANSWER_DONE:
		break;
	}
	return -1;
}

bool answer_ends_here(struct answer *a)
{
	if (a->state != ANSWER_TO_THE_END)
		return false;
	a->state = ANSWER_DONE;
	return true;
}
