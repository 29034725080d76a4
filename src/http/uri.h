/*
 * Paths and queries of request targets (RFC 3986).
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_URI_H
#define WEIR_HTTP_URI_H

#include "http/http.h"

/*
 * The one normalisation, done before routing: percent-decoding of everything
 * but %2F and %25, then removal of "." and ".." segments (also when they came
 * encoded). Those two stay, written so: a decoded slash would make a new
 * segment, and with the percent sign kept nothing decodes twice. Writes at
 * most `len` bytes and a NUL to `to`, which may be `raw` itself. Returns the
 * length, or -400: bad percent escape, an encoded NUL or control character,
 * ".." above the root, not beginning with '/'.
 */
must_check long http_path_normalize(const char *raw, size_t len, char *to);

/* Percent-decodes; with `plus` a '+' is a space (forms, queries). `to` needs
 * `len` + 1 bytes and may be `raw`. Returns the length, or -400 for a bad
 * escape or an encoded NUL. */
must_check long http_percent_decode(const char *raw, size_t len, bool plus, char *to);

/* Would it be decoded to `text`, resp. at all? */
bool http_percent_is(const char *raw, size_t len, bool plus, const char *text);
bool http_percent_is_good(const char *raw, size_t len);

/* Walks name=value pairs between '&'; raw, not decoded; value.at NULL when
 * there was no '='. False at the end. Start with *pos 0. */
bool http_pair_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
		    struct http_span *ret_value);

#endif
