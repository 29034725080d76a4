/*
 * http/uri: the one normalisation of paths, percent-decoding, query pairs.
 *
 * Thread: one.
 */
#include "http/uri.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

/* A text with its length, so that it may hold NULs. */
#define TEXT(literal) literal, sizeof(literal) - 1

struct row {
	const char *raw;
	size_t raw_len;
	const char *text; /* NULL: refused */
	size_t len;
};

#define GIVES(raw, text) \
	{ \
		TEXT(raw), TEXT(text) \
	}
#define STAYS(raw) GIVES(raw, raw)
#define REFUSED(raw) \
	{ \
		TEXT(raw), NULL, 0 \
	}

static long normalize(const char *raw, size_t len, bool plus, char *to)
{
	(void)plus;
	return http_path_normalize(raw, len, to);
}

/* Into memory of its own, then in place; both end where they must. */
static void check_row(const struct row *r, bool plus,
		      long (*decode)(const char *raw, size_t len, bool plus, char *to))
{
	struct guard in, out;
	char *raw = guard_put(&in, r->raw, r->raw_len);
	char *to = guard_open(&out, r->raw_len + 1);
	long n = decode(raw, r->raw_len, plus, to);
	if (!r->text) {
		ck_assert_msg(n == -400, "'%s' gives %ld '%.*s'", r->raw, n, (int)n, to);
	} else {
		ck_assert_msg(n == (long)r->len && memcmp(to, r->text, r->len) == 0 &&
				      to[n] == '\0',
			      "'%s' gives %ld '%s'", r->raw, n, n < 0 ? "" : to);
	}
	memcpy(to, r->raw, r->raw_len);
	ck_assert_int_eq(decode(to, r->raw_len, plus, to), n);
	if (r->text)
		ck_assert_mem_eq(to, r->text, r->len + 1);
	guard_close(&in);
	guard_close(&out);
}

static void check_rows(const struct row *rows, size_t count, bool plus,
		       long (*decode)(const char *raw, size_t len, bool plus, char *to))
{
	for (size_t i = 0; i < count; i++)
		check_row(&rows[i], plus, decode);
}

