/*
 * What clients put into headers as lists of named values: cookies and
 * parameters. (urlencoded pairs: http_pair_next in uri.h; multipart/form-data:
 * multipart.h.)
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

/*
 * Walks the parameters of a header value, behind its first ';'; raw: quotes
 * stay out, escapes stay in. ret_value->at is NULL where there is no '='. Empty
 * ones are passed over. 1, 0 at the end, or -400: a quote is not closed, or
 * something stands behind one. Start with *pos 0.
 */
must_check int http_parameter_next(const char *text, size_t len, size_t *pos,
				   struct http_span *ret_name, struct http_span *ret_value);

/* Is that what stands before the first ';' (any case)? */
bool http_type_span_is(struct http_span value, const char *type);

/* Without spaces and tabs at both ends. */
struct http_span http_trim(struct http_span s);

#endif
