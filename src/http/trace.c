/*
 * Reading and writing of traceparent: VERSION-TRACE-PARENT-FLAGS.
 *
 * Thread: any.
 */
#include "http/trace.h"

#include <string.h>
#include <strings.h>

enum { AT_TRACE = 3, AT_PARENT = 36, AT_FLAGS = 53, FLAG_SAMPLED = 1 };

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!strchr("0123456789abcdef", text[i]) || text[i] == '\0')
			return false;
	}
	return true;
}

static bool is_zero(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '0')
			return false;
	}
	return true;
}

static uint8_t hex_value(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Only what a later version puts behind the flags may be longer. */
static bool has_form(const char *t, size_t len)
{
	if (len < TRACE_PARENT_LEN || !is_hex(t, 2) || memcmp(t, "ff", 2) == 0)
		return false;
	if (len > TRACE_PARENT_LEN && (memcmp(t, "00", 2) == 0 || t[TRACE_PARENT_LEN] != '-'))
		return false;
	return t[AT_TRACE - 1] == '-' && t[AT_PARENT - 1] == '-' && t[AT_FLAGS - 1] == '-';
}

bool trace_parse(const char *text, size_t len, struct trace *ret)
{
	if (!has_form(text, len) || !is_hex(text + AT_TRACE, TRACE_ID_LEN) ||
	    !is_hex(text + AT_PARENT, 16) || !is_hex(text + AT_FLAGS, 2) ||
	    is_zero(text + AT_TRACE, TRACE_ID_LEN) || is_zero(text + AT_PARENT, 16))
		return false;
	memcpy(ret->id, text + AT_TRACE, TRACE_ID_LEN);
	ret->id[TRACE_ID_LEN] = '\0';
	ret->flags = hex_value(text[AT_FLAGS + 1]) & FLAG_SAMPLED;
	return true;
}

bool trace_find(const struct http_header *headers, size_t count, struct trace *ret)
{
	const struct http_header *found = NULL;
	for (size_t i = 0; i < count; i++) {
		if (headers[i].name_len != 11 || strcasecmp(headers[i].name, "traceparent") != 0)
			continue;
		if (found)
			return false;
		found = &headers[i];
	}
	return found && trace_parse(found->value, found->value_len, ret);
}

static char *put_hex(char *to, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		*to++ = "0123456789abcdef"[bytes[i] >> 4];
		*to++ = "0123456789abcdef"[bytes[i] & 15];
	}
	return to;
}

void trace_write(const struct trace *t, const uint8_t parent[8], char to[TRACE_PARENT_LEN + 1])
{
	memcpy(to, "00-", AT_TRACE);
	memcpy(to + AT_TRACE, t->id, TRACE_ID_LEN);
	to[AT_PARENT - 1] = '-';
	(void)put_hex(to + AT_PARENT, parent, 8);
	to[AT_FLAGS - 1] = '-';
	*put_hex(to + AT_FLAGS, &t->flags, 1) = '\0';
}

void trace_make(const uint8_t id[16], struct trace *ret)
{
	*put_hex(ret->id, id, 16) = '\0';
	ret->flags = FLAG_SAMPLED;
}