START_TEST(plain_paths_stay_as_they_are)
{
	static const struct row rows[] = {
		STAYS("/"),
		STAYS("/a"),
		STAYS("/a/"),
		STAYS("/a/b/c.html"),
		STAYS("/-._~!$&'()*+,;=:@"),
		STAYS("/a+b"),
		STAYS("/a=b;c=d"),
		STAYS("/..."),
		STAYS("/.../x"),
		STAYS("/.a"),
		STAYS("/..a"),
		STAYS("/a."),
		STAYS("/a.."),
		STAYS("/.well-known/x"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(dot_segments_are_taken_out)
{
	static const struct row rows[] = {
		GIVES("/.", "/"),
		GIVES("/./", "/"),
		GIVES("/./a", "/a"),
		GIVES("/a/.", "/a/"),
		GIVES("/a/./", "/a/"),
		GIVES("/a/./b", "/a/b"),
		GIVES("/a/././b", "/a/b"),
		GIVES("/a/..", "/"),
		GIVES("/a/../", "/"),
		GIVES("/a/../b", "/b"),
		GIVES("/a/b/..", "/a/"),
		GIVES("/a/b/../", "/a/"),
		GIVES("/a/b/../..", "/"),
		GIVES("/a/b/../../c", "/c"),
		GIVES("/a/b/./../c/.", "/a/c/"),
		GIVES("/a/b/c/./../../g", "/a/g"),
		GIVES("/mid/content=5/../6", "/mid/6"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(encoded_dot_segments_are_taken_out_too)
{
	static const struct row rows[] = {
		GIVES("/%2e", "/"),          GIVES("/%2E/a", "/a"),
		GIVES("/a/%2e%2e", "/"),     GIVES("/a/%2E%2e/b", "/b"),
		GIVES("/a/.%2e/b", "/b"),    GIVES("/a/%2E./b", "/b"),
		GIVES("/a/%2e/b", "/a/b"),   GIVES("/a/b/%2e%2E/../c", "/c"),
		GIVES("/%2e%2e%2e", "/..."), GIVES("/a/%2e%2ex", "/a/..x"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(nothing_leads_above_the_root)
{
	static const struct row rows[] = {
		REFUSED("/.."),
		REFUSED("/../"),
		REFUSED("/../a"),
		REFUSED("/./../a"),
		REFUSED("/a/../.."),
		REFUSED("/a/../../b"),
		REFUSED("/%2e%2e"),
		REFUSED("/.%2E/a"),
		REFUSED("/%2e./a"),
		REFUSED("/a/%2e%2e/%2e%2e/b"),
		REFUSED("/a/b/../../../etc/passwd"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(encoded_slashes_make_no_segments)
{
	static const struct row rows[] = {
		STAYS("/%2F"),
		GIVES("/%2f", "/%2F"),
		GIVES("/a%2fb", "/a%2Fb"),
		STAYS("/..%2F"),
		GIVES("/%2e%2e%2fa", "/..%2Fa"),
		STAYS("/a%2F..%2Fb"),
		GIVES("/x/a%2F../..", "/x/"),
		GIVES("/a%2fb/../c", "/c"),
		GIVES("/%2f%2F%2f", "/%2F%2F%2F"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(empty_segments_are_kept)
{
	static const struct row rows[] = {
		STAYS("//"),
		STAYS("///"),
		STAYS("//a"),
		STAYS("/a//b"),
		STAYS("/a//"),
		GIVES("/a//..", "/a/"),
		GIVES("/a//../b", "/a/b"),
		GIVES("/a/..//b", "//b"),
		GIVES("//..", "/"),
		GIVES("//../", "/"),
		GIVES("//.", "//"),
		REFUSED("//../.."),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(escapes_are_decoded_once)
{
	static const struct row rows[] = {
		GIVES("/%41%62", "/Ab"),
		GIVES("/a%20b", "/a b"),
		GIVES("/%3F%23", "/?#"),
		GIVES("/%252e%252e/a", "/%252e%252e/a"),
		STAYS("/%25"),
		GIVES("/%5c", "/\\"),
		GIVES("/%c3%A9", "/\xc3\xa9"),
		GIVES("/%ff", "/\xff"),
		GIVES("/%7e", "/~"),
		GIVES("/%2B", "/+"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(bad_paths_are_refused)
{
	static const struct row rows[] = {
		REFUSED(""),           REFUSED("a"),     REFUSED("%2Fa"),    REFUSED("*"),
		REFUSED("./a"),        REFUSED("/%"),    REFUSED("/%4"),     REFUSED("/%g0"),
		REFUSED("/%0g"),       REFUSED("/%%41"), REFUSED("/% 1"),    REFUSED("/%+1"),
		REFUSED("/%-1"),       REFUSED("/%0x"),  REFUSED("/%u0041"), REFUSED("/%00"),
		REFUSED("/a%00.html"), REFUSED("/%01"),  REFUSED("/%09"),    REFUSED("/%0a"),
		REFUSED("/%0D%0A"),    REFUSED("/%1f"),  REFUSED("/%7F"),    REFUSED("/a/..%00/"),
	};
	check_rows(rows, array_len(rows), false, normalize);
}
END_TEST

START_TEST(values_are_decoded)
{
	static const struct row rows[] = {
		GIVES("", ""),
		STAYS("abc"),
		STAYS("a+b"),
		GIVES("a%2Bb", "a+b"),
		GIVES("%2f%2F", "//"),
		GIVES("%0d%0a", "\r\n"),
		GIVES("%ff%80", "\xff\x80"),
		GIVES("%25%34%31", "%41"),
		STAYS("a\0b"),
		REFUSED("%"),
		REFUSED("%1"),
		REFUSED("%1g"),
		REFUSED("a%00b"),
		REFUSED("%\xff\xff"),
	};
	check_rows(rows, array_len(rows), false, http_percent_decode);
}
END_TEST

START_TEST(a_plus_is_a_space_in_forms)
{
	static const struct row rows[] = {
		GIVES("+", " "),     GIVES("a+b+c", "a b c"), GIVES("a%2Bb+c", "a+b c"),
		GIVES("%20+", "  "), REFUSED("%+1"),
	};
	check_rows(rows, array_len(rows), true, http_percent_decode);
}
END_TEST

START_TEST(escapes_are_compared_where_they_are)
{
	static const struct {
		const char *raw, *text;
		bool is_same, is_good;
	} rows[] = {
		{ "", "", true, true },         { "abc", "abc", true, true },
		{ "abc", "ab", false, true },   { "ab", "abc", false, true },
		{ "%61+b", "a b", true, true }, { "a%2Bb", "a+b", true, true },
		{ "%e9", "\xe9", true, true },  { "a%00", "a", false, false },
		{ "a%", "a", false, false },    { "a%4", "a%4", false, false },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		size_t len = strlen(rows[i].raw);
		char *raw = guard_put(&g, rows[i].raw, len);
		ck_assert_int_eq(http_percent_is(raw, len, true, rows[i].text), rows[i].is_same);
		ck_assert_int_eq(http_percent_is_good(raw, len), rows[i].is_good);
		guard_close(&g);
	}
	ck_assert(!http_percent_is("a\0b", 3, true, "a"));
}
END_TEST

struct pairs {
	const char *text;
	const char *seen; /* each pair as [name|value], without '|' when there was no value */
};

static void put(char *to, const char *before, struct http_span s)
{
	size_t n = strlen(to);
	sprintf(to + n, "%s%.*s", before, (int)s.len, s.at);
}

START_TEST(pairs_are_walked)
{
	static const struct pairs rows[] = {
		{ "", "" },
		{ "a", "[a]" },
		{ "a=", "[a|]" },
		{ "a=1", "[a|1]" },
		{ "a=1&b=2", "[a|1][b|2]" },
		{ "a=1&a=2", "[a|1][a|2]" },
		{ "a=b=c", "[a|b=c]" },
		{ "=", "[|]" },
		{ "=x", "[|x]" },
		{ "&", "" },
		{ "&&&", "" },
		{ "&a&&b&", "[a][b]" },
		{ "a;b=1", "[a;b|1]" },
		{ "a%26b=%3d", "[a%26b|%3d]" },
		{ "a+b=c+d", "[a+b|c+d]" },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		struct http_span name, value;
		size_t len = strlen(rows[i].text), pos = 0;
		char *text = guard_put(&g, rows[i].text, len), seen[100] = "";
		while (http_pair_next(text, len, &pos, &name, &value)) {
			put(seen, "[", name);
			if (value.at)
				put(seen, "|", value);
			strcat(seen, "]");
		}
		ck_assert_str_eq(seen, rows[i].seen);
		guard_close(&g);
	}
}
END_TEST

UNIT_MAIN("uri", plain_paths_stay_as_they_are, dot_segments_are_taken_out,
	  encoded_dot_segments_are_taken_out_too, nothing_leads_above_the_root,
	  encoded_slashes_make_no_segments, empty_segments_are_kept, escapes_are_decoded_once,
	  bad_paths_are_refused, values_are_decoded, a_plus_is_a_space_in_forms,
	  escapes_are_compared_where_they_are, pairs_are_walked)
