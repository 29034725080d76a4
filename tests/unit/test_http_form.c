/*
 * http/form: cookies, parameters of header values, multipart bodies.
 *
 * Thread: one.
 */
#include "http/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

struct row {
	const char *text;
	const char *seen; /* each cookie as [name|value] */
};

START_TEST(cookies_are_walked)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "a=1", "[a|1]" },
		{ "a=1; b=2", "[a|1][b|2]" },
		{ "a=1;b=2", "[a|1][b|2]" },
		{ " a = 1 ;\tb=2 ", "[a|1][b|2]" },
		{ "a=1; a=2", "[a|1][a|2]" },
		{ "a=", "[a|]" },
		{ "a=b=c", "[a|b=c]" },
		{ "a=\"1\"", "[a|1]" },
		{ "a=\"\"", "[a|]" },
		{ "a=\"", "[a|\"]" },
		{ "a=\"1", "[a|\"1]" },
		{ "a=1\"", "[a|1\"]" },
		{ "a=\"1;b=2\"", "[a|\"1][b|2\"]" },
		{ "a=x y,z", "[a|x y,z]" },
		{ "a=%20+", "[a|%20+]" },
		{ "a", "" },
		{ "a; b=1; c", "[b|1]" },
		{ ";;; ;", "" },
		{ "=1", "[|1]" },
		{ "$Version=1; a=1", "[$Version|1][a|1]" },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		struct http_span name, value;
		size_t len = strlen(rows[i].text), pos = 0, n = 0;
		char *text = guard_put(&g, rows[i].text, len), seen[100] = "";
		while (http_cookie_next(text, len, &pos, &name, &value))
			n += (size_t)sprintf(seen + n, "[%.*s|%.*s]", (int)name.len, name.at,
					     (int)value.len, value.at);
		ck_assert_str_eq(seen, rows[i].seen);
		guard_close(&g);
	}
}
END_TEST

START_TEST(servers_set_plain_cookies_alone)
{
	static const char *const bad[] = { " ",     "a b",  "a\t",   "a;b",  "a,b",
					   "\"a\"", "a\\b", "a\r\n", "\x7f", "\xc3\xa9" };
	ck_assert(http_cookie_is_valid("id", ""));
	ck_assert(http_cookie_is_valid("__Host-id", "a=b:c/d%20!#$&'()*+-.<>?@[]^_`{|}~"));
	for (size_t i = 0; i < array_len(bad); i++) {
		ck_assert_msg(!http_cookie_is_valid("id", bad[i]), "'%s'", bad[i]);
		ck_assert_msg(!http_cookie_is_valid(bad[i], ""), "'%s'", bad[i]);
	}
	ck_assert(!http_cookie_is_valid("", "a"));
	ck_assert(!http_cookie_is_valid("a=", "a"));
}
END_TEST

START_TEST(parameters_are_found_and_unquoted)
{
	static const struct row rows[] = {
		{ "a/b; x=1", "1" },
		{ "a/b;x=1", "1" },
		{ "a/b ; X=1 ; y=2", "1" },
		{ "a/b; y=2; x=1", "1" },
		{ "a/b; x=1; x=2", "1" },
		{ "a/b; x=\"1\"", "1" },
		{ "a/b; x=\"1;2, 3\"", "1;2, 3" },
		{ "a/b; x=\"\\\"\\\\\\a\"", "\"\\a" },
		{ "a/b; x=", "" },
		{ "a/b; x=\"\"", "" },
		{ "a/b; y=\"; x=2\"; x=1", "1" },
		{ "a/b; y=\"\\\"; x=2\"; x=1", "1" },
		{ "a/b;; x=1", "1" },
		{ "a/b; y; x=1", "1" },
		{ "a/b; x=a\\b", "a\\b" },
		{ "a/b; x=a=b", "a=b" },
		{ "", NULL },
		{ "a/b", NULL },
		{ "a/b;", NULL },
		{ "a/b; ", NULL },
		{ "x=1", NULL },
		{ "a/b; x", NULL },
		{ "a/b; xx=1", NULL },
		{ "a/b; y=x", NULL },
		{ "a/b; x=\"1", NULL },
		{ "a/b; x=\"1\\\"", NULL },
		{ "a/b; x=\"1\\", NULL },
		{ "a/b; y=\"1; x=2", NULL },
		{ "a/b; y=\"1\"z; x=2", NULL },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard in, out;
		size_t len = strlen(rows[i].text);
		char *to = guard_open(&out, len + 1);
		long n = http_parameter(guard_put(&in, rows[i].text, len), len, "x", to);
		if (rows[i].seen) {
			ck_assert_str_eq(to, rows[i].seen);
			ck_assert_int_eq(n, (long)strlen(to));
		} else {
			ck_assert_msg(n == -1, "'%s': %ld", rows[i].text, n);
		}
		guard_close(&in);
		guard_close(&out);
	}
}
END_TEST

