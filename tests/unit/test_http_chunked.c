/*
 * http/chunked: each row is decoded in one piece, in two pieces cut at every
 * byte, and byte by byte, with the same result.
 *
 * Thread: one.
 */
#include "http/chunked.h"

#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

#define TEXT(literal) literal, sizeof(literal) - 1

struct row {
	const char *text;
	size_t len;
	int rc;
	const char *body; /* of what is not refused */
	size_t used;      /* of what is complete */
};

/* What comes behind the body is not taken. */
#define WHOLE(text, body) \
	{ \
		TEXT(text "GET / HTTP/1.1\r\n"), 1, body, sizeof(text) - 1 \
	}
#define PART(text, body) \
	{ \
		TEXT(text), 0, body, sizeof(text) - 1 \
	}
#define BAD(text) \
	{ \
		TEXT(text), -400, NULL, 0 \
	}

struct decoded {
	struct http_chunked state;
	int rc;
	size_t used;
	size_t body_len;
	char *body;
};

static void decode_piece(struct decoded *d, const char *text, size_t len)
{
	struct guard g;
	char *piece = guard_put(&g, text, len);
	size_t body = 12345, used = 12345;
	d->rc = http_chunked_decode(&d->state, piece, len, &body, &used);
	if (d->rc < 0) {
		ck_assert_msg(body == 12345 && used == 12345, "results touched on failure");
	} else {
		ck_assert(used <= len && body <= used && (used == len || d->rc == 1));
		memcpy(d->body + d->body_len, piece, body);
		d->body_len += body;
		d->used += used;
	}
	guard_close(&g);
}

/* The first piece is `first` bytes long, all others `others`. */
static struct decoded decode(const char *text, size_t len, size_t first, size_t others)
{
	struct decoded d = { .body = malloc(len + 1) };
	http_chunked_init(&d.state);
	for (size_t at = 0, n = first; at < len && d.rc == 0; at += n, n = others)
		decode_piece(&d, text + at, n < len - at ? n : len - at);
	return d;
}

static void check(const struct row *r, size_t first, size_t others)
{
	struct decoded d = decode(r->text, r->len, first, others);
	ck_assert_msg(d.rc == r->rc, "'%s' cut at %zu: %d", r->text, first, d.rc);
	if (d.rc >= 0) {
		ck_assert_msg(d.body_len == strlen(r->body) &&
				      memcmp(d.body, r->body, d.body_len) == 0,
			      "'%s' cut at %zu: '%.*s'", r->text, first, (int)d.body_len, d.body);
		ck_assert_msg(d.used == r->used, "'%s' cut at %zu: used %zu", r->text, first,
			      d.used);
	}
	free(d.body);
}

static void check_rows(const struct row *rows, size_t count)
{
	for (const struct row *r = rows; r < rows + count; r++) {
		for (size_t cut = 1; cut <= r->len; cut++)
			check(r, cut, r->len);
		check(r, 1, 1);
		check(r, 2, 3);
	}
}

