/*
 * http/multipart: bodies whole, cut at every byte and byte by byte; what is
 * refused; the bounds.
 *
 * Thread: one.
 */
#include "http/multipart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

#define TEXT(literal) literal, sizeof(literal) - 1
#define FIELD "Content-Disposition: form-data; "

struct parts {
	const char *body;
	size_t len;
	int rc;           /* of the last call */
	const char *seen; /* each part as [name|file name|type|data], '-' for none */
};

#define GOOD(body, seen) \
	{ \
		TEXT(body), 0, seen \
	}
#define BAD(body, seen) \
	{ \
		TEXT(body), -400, seen \
	}
/* One part with these headers. */
#define HEADERS(headers) "--b\r\n" headers "\r\n\r\nx\r\n--b--\r\n"

/* What is seen of a body that comes in pieces. */
struct seen {
	struct http_multipart m;
	char text[2000]; /* an open part has no ']' */
	size_t len;
	size_t parts;
	int rc; /* 1: the end has not come */
};

static void put(struct seen *s, const char *before, struct http_span text)
{
	ck_assert_uint_lt(s->len + text.len + 10, sizeof(s->text));
	s->len += (size_t)sprintf(s->text + s->len, "%s%.*s", before, text.at ? (int)text.len : 1,
				  text.at ? text.at : "-");
}

static void begin(struct seen *s, const char *boundary)
{
	s->text[0] = '\0';
	s->len = s->parts = 0;
	s->rc = http_multipart_init(&s->m, boundary, strlen(boundary));
	if (s->rc == 0)
		s->rc = 1;
}

static void see(struct seen *s, int event)
{
	if (event == MULTIPART_PART) {
		put(s, "[", s->m.name);
		put(s, "|", s->m.file_name);
		put(s, "|", s->m.type);
		put(s, "|", (struct http_span){ "", 0 });
	} else if (event == MULTIPART_DATA) {
		ck_assert_uint_gt(s->m.data.len, 0);
		put(s, "", s->m.data);
	} else if (event == MULTIPART_PART_END) {
		put(s, "]", (struct http_span){ "", 0 });
		s->parts++;
	} else if (event == MULTIPART_END) {
		ck_assert(http_multipart_is_whole(&s->m));
		s->rc = 0;
	}
}

static void feed(struct seen *s, const char *data, size_t len)
{
	struct guard g;
	const char *at = guard_put(&g, data, len);
	size_t pos = 0;
	while (pos < len && s->rc >= 0) {
		size_t before = pos;
		int event = http_multipart_next(&s->m, at, len, &pos);
		ck_assert(pos >= before && pos <= len);
		if (event < 0)
			s->rc = event;
		else
			see(s, event);
	}
	guard_close(&g);
}

/* The end of the body has come; an open part is shown no more. */
static void finish(struct seen *s)
{
	if (s->rc == 1)
		s->rc = -400;
	ck_assert(s->rc < 0 || http_multipart_is_whole(&s->m));
	char *open = strrchr(s->text, '[');
	if (s->rc < 0 && open && s->text[s->len - 1] != ']')
		*open = '\0';
}

/* Each body whole, in two pieces cut anywhere, and byte by byte. */
static void check_parts(const struct parts *rows, size_t count)
{
	struct seen s;
	for (const struct parts *r = rows; r < rows + count; r++) {
		for (size_t cut = 0; cut <= r->len + 1; cut++) {
			begin(&s, "b");
			if (cut <= r->len) {
				feed(&s, r->body, cut);
				feed(&s, r->body + cut, r->len - cut);
			}
			for (size_t i = 0; cut > r->len && i < r->len; i++)
				feed(&s, r->body + i, 1);
			finish(&s);
			ck_assert_msg(s.rc == r->rc, "'%s' cut at %zu: %d", r->body, cut, s.rc);
			ck_assert_str_eq(s.text, r->seen);
		}
	}
}

