/*
 * What clients put into headers and bodies as lists of named values: cookies
 * and multipart/form-data. (urlencoded pairs: http_pair_next in uri.h.)
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_FORM_H
#define WEIR_HTTP_FORM_H

#include "http/http.h"

/* Walks the cookies of one Cookie header value; DQUOTEs around a value are
 * taken off. False at the end. Start with *pos 0. */
bool http_cookie_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
		      struct http_span *ret_value);

/* May a server set this (RFC 6265 4.1.1)? */
bool http_cookie_is_valid(const char *name, const char *value);

/* The value of one parameter of a header value such as Content-Type
 * ("boundary"), unquoted into `to` (needs len + 1 bytes). Returns its length,
 * or -1 when absent or malformed. */
long http_parameter(const char *text, size_t len, const char *name, char *to);

struct http_part {
	struct http_span name;      /* raw field name, quotes taken off */
	struct http_span file_name; /* at NULL: none */
	struct http_span type;      /* at NULL: none */
	struct http_span data;
};

/* The next part of a multipart/form-data body held in one block. Start with
 * *pos 0. Returns 1, 0 behind the last part, or -400 when the body is not
 * well-formed (RFC 7578, RFC 2046), a part has no name, or its headers exceed
 * 4 KiB. */
must_check int http_part_next(const char *body, size_t len, const char *boundary, size_t *pos,
			      struct http_part *ret_part);

#endif
