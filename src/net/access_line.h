/*
 * What the access log says of one request, in one line of bounded length. What
 * clients sent is masked: no control character, no byte that is no text, and
 * no quote of theirs ends a field.
 *
 * Thread: the loop that has the request.
 */
#ifndef WEIR_NET_ACCESS_LINE_H
#define WEIR_NET_ACCESS_LINE_H

#include "net/access.h"

enum { ACCESS_LINE_MAX = 8192 };

/* Writes the line with its newline; returns its length. A field that is too long
 * is cut and ends with "...". */
size_t access_line(enum access_format format, const struct request *req, int64_t now,
		   char to[ACCESS_LINE_MAX]);

/* What became of it, in one word; *ret_reason is why it was rejected, else NULL. */
const char *access_outcome(const struct request *req, const char **ret_reason);

#endif