START_TEST(parts_are_walked)
{
	static const struct parts rows[] = {
		GOOD(HEADERS(FIELD "name=\"a\""), "[a|-|-|x]"),
		GOOD(HEADERS("content-disposition:FORM-DATA;NAME=a"), "[a|-|-|x]"),
		GOOD(HEADERS(FIELD "name=\"a\"; filename=\"f.txt\"\r\nContent-Type: text/plain"),
		     "[a|f.txt|text/plain|x]"),
		GOOD(HEADERS("Content-Type: a/b\r\nX-Other: 1\r\n" FIELD "name=a"), "[a|-|a/b|x]"),
		GOOD(HEADERS(FIELD "filename=f; name=a"), "[a|f|-|x]"),
		GOOD(HEADERS(FIELD "filename=\"; name=z\"; name=a"), "[a|; name=z|-|x]"),
		GOOD(HEADERS(FIELD "name=\"\""), "[|-|-|x]"),
		GOOD(HEADERS(FIELD "name=\"a b;c\"; filename=\"\""), "[a b;c||-|x]"),
		GOOD(HEADERS(FIELD "name=\"a%22\\\"b\""), "[a%22\\\"b|-|-|x]"),
		GOOD(HEADERS(FIELD "name=\"\xc3\xa9\""), "[\xc3\xa9|-|-|x]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b\r\n" FIELD "name=b\r\n\r\n2\r\n--b--",
		     "[a|-|-|1][b|-|-|2]"),
		GOOD("--b \t\r\n" FIELD "name=a\r\n\r\n1\r\n--b--", "[a|-|-|1]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n\r\n--b--", "[a|-|-|]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n--b--", "[a|-|-|]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n\r\n\r\n--b--", "[a|-|-|\r\n]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n\r\r\n-\r\n--\r\n--c\r\n--b--",
		     "[a|-|-|\r\r\n-\r\n--\r\n--c]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n--\r\n--b--", "[a|-|-|--]"),
		GOOD("\r\n--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b--", "[a|-|-|1]"),
		GOOD("preamble --b\r\n--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b--", "[a|-|-|1]"),
		GOOD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b--\r\nepilogue\r\n--b\r\n",
		     "[a|-|-|1]"),
		GOOD("--b--", ""),
		GOOD("--b--\r\n", ""),
	};
	check_parts(rows, array_len(rows));
}
END_TEST

START_TEST(malformed_bodies_are_refused)
{
	static const struct parts rows[] = {
		BAD("", ""),
		BAD("x", ""),
		BAD("-", ""),
		BAD("--", ""),
		BAD("--b", ""),
		BAD("--b-", ""),
		BAD("--b\r", ""),
		BAD("--b\r\n", ""),
		BAD("--c\r\n" FIELD "name=a\r\n\r\n1\r\n--c--", ""),
		BAD("--b\n" FIELD "name=a\n\n1\n--b--", ""),
		BAD("--bx\r\n" FIELD "name=a\r\n\r\n1\r\n--bx--", ""),
		BAD("--b\r\n\r\n1\r\n--b--", ""),
		BAD(HEADERS("Content-Type: a/b"), ""),
		BAD(HEADERS(FIELD "filename=f"), ""),
		BAD(HEADERS(FIELD), ""),
		BAD(HEADERS(FIELD "name=\"a"), ""),
		BAD(HEADERS(FIELD "xname=a"), ""),
		BAD(HEADERS("Content-Disposition: attachment; name=a"), ""),
		BAD(HEADERS("Content-Disposition: form-datax; name=a"), ""),
		BAD(HEADERS("Content-Disposition: name=a"), ""),
		BAD(HEADERS("Content-Disposition"), ""),
		BAD(HEADERS("Content-Disposition : form-data; name=a"), ""),
		BAD(HEADERS(FIELD "name=a\r\n folded"), ""),
		BAD(HEADERS(FIELD "name=a\r\n: x"), ""),
		BAD(HEADERS(FIELD "name=a\0"), ""),
		BAD(HEADERS(FIELD "name=a\nX: y"), ""),
		BAD("--b\r\n" FIELD "name=a", ""),
		BAD("--b\r\n" FIELD "name=a\r\n", ""),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n", ""),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1", ""),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--", ""),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\n--b--", ""),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b", "[a|-|-|1]"),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b-", "[a|-|-|1]"),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--bc\r\n", "[a|-|-|1]"),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b\r\n", "[a|-|-|1]"),
		BAD("--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b\r\n--b--", "[a|-|-|1]"),
	};
	check_parts(rows, array_len(rows));
}
END_TEST