/* ---- multipart/form-data ---- */

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

static size_t put(char *to, const char *before, struct http_span s)
{
	return (size_t)sprintf(to, "%s%.*s", before, s.at ? (int)s.len : 1, s.at ? s.at : "-");
}

/* Walks all parts; the result of the last call. */
static int walk(const char *body, size_t len, const char *boundary, char *seen)
{
	struct http_part part;
	size_t pos = 0;
	int rc;
	*seen = '\0';
	while ((rc = http_part_next(body, len, boundary, &pos, &part)) == 1) {
		ck_assert_uint_le(pos, len);
		seen += put(seen, "[", part.name);
		seen += put(seen, "|", part.file_name);
		seen += put(seen, "|", part.type);
		seen += put(seen, "|", part.data);
		seen += sprintf(seen, "]");
	}
	return rc;
}

static void check_parts(const struct parts *rows, size_t count)
{
	for (const struct parts *r = rows; r < rows + count; r++) {
		struct guard g;
		char seen[1000];
		int rc = walk(guard_put(&g, r->body, r->len), r->len, "b", seen);
		ck_assert_msg(rc == r->rc, "'%s': %d", r->body, rc);
		ck_assert_str_eq(seen, r->seen);
		guard_close(&g);
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

START_TEST(every_cut_of_a_body_is_refused)
{
	static const char body[] = "--b\r\n" FIELD "name=a\r\n\r\n1\r\n--b\r\n" FIELD
				   "name=b; filename=f\r\nContent-Type: a/b\r\n\r\n2\r\n--b--";
	char seen[1000];
	for (size_t len = 0; len < sizeof(body) - 1; len++) {
		struct guard g;
		int rc = walk(guard_put(&g, body, len), len, "b", seen);
		ck_assert_msg(rc == -400, "cut at %zu: %d", len, rc);
		guard_close(&g);
	}
	ck_assert_int_eq(walk(body, sizeof(body) - 1, "b", seen), 0);
}
END_TEST

START_TEST(headers_of_a_part_are_bounded)
{
	static const char end[] = ": x\r\n\r\n1\r\n--b--", begin[] = "--b\r\n" FIELD "name=a\r\nX";
	for (size_t n = 3000; n <= 5000; n += 2000) {
		char *body = malloc(sizeof(begin) + n + sizeof(end)), seen[1000];
		size_t len = (size_t)sprintf(body, "%s%0*d%s", begin, (int)n, 0, end);
		ck_assert_int_eq(walk(body, len, "b", seen), n == 3000 ? 0 : -400);
		free(body);
	}
}
END_TEST

START_TEST(boundaries_have_1_to_70_bytes)
{
	char boundary[72] = "", body[300], seen[1000];
	ck_assert_int_eq(walk("----", 4, "", seen), -400);
	for (size_t n = 1; n < sizeof(boundary); n++) {
		boundary[n - 1] = 'b';
		size_t len = (size_t)sprintf(body, "--%s\r\n" FIELD "name=a\r\n\r\n1\r\n--%s--",
					     boundary, boundary);
		ck_assert_int_eq(walk(body, len, boundary, seen), n <= 70 ? 0 : -400);
	}
}
END_TEST

UNIT_MAIN("form", cookies_are_walked, servers_set_plain_cookies_alone,
	  parameters_are_found_and_unquoted, parts_are_walked, malformed_bodies_are_refused,
	  every_cut_of_a_body_is_refused, headers_of_a_part_are_bounded,
	  boundaries_have_1_to_70_bytes)
