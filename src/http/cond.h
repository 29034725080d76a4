/*
 * Conditions and ranges of a request for something that has a length, an
 * entity tag and a date (RFC 9110 sections 13 and 14): what to send.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_COND_H
#define WEIR_HTTP_COND_H

#include <time.h>

#include "http/parse.h"

/* What is there to be sent. */
struct http_entity {
	uint64_t length;
	const char *etag; /* with quotes, W/ allowed */
	time_t modified;
};

struct http_range {
	uint64_t first; /* offset of the first byte */
	uint64_t length;
};

/*
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since,
 * then Range with If-Range, in the RFC's order, for GET and HEAD. Returns 200
 * (all of it), 206 (*ret_range), 304, 412 or 416. Several ranges, unknown
 * units and malformed ones are ignored: 200.
 */
int http_cond_evaluate(const struct http_head *head, const struct http_entity *entity,
		       struct http_range *ret_range);

#endif
