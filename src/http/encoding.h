/*
 * Content codings of requests and answers: what a header says of them.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_ENCODING_H
#define WEIR_HTTP_ENCODING_H

#include <stdbool.h>

#include "base/arena.h"
#include "http/parse.h"

/* What the Content-Encoding of a request says, all its lines together. */
enum http_packing {
	HTTP_PACKING_NONE, /* nothing, or identity */
	HTTP_PACKING_GZIP, /* gzip or x-gzip, and nothing else */
	HTTP_PACKING_OTHER,
};
enum http_packing http_packing(const struct http_head *head);

/* Does an Accept-Encoding (NULL: none) prefer gzip to the plain text? */
bool http_prefers_gzip(const char *accept);

/* Does a comma-separated header value (NULL: none) have that word, any case,
 * parameters aside? */
bool http_list_has(const char *value, const char *word);

/* The value of Vary with `name` in it, in `a`; `value` itself when it is there
 * already. NULL when memory is out. */
const char *http_vary_add(const char *value, const char *name, struct arena *a);

/* Does a media type (parameters aside) match one of the patterns, which have spaces
 * between them: all of it ("text/html"), or all of a kind ("text" with slash and
 * star behind)? */
bool http_type_matches(const char *type, const char *patterns);

#endif
