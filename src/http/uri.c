/*
 * Percent-decoding and the normalisation of paths.
 *
 * Thread: any; pure functions.
 */
#include "http/uri.h"

#include <string.h>

static int hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* The byte that raw[0] == '%' stands for, or -1. */
static int escaped_byte(const char *raw, size_t len)
{
	int high = len >= 3 ? hex_value(raw[1]) : -1;
	int low = len >= 3 ? hex_value(raw[2]) : -1;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The byte that stands at raw[*i], which moves behind it; -1: a bad escape, or one of
 * NUL. */
static int next_byte(const char *raw, size_t len, bool plus, size_t *i)
{
	int byte = (unsigned char)raw[*i];
	if (byte == '%') {
		byte = escaped_byte(raw + *i, len - *i);
		byte = byte > 0 ? byte : -1;
		*i += 2;
	} else if (byte == '+' && plus) {
		byte = ' ';
	}
	++*i;
	return byte;
}

long http_percent_decode(const char *raw, size_t len, bool plus, char *to)
{
	size_t out = 0;
	for (size_t i = 0; i < len;) {
		int byte = next_byte(raw, len, plus, &i);
		if (byte < 0)
			return -400;
		to[out++] = (char)byte;
	}
	to[out] = '\0';
	return (long)out;
}

bool http_percent_is(const char *raw, size_t len, bool plus, const char *text)
{
	size_t i = 0;
	while (i < len && *text) {
		if (next_byte(raw, len, plus, &i) != (unsigned char)*text++)
			return false;
	}
	return i == len && *text == '\0';
}

bool http_percent_is_good(const char *raw, size_t len)
{
	size_t i = 0;
	while (i < len) {
		if (next_byte(raw, len, false, &i) < 0)
			return false;
	}
	return true;
}

/* All but %2F, which would make two segments of one, and %25, so that what
 * looks like %2F afterwards is one. */
static long decode_path(const char *raw, size_t len, char *to)
{
	size_t out = 0;
	if (!memchr(raw, '%', len)) {
		memcpy(to, raw, len);
		return (long)len;
	}
	for (size_t i = 0; i < len; i++) {
		int byte = (unsigned char)raw[i];
		if (byte == '%') {
			byte = escaped_byte(raw + i, len - i);
			if (byte < 0x20 || byte == 0x7f)
				return -400;
			i += 2;
			if (byte == '/' || byte == '%') {
				to[out++] = '%';
				to[out++] = '2';
				byte = byte == '/' ? 'F' : '5';
			}
		}
		to[out++] = (char)byte;
	}
	return (long)out;
}

/* RFC 3986 section 5.2.4, in place; above the root is an error. */
static long remove_dots(char *path, size_t len)
{
	size_t out = 0, i = 0;
	if (!memchr(path, '.', len))
		return (long)len;
	while (i < len) {
		const char *slash = memchr(path + i + 1, '/', len - i - 1);
		size_t end = slash ? (size_t)(slash - path) : len;
		size_t n = end - i - 1;
		const char *segment = path + i + 1;
		bool is_dot = n == 1 && segment[0] == '.';
		bool is_up = n == 2 && segment[0] == '.' && segment[1] == '.';
		if (is_up) {
			if (out == 0)
				return -400;
			while (path[--out] != '/')
				;
		} else if (!is_dot) {
			memmove(path + out, path + i, n + 1);
			out += n + 1;
		}
		/* A dot segment at the end leaves its slash. */
		if ((is_dot || is_up) && end == len)
			path[out++] = '/';
		i = end;
	}
	return (long)out;
}

long http_path_normalize(const char *raw, size_t len, char *to)
{
	if (len == 0 || raw[0] != '/')
		return -400;
	long out = decode_path(raw, len, to);
	if (out > 0)
		out = remove_dots(to, (size_t)out);
	if (out >= 0)
		to[out] = '\0';
	return out;
}

bool http_pair_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
		    struct http_span *ret_value)
{
	while (*pos < len) {
		const char *start = text + *pos;
		const char *amp = memchr(start, '&', len - *pos);
		size_t n = amp ? (size_t)(amp - start) : len - *pos;
		*pos += n + 1;
		if (n == 0)
			continue;
		const char *equals = memchr(start, '=', n);
		size_t name = equals ? (size_t)(equals - start) : n;
		*ret_name = (struct http_span){ start, name };
		*ret_value = equals ? (struct http_span){ equals + 1, n - name - 1 }
				    : (struct http_span){ NULL, 0 };
		return true;
	}
	return false;
}
