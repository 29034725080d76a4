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
#include "http/range.h"

/* What is there to be sent. */
struct http_entity {
	uint64_t length;
	const char *etag; /* with quotes, W/ allowed */
	time_t modified;
};

/*
 * Evaluates If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since,
 * then Range with If-Range, in the RFC's order, for GET and HEAD. Returns 200
 * (all of it), 206 (*ret_ranges), 304, 412 or 416. A Range that does not count
 * (http/range.h) is ignored: 200.
 */
int http_cond_evaluate(const struct http_head *head, const struct http_entity *entity,
		       struct http_ranges *ret_ranges);

#endif
