/*
 * The words of HTTP that every file of this folder shares: methods, versions,
 * status texts.
 *
 * Thread: any; pure functions and constants.
 */
#ifndef WEIR_HTTP_HTTP_H
#define WEIR_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

#define HTTP_METHODS(X) \
	X(GET) X(HEAD) X(POST) X(PUT) X(PATCH) X(DELETE) X(OPTIONS) X(TRACE) X(CONNECT)

#define HTTP_METHOD_INDEX(name) HTTP_##name,
enum http_method {
	HTTP_METHODS(HTTP_METHOD_INDEX) HTTP_METHOD_COUNT,
	HTTP_OTHER = HTTP_METHOD_COUNT
};
#undef HTTP_METHOD_INDEX

#define HTTP_BIT(method) (1U << (method))

/* Those a route may name; "*" stands for all of them. */
#define HTTP_ROUTABLE \
	(HTTP_BIT(HTTP_GET) | HTTP_BIT(HTTP_HEAD) | HTTP_BIT(HTTP_POST) | HTTP_BIT(HTTP_PUT) | \
	 HTTP_BIT(HTTP_PATCH) | HTTP_BIT(HTTP_DELETE) | HTTP_BIT(HTTP_OPTIONS))

/* HTTP_OTHER for a token that is none of ours (501). Case matters. */
enum http_method http_method_find(const char *name, size_t len);
const char *http_method_name(enum http_method method);

/* "GET,POST" or "*" → bits of HTTP_ROUTABLE; 0 when a word is none of them. */
unsigned http_methods_parse(const char *text);

/* Bits → "GET, HEAD, POST" for Allow; `size` 64 holds all. Returns `to`. */
char *http_methods_text(unsigned methods, char *to, size_t size);

/* "Not Found"; "" for a status the registry does not know. */
const char *http_status_text(int status);

/* 1xx, 204, 205 and 304 never have a body. */
static inline bool http_status_has_body(int status)
{
	return status >= 200 && status != 204 && status != 205 && status != 304;
}

/* RFC 9110 character classes. */
size_t http_token_len(const char *text, size_t len);    /* how much of it is tchar */
bool http_is_token(const char *text, size_t len);       /* one or more tchar */
bool http_is_field_value(const char *text, size_t len); /* no control but tab; may be empty */

/* Of RFC 3986: how much of it is a host's name without escapes; can it be a target? */
size_t http_plain_name_len(const char *text, size_t len);
bool http_is_target_text(const char *text, size_t len);

/* A run of bytes inside a larger text. */
struct http_span {
	const char *at;
	size_t len;
};

/* Case-insensitive equality with a NUL-terminated word. */
bool http_span_is(struct http_span s, const char *word);

/* Walks the members of a comma-separated list, trimmed, quoted strings
 * respected, empty ones passed over. False at the end. Start with *pos 0. */
bool http_list_next(const char *text, size_t len, size_t *pos, struct http_span *ret_member);

#endif