START_TEST(bodies_are_put_together)
{
	static const struct row rows[] = {
		WHOLE("0\r\n\r\n", ""),
		WHOLE("00000\r\n\r\n", ""),
		WHOLE("0000000000000000\r\n\r\n", ""),
		WHOLE("1\r\na\r\n0\r\n\r\n", "a"),
		WHOLE("5\r\nhello\r\n0\r\n\r\n", "hello"),
		WHOLE("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
		WHOLE("a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
		WHOLE("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
		WHOLE("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
		WHOLE("1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
		      "abcdefghijklmnopqrstuvwxyz"),
		WHOLE("7\r\n0\r\n\r\nab\r\n0\r\n\r\n", "0\r\n\r\nab"),
		WHOLE("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
		WHOLE("1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n", "abc"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(extensions_are_passed_over)
{
	static const struct row rows[] = {
		WHOLE("1;a\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;a=b\r\nx\r\n0;c=d\r\n\r\n", "x"),
		WHOLE("1;a=b;c\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1; a = b\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;a=\"b;c\"\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;a=\"\\\"\"\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;a=\"\\\\\"\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;a=\"\t\xff\"\r\nx\r\n0\r\n\r\n", "x"),
		WHOLE("1;\r\nx\r\n0;\r\n\r\n", "x"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(trailers_are_passed_over)
{
	static const struct row rows[] = {
		WHOLE("0\r\nA: b\r\n\r\n", ""),
		WHOLE("0\r\nA:\r\n\r\n", ""),
		WHOLE("0\r\nA:b\r\nC-D: e f\t\r\n\r\n", ""),
		WHOLE("1\r\nx\r\n0\r\nContent-Length: 5\r\n\r\n", "x"),
		WHOLE("1\r\nx\r\n0;e\r\nA: \xff:\"\r\n\r\n", "x"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(what_has_come_is_given_out)
{
	static const struct row rows[] = {
		PART("", ""),
		PART("5", ""),
		PART("5\r", ""),
		PART("5\r\n", ""),
		PART("5;a", ""),
		PART("5\r\nhel", "hel"),
		PART("5\r\nhello", "hello"),
		PART("5\r\nhello\r", "hello"),
		PART("5\r\nhello\r\n", "hello"),
		PART("5\r\nhello\r\n0", "hello"),
		PART("5\r\nhello\r\n0\r\n", "hello"),
		PART("5\r\nhello\r\n0\r\n\r", "hello"),
		PART("5\r\nhello\r\n0\r\nA: b\r\n", "hello"),
		PART("ffffffffffffffff\r\nabc", "abc"),
		PART("7fffffffffffffff\r\nabc", "abc"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(sizes_are_plain_hexadecimal)
{
	static const struct row rows[] = {
		BAD("\r\n"),
		BAD(" 1\r\nx\r\n"),
		BAD("1 \r\nx\r\n"),
		BAD("1\t\r\nx\r\n"),
		BAD("1 ;a\r\nx\r\n"),
		BAD("+1\r\nx\r\n"),
		BAD("-1\r\nx\r\n"),
		BAD("0x1\r\nx\r\n"),
		BAD("1h\r\nx\r\n"),
		BAD("g\r\n"),
		BAD("G\r\n"),
		BAD("1_0\r\n"),
		BAD("1,0\r\n"),
		BAD("1.\r\n"),
		BAD(";a\r\n"),
		BAD("\0"),
		BAD("1\0\r\nx"),
		BAD("00000000000000001\r\nx"),
		BAD("10000000000000000\r\nx"),
		BAD("fffffffffffffffff\r\nx"),
		BAD("\xef\xbc\x91\r\nx"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(lines_end_with_crlf)
{
	static const struct row rows[] = {
		BAD("1\nx\r\n"),
		BAD("1\r\rx"),
		BAD("1\rx"),
		BAD("1\r\nx\n"),
		BAD("1\r\nx\r\r"),
		BAD("1\r\nxx\r\n"),
		BAD("1\r\nx0\r\n\r\n"),
		BAD("2\r\nx\r\n0\r\n\r\n"),
		BAD("1\r\nx\r\n\r\n0\r\n"),
		BAD("0\r\n\n"),
		BAD("0\n\n"),
		BAD("0\r\n\rx"),
		BAD("0\r\n\r\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(bad_extensions_and_trailers_are_refused)
{
	static const struct row rows[] = {
		BAD("1;a\nx\r\n"),
		BAD("1;a\rx"),
		BAD("1;a\0\r\n"),
		BAD("1;\x01\r\n"),
		BAD("1;a\x7f\r\n"),
		BAD("1;a=\"b\r\nx\r\n0\r\n\r\n"),
		BAD("1;a=\"b\n\"\r\n"),
		BAD("1;a=\"\\\r\n"),
		BAD("0\r\n: b\r\n\r\n"),
		BAD("0\r\nA\r\n\r\n"),
		BAD("0\r\nA b\r\n\r\n"),
		BAD("0\r\nA : b\r\n\r\n"),
		BAD("0\r\n A: b\r\n\r\n"),
		BAD("0\r\nA: b\r\n c\r\n\r\n"),
		BAD("0\r\nA: b\n\r\n"),
		BAD("0\r\nA: b\rc\r\n\r\n"),
		BAD("0\r\nA: \0\r\n\r\n"),
		BAD("0\r\nA: \x1f\r\n\r\n"),
		BAD("0\r\n\xff: b\r\n\r\n"),
		BAD("0\r\nGET / HTTP/1.1\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

/* `count` times `unit`, between two texts; to be freed. */
static char *repeat(const char *before, const char *unit, size_t count, const char *after)
{
	size_t n = strlen(before), each = strlen(unit);
	char *text = malloc(n + each * count + strlen(after) + 1);
	memcpy(text, before, n);
	for (size_t i = 0; i < count; i++, n += each)
		memcpy(text + n, unit, each);
	strcpy(text + n, after);
	return text;
}

static void check_repeated(const char *before, const char *unit, size_t count, const char *after,
			   int rc, size_t body_len)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 100, 4096, 1000000 };
	char *text = repeat(before, unit, count, after);
	for (size_t i = 0; i < array_len(pieces); i++) {
		struct decoded d = decode(text, strlen(text), pieces[i], pieces[i]);
		ck_assert_msg(d.rc == rc, "%.20s in pieces of %zu: %d", text, pieces[i], d.rc);
		if (rc == 1)
			ck_assert_uint_eq(d.body_len, body_len);
		free(d.body);
	}
	free(text);
}

START_TEST(thousands_of_chunks_are_fine)
{
	check_repeated("", "1\r\nx\r\n", 5000, "0\r\n\r\n", 1, 5000);
	check_repeated("", "00000002\r\nxy\r\n", 2000, "0\r\n\r\n", 1, 4000);
}
END_TEST

START_TEST(extensions_and_trailers_share_a_bound)
{
	check_repeated("1;", "e", 8000, "\r\nx\r\n0\r\n\r\n", 1, 1);
	check_repeated("1;", "e", 8192, "\r\nx\r\n0\r\n\r\n", -431, 0);
	check_repeated("1;a=\"", "e", 9000, "\"\r\nx\r\n0\r\n\r\n", -431, 0);
	check_repeated("", "1;1234567\r\nx\r\n", 1000, "0\r\n\r\n", 1, 1000);
	check_repeated("", "1;1234567\r\nx\r\n", 1100, "0\r\n\r\n", -431, 0);
	check_repeated("0\r\n", "A: bc\r\n", 1100, "\r\n", 1, 0);
	check_repeated("0\r\n", "A: bc\r\n", 1200, "\r\n", -431, 0);
	check_repeated("0\r\nA: ", "b", 9000, "\r\n\r\n", -431, 0);
	check_repeated("0\r\n", "A", 9000, "", -431, 0);
	char *half = repeat("1;", "e", 5000, "\r\nx\r\n0\r\nA: ");
	check_repeated(half, "b", 3000, "\r\n\r\n", 1, 1);
	check_repeated(half, "b", 5000, "\r\n\r\n", -431, 0);
	free(half);
}
END_TEST

START_TEST(nothing_is_taken_behind_the_end)
{
	struct http_chunked c;
	char text[] = "0\r\n\r\n0\r\n\r\n";
	size_t body, used;
	http_chunked_init(&c);
	ck_assert_int_eq(http_chunked_decode(&c, text, sizeof(text) - 1, &body, &used), 1);
	ck_assert_uint_eq(used, 5);
	ck_assert_int_eq(http_chunked_decode(&c, text + 5, 5, &body, &used), 1);
	ck_assert_uint_eq(used, 0);
	ck_assert_uint_eq(body, 0);
}
END_TEST

UNIT_MAIN("chunked", bodies_are_put_together, extensions_are_passed_over, trailers_are_passed_over,
	  what_has_come_is_given_out, sizes_are_plain_hexadecimal, lines_end_with_crlf,
	  bad_extensions_and_trailers_are_refused, thousands_of_chunks_are_fine,
	  extensions_and_trailers_share_a_bound, nothing_is_taken_behind_the_end)