START_TEST(names_are_given_as_they_came)
{
	static const struct parts rows[] = {
		GOOD(HEADERS(FIELD "name=\"a\\\"b\\\\\""), "[a\\\"b\\\\|-|-|x]"),
		GOOD(HEADERS(FIELD "name=a; filename=\"a%22b%0D%0A.txt\""),
		     "[a|a%22b%0D%0A.txt|-|x]"),
		GOOD(HEADERS(FIELD "name=a; filename=\"..\\\\..\\x/../y\""),
		     "[a|..\\\\..\\x/../y|-|x]"),
		GOOD(HEADERS(FIELD "name=a; filename=\"\xe2\x82\xac.txt\""),
		     "[a|\xe2\x82\xac.txt|-|x]"),
		GOOD(HEADERS(FIELD "name=a; filename*=UTF-8''b.txt"), "[a|-|-|x]"),
		GOOD(HEADERS(FIELD "name=a; filename*=UTF-8''b.txt; filename=c"), "[a|c|-|x]"),
		GOOD(HEADERS(FIELD "name=a;"), "[a|-|-|x]"),
		BAD(HEADERS(FIELD "name=a; name=b"), ""),
		BAD(HEADERS(FIELD "name=a; filename=b; filename=c"), ""),
		BAD(HEADERS(FIELD "name=a; filename=\"b"), ""),
		BAD(HEADERS(FIELD "name=a; filename=\"b\"c"), ""),
		BAD(HEADERS(FIELD "name=a; filename"), ""),
		BAD(HEADERS(FIELD "name=a\r\n" FIELD "name=b"), ""),
		BAD(HEADERS(FIELD "name=a\r\nContent-Type: a/b\r\nContent-Type: a/b"), ""),
		BAD(HEADERS(FIELD "name=a\r\r\nX: y"), ""),
	};
	check_parts(rows, array_len(rows));
}
END_TEST

START_TEST(what_only_begins_like_a_boundary_is_data)
{
	static const struct parts rows[] = {
		GOOD(HEADERS(FIELD "name=a\r\n\r\n\r\r\n--a\r\n--\r\n\r\n-b"),
		     "[a|-|-|\r\r\n--a\r\n--\r\n\r\n-b\r\n\r\nx]"),
		GOOD(HEADERS(FIELD "name=a\r\n\r\n--b"), "[a|-|-|]"),
		GOOD(HEADERS(FIELD "name=a\r\n\r\n--a"), "[a|-|-|--a\r\n\r\nx]"),
		GOOD(HEADERS(FIELD "name=a\r\n\r\n\n--b\r\r--b"), "[a|-|-|\n--b\r\r--b\r\n\r\nx]"),
		BAD("--b \t--\r\n", ""),
		BAD("--b\r\r\n", ""),
		BAD("--b\r-\n", ""),
	};
	/* What follows an empty part's boundary at once is its line, which must end. */
	struct parts closed = BAD("--b\r\n" FIELD "name=a\r\n\r\n--b-x", "[a|-|-|]");
	check_parts(rows, 1);
	check_parts(rows + 2, array_len(rows) - 2);
	check_parts(&closed, 1);
}
END_TEST

START_TEST(a_body_that_ends_early_is_not_whole)
{
	static const char body[] = "--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b\r\n" FIELD
				   "name=b; filename=f\r\nContent-Type: a/b\r\n\r\n2\r\n--b--";
	struct seen s;
	for (size_t len = 0; len < sizeof(body); len++) {
		begin(&s, "b");
		feed(&s, body, len);
		finish(&s);
		ck_assert_msg(s.rc == (len == sizeof(body) - 1 ? 0 : -400), "cut at %zu", len);
	}
}
END_TEST

START_TEST(headers_of_a_part_are_bounded)
{
	static const char end[] = ": x\r\n\r\n1\r\n--b--", begin_text[] = FIELD "name=a\r\nX";
	const size_t fixed = sizeof(begin_text) - 1 + strlen(": x\r\n\r\n");
	for (int over = 0; over <= 1; over++) {
		char fill[MULTIPART_HEADERS_MAX + 1];
		size_t n = MULTIPART_HEADERS_MAX - fixed + (size_t)over;
		struct seen s;
		memset(fill, 'x', n);
		begin(&s, "b");
		feed(&s, "--b\r\n", 5);
		feed(&s, begin_text, sizeof(begin_text) - 1);
		feed(&s, fill, n);
		feed(&s, end, sizeof(end) - 1);
		ck_assert_int_eq(s.rc, over ? -400 : 0);
	}
}
END_TEST

