/*
 * http/negotiate: Accept, media types, JSON strings, error bodies.
 *
 * Thread: one.
 */
#include "http/negotiate.h"

#include <string.h>

#include "guard.h"
#include "unit.h"

START_TEST(json_is_sent_to_who_prefers_it)
{
	static const char *const json[] = {
		"application/json",
		"APPLICATION/JSON",
		"application/problem+json",
		"application/*",
		"application/json;q=0.1",
		"application/json;q=x",
		"application/json; charset=utf-8; q=0.5",
		"application/json, text/plain",
		"text/html, application/json",
		"*/*, application/json",
		"text/plain;q=0.5, application/json",
		"text/plain;q=0.9, application/json;q=0.91",
		"text/plain;q=0, application/json;q=0.001",
		"text/*;q=0.3, application/problem+json;q=0.4",
		"application/json;q=0.3, application/problem+json;q=0.8, text/plain;q=0.5",
		"application/json ; q=0.5, text/plain;q=0.5",
		"text/*;q=0.9, text/plain;q=0.1, application/json;q=0.5",
	};
	for (size_t i = 0; i < array_len(json); i++)
		ck_assert_msg(http_accepts_json(json[i]), "'%s'", json[i]);
}
END_TEST

START_TEST(text_is_sent_to_all_others)
{
	static const char *const text[] = {
		"",
		"*/*",
		"text/plain",
		"text/html",
		"image/*, */*",
		"json",
		"application/jsonx",
		"application/xml",
		"application/json;q=0",
		"application/json;q=0.000",
		"text/plain, application/json",
		"text/*, application/json",
		"text/plain, application/json;q=0.9",
		"application/json;q=0.5, text/plain;q=0.6",
		"application/json;Q=0.5, text/plain",
		"\"application/json\"",
		"x=\"a,application/json\"",
	};
	ck_assert(!http_accepts_json(NULL));
	for (size_t i = 0; i < array_len(text); i++)
		ck_assert_msg(!http_accepts_json(text[i]), "'%s'", text[i]);
}
END_TEST

START_TEST(media_types_are_compared_without_parameters)
{
	ck_assert(http_type_is("a/b", "a/b"));
	ck_assert(http_type_is("A/B", "a/b"));
	ck_assert(http_type_is("a/b;c=d", "a/b"));
	ck_assert(http_type_is("a/b ; c=d", "a/b"));
	ck_assert(http_type_is("a/b\t;c=d", "a/b"));
	ck_assert(!http_type_is("", "a/b"));
	ck_assert(!http_type_is("a/bc", "a/b"));
	ck_assert(!http_type_is("a/", "a/b"));
	ck_assert(!http_type_is(";a/b", "a/b"));
}
END_TEST

struct quoted {
	const char *text;
	size_t len;
	const char *json;
};

#define QUOTED(text, json) \
	{ \
		text, sizeof(text) - 1, json \
	}
#define BAD "\xef\xbf\xbd"

START_TEST(json_strings_are_escaped)
{
	static const struct quoted rows[] = {
		QUOTED("", "\"\""),
		QUOTED("abc", "\"abc\""),
		QUOTED("a\"b\\c/", "\"a\\\"b\\\\c/\""),
		QUOTED("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""),
		QUOTED("\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001f\\u007f\""),
		QUOTED("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		       "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
		QUOTED("\xff", "\"" BAD "\""),
		QUOTED("a\x80z", "\"a" BAD "z\""),
		QUOTED("\xc3", "\"" BAD "\""),
		QUOTED("\xe2\x82", "\"" BAD BAD "\""),
		QUOTED("\xc0\x80", "\"" BAD BAD "\""),
		QUOTED("\xed\xa0\x80", "\"" BAD BAD BAD "\""),
		QUOTED("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""),
		QUOTED("\xc3\"\xa9", "\"" BAD "\\\"" BAD "\""),
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		struct arena a;
		arena_init(&a);
		char *text = guard_put(&g, rows[i].text, rows[i].len);
		ck_assert_str_eq(http_json_quote(&a, text, rows[i].len), rows[i].json);
		arena_done(&a);
		guard_close(&g);
	}
}
END_TEST

START_TEST(texts_too_long_to_be_quoted_are_refused)
{
	struct arena a;
	arena_init(&a);
	ck_assert_ptr_null(http_json_quote(&a, "", SIZE_MAX / 6 + 1));
	arena_done(&a);
}
END_TEST

START_TEST(errors_have_bodies)
{
	struct arena a;
	const char *type = NULL;
	arena_init(&a);
	ck_assert_str_eq(http_error_body(&a, false, 404, "no such \"thing\"", "r1", &type),
			 "404 Not Found\nno such \"thing\"\n");
	ck_assert_str_eq(type, "text/plain; charset=utf-8");
	ck_assert_str_eq(http_error_body(&a, false, 503, NULL, "r1", &type),
			 "503 Service Unavailable\n");
	ck_assert_str_eq(http_error_body(&a, true, 404, "no such \"thing\"", "r\n1", &type),
			 "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
			 "\"detail\":\"no such \\\"thing\\\"\",\"request_id\":\"r\\n1\"}\n");
	ck_assert_str_eq(type, "application/problem+json");
	ck_assert_str_eq(http_error_body(&a, true, 500, NULL, "", &type),
			 "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
			 "\"status\":500,\"request_id\":\"\"}\n");
	arena_done(&a);
}
END_TEST

START_TEST(codings_are_chosen_by_quality)
{
	static const struct {
		const char *accept, *codings; /* b, g, and - for none */
	} rows[] = {
		{ NULL, "-" },
		{ "", "-" },
		{ "br", "b-" },
		{ "gzip", "g-" },
		{ "x-gzip", "g-" },
		{ "GZip, BR", "bg-" },
		{ "gzip, deflate, br, zstd", "bg-" },
		{ "gzip;q=1.0, br;q=0.9", "gb-" },
		{ "gzip;q=0.5, br;q=0.5", "bg-" },
		{ "br;q=0.001, gzip;q=0.002", "gb-" },
		{ "br;q=0, gzip", "g-" },
		{ "br;q=0, gzip;q=0", "-" },
		{ "*", "bg-" },
		{ "*;q=0", "-" },
		{ "gzip, *;q=0", "g-" },
		{ "*;q=0.5, gzip;q=0.1", "b-" },
		{ "identity", "-" },
		{ "identity;q=0", "-" },
		{ "identity;q=0, br", "b-" },
		{ "identity, gzip", "g-" },
		{ "identity;q=1, gzip;q=0.5, br;q=0.9", "-" },
		{ "identity;q=0.6, gzip;q=0.5, br;q=0.9", "b-" },
		{ "deflate", "-" },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		enum http_coding got[HTTP_CODING_COUNT];
		char text[HTTP_CODING_COUNT + 1] = "";
		size_t n = 0;
		http_accepted_codings(rows[i].accept, got);
		do {
			text[n] = "bg-"[got[n]];
		} while (got[n++] != HTTP_CODING_NONE);
		ck_assert_msg(strcmp(text, rows[i].codings) == 0, "'%s': %s",
			      rows[i].accept ? rows[i].accept : "none", text);
	}
}
END_TEST

UNIT_MAIN("negotiate", json_is_sent_to_who_prefers_it, text_is_sent_to_all_others,
	  media_types_are_compared_without_parameters, json_strings_are_escaped,
	  texts_too_long_to_be_quoted_are_refused, errors_have_bodies,
	  codings_are_chosen_by_quality)
