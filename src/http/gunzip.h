/*
 * Unpacking gzip, piece by piece and within bounds, by zlib: what comes out is
 * handed on in blocks.
 *
 * Thread: any; no state but the struct.
 */
#ifndef WEIR_HTTP_GUNZIP_H
#define WEIR_HTTP_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "base/assert.h"

/* Small things may pack very well; only from here on the ratio counts. */
enum { HTTP_GUNZIP_FREE = 1 << 20 };

struct http_gunzip {
	z_stream z;
	uint64_t in, out;   /* bytes so far */
	uint64_t ratio_max; /* out to in */
	bool is_inside;     /* a member has begun and not ended */
	bool is_bomb;       /* why 413 */
};

/* Takes what came out. 0, or an HTTP status that ends it. */
typedef int http_gunzip_sink(void *ctx, const char *data, size_t len);

/* -ENOMEM. Else http_gunzip_done must follow. */
must_check int http_gunzip_init(struct http_gunzip *g, uint64_t ratio_max);

/* 0; 400: this is no gzip; 413: it grows by more than ratio_max; 500: no memory; or
 * what the sink said. Several members in a row are one text. */
must_check int http_gunzip_feed(struct http_gunzip *g, const char *data, size_t len,
				http_gunzip_sink *sink, void *ctx);

/* Behind the last piece: 0, or 400 when something is missing. */
must_check int http_gunzip_end(const struct http_gunzip *g);

void http_gunzip_done(struct http_gunzip *g);

#endif