START_TEST(a_header_without_end_is_refused_before_it_fills_memory)
{
	struct seen s;
	begin(&s, "b");
	feed(&s, "--b\r\n", 5);
	for (int i = 0; i < MULTIPART_HEADERS_MAX; i++)
		feed(&s, "x", 1);
	ck_assert_int_eq(s.rc, 1);
	feed(&s, "x", 1);
	ck_assert_int_eq(s.rc, -400);
}
END_TEST

START_TEST(parts_are_counted)
{
	static const char part[] = "--b\r\n" FIELD "name=a\r\n\r\n\r\n";
	struct http_multipart m;
	size_t parts = 0, left = 1000000;
	int rc = 0;
	ck_assert_int_eq(http_multipart_init(&m, "b", 1), 0);
	for (; left > 0 && rc >= 0; left--) {
		size_t pos = 0;
		while (pos < sizeof(part) - 1 && rc >= 0) {
			rc = http_multipart_next(&m, part, sizeof(part) - 1, &pos);
			parts += rc == MULTIPART_PART;
		}
	}
	ck_assert_int_eq(rc, -413);
	ck_assert_uint_eq(parts, MULTIPART_PARTS_MAX);
	size_t pos = 0;
	ck_assert_int_eq(http_multipart_next(&m, part, 1, &pos), -413);
}
END_TEST

START_TEST(boundaries_have_1_to_70_bytes)
{
	static const char *const bad[] = { "", "a ", " ", "a\rb", "a\nb", "a\tb", "\x7f" };
	char boundary[MULTIPART_BOUNDARY_MAX + 2] = "", body[300];
	struct seen s;
	for (size_t i = 0; i < array_len(bad); i++) {
		begin(&s, bad[i]);
		ck_assert_msg(s.rc == -400, "%zu", i);
	}
	ck_assert_int_eq(http_multipart_init(&s.m, "a\0b", 3), -400);
	for (size_t n = 1; n < sizeof(boundary); n++) {
		boundary[n - 1] = 'b';
		size_t len = (size_t)sprintf(body, "--%s\r\n" FIELD "name=a\r\n\r\n1\r\n--%s--",
					     boundary, boundary);
		begin(&s, boundary);
		if (s.rc > 0)
			feed(&s, body, len);
		ck_assert_int_eq(s.rc, n <= MULTIPART_BOUNDARY_MAX ? 0 : -400);
	}
}
END_TEST

START_TEST(large_data_is_given_where_it_lies)
{
	enum { SIZE = 1 << 20 };
	char *data = malloc(SIZE);
	struct http_multipart m;
	size_t pos = 0, got = 0, events = 0;
	memset(data, '\r', SIZE);
	ck_assert_int_eq(http_multipart_init(&m, "b", 1), 0);
	size_t head = (size_t)sprintf(data, "--b\r\n" FIELD "name=a\r\n\r\n");
	data[head] = 'x';
	ck_assert_int_eq(http_multipart_next(&m, data, SIZE, &pos), MULTIPART_PART);
	ck_assert_uint_eq(pos, head);
	for (; pos < SIZE; events++) {
		int rc = http_multipart_next(&m, data, SIZE, &pos);
		ck_assert_int_eq(rc, MULTIPART_DATA);
		ck_assert_ptr_eq(m.data.at, data + head + got);
		got += m.data.len;
	}
	ck_assert_uint_eq(head + got, SIZE - 1); /* the last CR could be a boundary's */
	ck_assert_uint_le(events, 2);
	free(data);
}
END_TEST

UNIT_MAIN("multipart", parts_are_walked, malformed_bodies_are_refused, names_are_given_as_they_came,
	  what_only_begins_like_a_boundary_is_data, a_body_that_ends_early_is_not_whole,
	  headers_of_a_part_are_bounded, a_header_without_end_is_refused_before_it_fills_memory,
	  parts_are_counted, boundaries_have_1_to_70_bytes, large_data_is_given_where_it_lies)
