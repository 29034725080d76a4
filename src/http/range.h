/*
 * The Range header (RFC 9110 section 14): which parts of something whose
 * length is known are asked for.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_RANGE_H
#define WEIR_HTTP_RANGE_H

#include "http/http.h"

enum {
	HTTP_RANGES_MAX = 16, /* parts of one answer */
	/* Ranges nearer to each other than this are sent as one: the head of a
	 * part would take more. */
	HTTP_RANGE_GAP = 128,
};

struct http_range {
	uint64_t first; /* offset of the first byte */
	uint64_t length;
};

/* Parts in the order in which they were asked for; no byte is in two of them. */
struct http_ranges {
	struct http_range list[HTTP_RANGES_MAX];
	size_t count;
};

/*
 * Reads the value of a Range header for something of `length` bytes. 206: the
 * parts are in *ret, at least one. 416: none of those asked for is there. 200:
 * the header does not count: it has another unit, is malformed, or asks for
 * more than HTTP_RANGES_MAX parts after those that overlap or nearly touch
 * were joined. *ret is untouched but for 206.
 */
int http_range_read(const char *value, size_t len, uint64_t length, struct http_ranges *ret);

#endif
