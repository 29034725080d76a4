/*
 * The little content negotiation the daemon itself needs, and its error
 * bodies (RFC 9457).
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_NEGOTIATE_H
#define WEIR_HTTP_NEGOTIATE_H

#include "base/arena.h"
#include "http/http.h"

/* Does an Accept header (NULL: none) prefer JSON to plain text? It must name
 * application/json, application/problem+json or all of application, at a
 * quality above that of plain text; on a tie what is named first wins. */
bool http_accepts_json(const char *accept);

/* Content codings that files may lie there in, and none. */
enum http_coding { HTTP_CODING_BR, HTTP_CODING_GZIP, HTTP_CODING_NONE, HTTP_CODING_COUNT };

/* The codings that an Accept-Encoding header (NULL: none) accepts, the best
 * first: by quality, on a tie in the order of the enum. HTTP_CODING_NONE ends
 * the list; it is there also when it is refused, as what is left then. */
void http_accepted_codings(const char *accept, enum http_coding ret[HTTP_CODING_COUNT]);

/* The media type without parameters is `type` (any case). */
bool http_type_is(const char *content_type, const char *type);

/* `text` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. In `a`;
 * NULL when memory is out. */
char *http_json_quote(struct arena *a, const char *text, size_t len);

/* The body of an error answer, with its media type: problem+json {type,
 * title, status, detail, request_id} or "404 Not Found\ndetail\n". `detail`
 * may be NULL. In `a`; NULL when memory is out. */
char *http_error_body(struct arena *a, bool json, int status, const char *detail,
		      const char *request_id, const char **ret_type);

#endif
