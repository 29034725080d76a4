/*
 * Decoding of the chunked coding, one state a place in its grammar.
 *
 * Thread: any; state belongs to the caller.
 */
#include "http/chunked.h"

#include <string.h>

enum { OVERHEAD_MAX = 8192, SIZE_DIGITS_MAX = 16 };

enum chunk_state {
	SIZE_FIRST, /* first digit of a size */
	SIZE,       /* further digits, or what ends them */
	EXTENSION,
	QUOTED,  /* inside a quoted extension value */
	ESCAPED, /* behind a backslash in it */
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* first byte of a trailer line, or the CR of the end */
	NAME,
	VALUE,
	VALUE_LF,
	END_LF,
	END,
};

void http_chunked_init(struct http_chunked *c)
{
	*c = (struct http_chunked){ .state = SIZE_FIRST };
}

uint64_t http_chunked_announced(const struct http_chunked *c)
{
	return c->state == DATA ? c->left : 0;
}

static int hex_value(unsigned char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static int next_if(struct http_chunked *c, bool good, enum chunk_state next)
{
	c->state = (int)next;
	return good ? 0 : -400;
}

static int step_size(struct http_chunked *c, unsigned char ch)
{
	int digit = hex_value(ch);
	if (digit >= 0) {
		if (++c->digits > SIZE_DIGITS_MAX)
			return -400;
		c->left = c->left << 4 | (unsigned)digit;
		c->state = SIZE;
		return 0;
	}
	if (c->state == SIZE_FIRST)
		return -400;
	c->digits = 0;
	if (ch == ';')
		return next_if(c, true, EXTENSION);
	return next_if(c, ch == '\r', SIZE_LF);
}

static bool is_text(unsigned char ch)
{
	return (ch >= 0x20 && ch != 0x7f) || ch == '\t';
}

static int step_extension(struct http_chunked *c, unsigned char ch)
{
	if (++c->overhead > OVERHEAD_MAX)
		return -431;
	if (c->state == ESCAPED)
		return next_if(c, is_text(ch), QUOTED);
	if (c->state == QUOTED) {
		enum chunk_state next = ch == '"' ? EXTENSION : ch == '\\' ? ESCAPED : QUOTED;
		return next_if(c, is_text(ch), next);
	}
	if (ch == '\r')
		return next_if(c, true, SIZE_LF);
	return next_if(c, is_text(ch), ch == '"' ? QUOTED : EXTENSION);
}

static int step_trailer(struct http_chunked *c, unsigned char ch)
{
	char byte = (char)ch;
	if (++c->overhead > OVERHEAD_MAX)
		return -431;
	switch ((enum chunk_state)c->state) {
	case TRAILER:
		if (ch == '\r')
			return next_if(c, true, END_LF);
		return next_if(c, http_is_token(&byte, 1), NAME);
	case NAME:
		if (ch == ':')
			return next_if(c, true, VALUE);
		return next_if(c, http_is_token(&byte, 1), NAME);
	case VALUE:
		if (ch == '\r')
			return next_if(c, true, VALUE_LF);
		return next_if(c, is_text(ch), VALUE);
	case VALUE_LF:
		return next_if(c, ch == '\n', TRAILER);
	default:
		return next_if(c, ch == '\n', END);
	}
}

/* One byte that is not data. */
static int step(struct http_chunked *c, unsigned char ch)
{
	switch ((enum chunk_state)c->state) {
	case SIZE_FIRST:
	case SIZE:
		return step_size(c, ch);
	case EXTENSION:
	case QUOTED:
	case ESCAPED:
		return step_extension(c, ch);
	case SIZE_LF:
		return next_if(c, ch == '\n', c->left ? DATA : TRAILER);
	case DATA_CR:
		return next_if(c, ch == '\r', DATA_LF);
	case DATA_LF:
		return next_if(c, ch == '\n', SIZE_FIRST);
	default:
		return step_trailer(c, ch);
	}
}

int http_chunked_decode(struct http_chunked *c, char *buf, size_t len, size_t *ret_body,
			size_t *ret_used)
{
	size_t body = 0, i = 0;
	while (i < len && c->state != END) {
		if (c->state == DATA) {
			size_t n = c->left < len - i ? (size_t)c->left : len - i;
			memmove(buf + body, buf + i, n);
			body += n;
			i += n;
			c->left -= n;
			if (c->left == 0)
				c->state = DATA_CR;
			continue;
		}
		int rc = step(c, (unsigned char)buf[i++]);
		if (rc < 0)
			return rc;
	}
	*ret_body = body;
	*ret_used = i;
	return c->state == END;
}
