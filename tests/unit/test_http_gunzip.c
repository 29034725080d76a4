/*
 * http/gunzip: whatever comes in pieces of any size, and what is no gzip.
 *
 * Thread: one.
 */
#include "http/gunzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

struct text {
	char *at;
	size_t len, size;
	size_t most; /* the sink refuses more */
};

static int take(void *ctx, const char *data, size_t len)
{
	struct text *t = ctx;
	if (t->most && t->len + len > t->most)
		return 507;
	while (t->len + len > t->size) {
		t->size = t->size ? 2 * t->size : 65536;
		t->at = realloc(t->at, t->size);
		ck_assert_ptr_nonnull(t->at);
	}
	memcpy(t->at + t->len, data, len);
	t->len += len;
	return 0;
}

/* As gzip; malloc'd. */
static struct text pack(const char *data, size_t len)
{
	struct text t = { .at = malloc(len + 1024) };
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned)len };
	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_out = (unsigned char *)t.at;
	z.avail_out = (unsigned)len + 1024;
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	t.len = z.total_out;
	deflateEnd(&z);
	return t;
}

/* In pieces of `piece` bytes. */
static int unpack(const char *data, size_t len, size_t piece, uint64_t ratio, struct text *to)
{
	struct http_gunzip g;
	ck_assert_int_eq(http_gunzip_init(&g, ratio), 0);
	int rc = 0;
	for (size_t at = 0; rc == 0 && at < len; at += piece)
		rc = http_gunzip_feed(&g, data + at, len - at < piece ? len - at : piece, take, to);
	if (rc == 0)
		rc = http_gunzip_end(&g);
	http_gunzip_done(&g);
	return rc;
}

static void check(const char *data, size_t len, size_t piece, int rc, const char *wanted,
		  size_t wanted_len)
{
	struct text to = { .at = NULL };
	ck_assert_int_eq(unpack(data, len, piece, 100, &to), rc);
	if (rc == 0) {
		ck_assert_uint_eq(to.len, wanted_len);
		ck_assert(wanted_len == 0 || memcmp(to.at, wanted, wanted_len) == 0);
	}
	free(to.at);
}

static const char poem[] = "a rose is a rose is a rose is a rose";

START_TEST(a_text_comes_out_whatever_the_pieces_are)
{
	struct text packed = pack(poem, strlen(poem));
	for (size_t piece = 1; piece <= packed.len; piece++)
		check(packed.at, packed.len, piece, 0, poem, strlen(poem));
	free(packed.at);
	packed = pack("", 0);
	check(packed.at, packed.len, 1, 0, "", 0);
	free(packed.at);
}
END_TEST

START_TEST(what_ends_too_early_is_missed_at_every_byte)
{
	struct text packed = pack(poem, strlen(poem));
	for (size_t len = 0; len < packed.len; len++)
		check(packed.at, len, 7, 400, NULL, 0);
	free(packed.at);
}
END_TEST

START_TEST(members_in_a_row_are_one_text_and_rubbish_behind_is_none)
{
	struct text packed = pack(poem, strlen(poem));
	char both[512], texts[256];
	memcpy(both, packed.at, packed.len);
	memcpy(both + packed.len, packed.at, packed.len);
	snprintf(texts, sizeof(texts), "%s%s", poem, poem);
	for (size_t piece = 1; piece <= 2 * packed.len; piece++)
		check(both, 2 * packed.len, piece, 0, texts, strlen(texts));
	check(both, 2 * packed.len - 1, 9, 400, NULL, 0);
	both[packed.len] = 'x';
	check(both, packed.len + 1, 1, 400, NULL, 0);
	check(both, packed.len + 1, 999, 400, NULL, 0);
	both[packed.len] = '\0';
	check(both, packed.len + 1, 999, 400, NULL, 0);
	free(packed.at);
}
END_TEST

START_TEST(any_changed_byte_is_noticed)
{
	struct text packed = pack(poem, strlen(poem));
	for (size_t i = 0; i < packed.len; i++) {
		struct text to = { .at = NULL };
		packed.at[i] ^= 0x55;
		int rc = unpack(packed.at, packed.len, packed.len, 100, &to);
		packed.at[i] ^= 0x55;
		/* Time, flags and system in the head are nobody's business. */
		ck_assert(rc == 400 || (i >= 4 && i < 10 && to.len == strlen(poem)));
		free(to.at);
	}
	check("not gzip at all", 15, 15, 400, NULL, 0);
	free(packed.at);
}
END_TEST

START_TEST(a_bomb_is_stopped_early)
{
	enum { SIZE = 16 << 20 };
	char *zeros = calloc(1, SIZE);
	struct text packed = pack(zeros, SIZE), to = { .at = NULL };
	ck_assert_int_eq(unpack(packed.at, packed.len, 512, 100, &to), 413);
	ck_assert_uint_lt(to.len, 2 * HTTP_GUNZIP_FREE);
	free(to.at);
	to = (struct text){ .at = NULL };
	ck_assert_int_eq(unpack(packed.at, packed.len, packed.len, 1032, &to), 0);
	ck_assert_uint_eq(to.len, SIZE);
	free(to.at);
	free(packed.at);
	/* What is small may pack very well. */
	packed = pack(zeros, HTTP_GUNZIP_FREE);
	check(packed.at, packed.len, 64, 0, zeros, HTTP_GUNZIP_FREE);
	free(packed.at);
	free(zeros);
}
END_TEST

START_TEST(what_the_sink_says_ends_it)
{
	struct text packed = pack(poem, strlen(poem)), to = { .most = 3 };
	ck_assert_int_eq(unpack(packed.at, packed.len, packed.len, 100, &to), 507);
	ck_assert_uint_eq(to.len, 0);
	free(packed.at);
}
END_TEST

UNIT_MAIN("gunzip", a_text_comes_out_whatever_the_pieces_are,
	  what_ends_too_early_is_missed_at_every_byte,
	  members_in_a_row_are_one_text_and_rubbish_behind_is_none, any_changed_byte_is_noticed,
	  a_bomb_is_stopped_early, what_the_sink_says_ends_it)
