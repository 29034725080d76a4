/*
 * W3C Trace Context: which trace a request belongs to, by its traceparent.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_TRACE_H
#define WEIR_HTTP_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "http/parse.h"

enum { TRACE_ID_LEN = 32, TRACE_PARENT_LEN = 55 };

struct trace {
	char id[TRACE_ID_LEN + 1]; /* hex */
	uint8_t flags;             /* of those that are known: 1, sampled */
};

/* By the letter: what is not well-formed is no traceparent. A version that is
 * not known yet is read as far as version 00 goes. */
must_check bool trace_parse(const char *text, size_t len, struct trace *ret);

/* The trace that a request's headers name; false: none, or several. */
must_check bool trace_find(const struct http_header *headers, size_t count, struct trace *ret);

/* A traceparent of `t` with the 8 bytes `parent` as its parent-id, which must
 * not all be zero. */
void trace_write(const struct trace *t, const uint8_t parent[8], char to[TRACE_PARENT_LEN + 1]);

/* A new trace out of 16 random bytes, sampled: nobody has decided against it. */
void trace_make(const uint8_t id[16], struct trace *ret);

#endif
