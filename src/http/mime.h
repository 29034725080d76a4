/*
 * Media types by the endings of file names, from a table in the form of
 * /etc/mime.types.
 *
 * Thread: boot and reload build; immutable afterwards, any thread looks up.
 */
#ifndef WEIR_HTTP_MIME_H
#define WEIR_HTTP_MIME_H

#include "base/arena.h"
#include "http/http.h"

struct mime_table; /* lives in the arena it was made in */

/* Lines of a type and the endings that stand for it; # begins a comment, lines
 * that name no type are passed over, of an ending that stands twice the last
 * counts. `text` NULL: a small table of the usual types. NULL when memory is
 * out. */
must_check struct mime_table *mime_new(const char *text, size_t len, struct arena *a);

/* The type of a file by its name, which may be a path; types of text are said
 * to be UTF-8. application/octet-stream when the ending is not known. */
const char *mime_find(const struct mime_table *t, const char *name);

#endif
