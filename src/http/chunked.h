/*
 * The chunked transfer coding, decoded incrementally and in place.
 *
 * Thread: any; state belongs to the caller.
 */
#ifndef WEIR_HTTP_CHUNKED_H
#define WEIR_HTTP_CHUNKED_H

#include "http/http.h"

struct http_chunked {
	int state;       /* private */
	int digits;      /* of the chunk's size so far, bounded */
	uint64_t left;   /* of the chunk's data */
	size_t overhead; /* bytes of extensions and trailers so far, bounded */
};

void http_chunked_init(struct http_chunked *c);

/* Bytes that the chunk under way will still bring; 0 while its size is read. */
uint64_t http_chunked_announced(const struct http_chunked *c);

/*
 * Decodes buf[0, len): body bytes are moved together to its start, *ret_body
 * says how many; *ret_used says how many bytes of input were taken (all of
 * them, unless the body ended before). Returns 1 when the body and its
 * trailers are complete, 0 when more must come, -400 for bad framing, -431
 * when extensions or trailers exceed 8 KiB in all. Trailers are checked and
 * dropped, never merged into headers.
 */
must_check int http_chunked_decode(struct http_chunked *c, char *buf, size_t len, size_t *ret_body,
				   size_t *ret_used);

#endif
