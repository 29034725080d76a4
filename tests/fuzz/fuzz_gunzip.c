/*
 * Fuzz driver of http/gunzip: the bytes whole and in pieces must come to the same,
 * and nothing grows beyond its bound.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/gunzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4 << 20 };

struct sum {
	uint64_t len, hash;
};

static int take(void *ctx, const char *data, size_t len)
{
	struct sum *s = ctx;
	for (size_t i = 0; i < len; i++)
		s->hash = s->hash * 31 + (unsigned char)data[i];
	s->len += len;
	return s->len > MOST ? 413 : 0;
}

static int run(const uint8_t *data, size_t size, size_t piece, struct sum *ret)
{
	struct http_gunzip g;
	*ret = (struct sum){ 0, 0 };
	if (http_gunzip_init(&g, 100) < 0)
		return -1;
	int rc = 0;
	for (size_t at = 0; rc == 0 && at < size; at += piece)
		rc = http_gunzip_feed(&g, (const char *)data + at,
				      size - at < piece ? size - at : piece, take, ret);
	if (rc == 0)
		rc = http_gunzip_end(&g);
	http_gunzip_done(&g);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole, pieces;
	int rc = run(data, size, size ? size : 1, &whole);
	int other = run(data, size, size > 4096 ? 997 : 3, &pieces);
	must(rc == 0 || rc == 400 || rc == 413);
	/* How soon a bound is seen depends on the pieces. */
	if (rc == 413 || other == 413)
		return 0;
	must(rc == other);
	must(rc != 0 || (whole.len == pieces.len && whole.hash == pieces.hash));
	return 0;
}
