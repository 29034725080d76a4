/*
 * Unpacking gzip within bounds.
 *
 * Thread: any.
 */
#include "http/gunzip.h"

#include <errno.h>
#include <limits.h>

enum {
	BLOCK = 16 * 1024,
	WINDOW_BITS = 15 + 16, /* the largest there is, and gzip around it */
	HTTP_BAD = 400,
	HTTP_TOO_LARGE = 413,
	HTTP_FAILED = 500,
};

int http_gunzip_init(struct http_gunzip *g, uint64_t ratio_max)
{
	*g = (struct http_gunzip){ .ratio_max = ratio_max };
	return inflateInit2(&g->z, WINDOW_BITS) == Z_OK ? 0 : -ENOMEM;
}

void http_gunzip_done(struct http_gunzip *g)
{
	inflateEnd(&g->z);
}

static bool grows_too_much(struct http_gunzip *g)
{
	uint64_t in = g->in - g->z.avail_in;
	g->is_bomb = g->out > HTTP_GUNZIP_FREE && g->out / g->ratio_max > in;
	return g->is_bomb;
}

/* One step; *ret_more: it may have more to give. */
static int step(struct http_gunzip *g, http_gunzip_sink *sink, void *ctx, bool *ret_more)
{
	char block[BLOCK];
	g->z.next_out = (unsigned char *)block;
	g->z.avail_out = BLOCK;
	int rc = inflate(&g->z, Z_NO_FLUSH);
	size_t len = BLOCK - g->z.avail_out;
	g->out += len;
	*ret_more = g->z.avail_in > 0 || g->z.avail_out == 0;
	if (rc == Z_MEM_ERROR)
		return HTTP_FAILED;
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return HTTP_BAD;
	if (grows_too_much(g))
		return HTTP_TOO_LARGE;
	if (rc == Z_STREAM_END) {
		g->is_inside = false;
		*ret_more = g->z.avail_in > 0;
		if (inflateReset(&g->z) != Z_OK)
			return HTTP_FAILED;
	}
	return len > 0 ? sink(ctx, block, len) : 0;
}

int http_gunzip_feed(struct http_gunzip *g, const char *data, size_t len, http_gunzip_sink *sink,
		     void *ctx)
{
	int rc = 0;
	while (rc == 0 && len > 0) {
		size_t piece = len < UINT_MAX ? len : UINT_MAX;
		bool more = true;
		g->z.next_in = (unsigned char *)(uintptr_t)data;
		g->z.avail_in = (unsigned)piece;
		g->in += piece;
		while (rc == 0 && more) {
			g->is_inside = g->is_inside || g->z.avail_in > 0;
			rc = step(g, sink, ctx, &more);
		}
		data += piece;
		len -= piece;
	}
	return rc;
}

int http_gunzip_end(const struct http_gunzip *g)
{
	return g->is_inside || g->in == 0 ? HTTP_BAD : 0;
}
