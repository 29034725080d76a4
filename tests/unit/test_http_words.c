/*
 * http/http: methods, status texts, character classes, comma-separated lists.
 *
 * Thread: one.
 */
#include "http/http.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

static enum http_method find(const char *name, size_t len)
{
	struct guard g;
	enum http_method m = http_method_find(guard_put(&g, name, len), len);
	guard_close(&g);
	return m;
}

START_TEST(every_method_is_found_by_its_name)
{
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		const char *name = http_method_name((enum http_method)m);
		ck_assert_int_eq(find(name, strlen(name)), m);
		ck_assert_int_eq(find(name, strlen(name) - 1), HTTP_OTHER);
	}
	ck_assert_str_eq(http_method_name(HTTP_GET), "GET");
	ck_assert_str_eq(http_method_name(HTTP_CONNECT), "CONNECT");
	ck_assert_str_eq(http_method_name(HTTP_OTHER), "");
}
END_TEST

START_TEST(other_methods_are_other)
{
	static const char *const names[] = { "G",      "get", "Get", "GETS",  "PROPFIND", "POSTGET",
					     "OPTION", "PRI", "!",   "HEAD ", "M-SEARCH" };
	for (size_t i = 0; i < array_len(names); i++)
		ck_assert_int_eq(find(names[i], strlen(names[i])), HTTP_OTHER);
	ck_assert_int_eq(find("GET\0", 4), HTTP_OTHER);
}
END_TEST

struct methods {
	const char *text;
	unsigned bits;
};

START_TEST(lists_of_methods_become_bits)
{
	static const struct methods rows[] = {
		{ "GET", HTTP_BIT(HTTP_GET) },
		{ "GET,POST", HTTP_BIT(HTTP_GET) | HTTP_BIT(HTTP_POST) },
		{ "POST,GET,POST", HTTP_BIT(HTTP_GET) | HTTP_BIT(HTTP_POST) },
		{ "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS", HTTP_ROUTABLE },
		{ "*", HTTP_ROUTABLE },
		{ "", 0 },
		{ ",", 0 },
		{ "GET,", 0 },
		{ ",GET", 0 },
		{ "GET,,POST", 0 },
		{ "GET, POST", 0 },
		{ "get", 0 },
		{ "TRACE", 0 },
		{ "GET,CONNECT", 0 },
		{ "GET,*", 0 },
		{ "**", 0 },
		{ "FETCH", 0 },
	};
	for (size_t i = 0; i < array_len(rows); i++)
		ck_assert_msg(http_methods_parse(rows[i].text) == rows[i].bits, "'%s'",
			      rows[i].text);
}
END_TEST

START_TEST(bits_become_a_list_for_allow)
{
	char text[64];
	ck_assert_str_eq(http_methods_text(0, text, sizeof(text)), "");
	ck_assert_str_eq(http_methods_text(HTTP_BIT(HTTP_PUT), text, sizeof(text)), "PUT");
	ck_assert_str_eq(http_methods_text(HTTP_ROUTABLE, text, sizeof(text)),
			 "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	ck_assert_str_eq(http_methods_text(HTTP_BIT(HTTP_METHOD_COUNT) - 1, text, sizeof(text)),
			 "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT");
	ck_assert_ptr_eq(http_methods_text(1, text, sizeof(text)), text);
}
END_TEST

START_TEST(known_statuses_have_texts)
{
	int known = 0;
	for (int status = -1; status < 1100; status++) {
		const char *text = http_status_text(status);
		ck_assert(text[0] == '\0' || (status >= 100 && status < 600));
		known += text[0] != '\0';
	}
	ck_assert_int_eq(known, 61);
	ck_assert_str_eq(http_status_text(100), "Continue");
	ck_assert_str_eq(http_status_text(200), "OK");
	ck_assert_str_eq(http_status_text(404), "Not Found");
	ck_assert_str_eq(http_status_text(431), "Request Header Fields Too Large");
	ck_assert_str_eq(http_status_text(503), "Service Unavailable");
	ck_assert_str_eq(http_status_text(511), "Network Authentication Required");
	ck_assert_str_eq(http_status_text(306), "");
	ck_assert_str_eq(http_status_text(418), "");
	ck_assert_str_eq(http_status_text(599), "");
}
END_TEST

START_TEST(some_statuses_have_no_body)
{
	static const int without[] = { 100, 101, 103, 199, 204, 205, 304 };
	static const int with[] = { 200, 201, 206, 301, 400, 404, 416, 500, 599 };
	for (size_t i = 0; i < array_len(without); i++)
		ck_assert(!http_status_has_body(without[i]));
	for (size_t i = 0; i < array_len(with); i++)
		ck_assert(http_status_has_body(with[i]));
}
END_TEST

START_TEST(tokens_hold_tchars_alone)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";
	for (int c = 0; c < 256; c++) {
		char text[] = { 'x', (char)c, 'y' };
		bool good = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || (c && strchr(marks, c));
		ck_assert_msg(http_is_token(text, 3) == good, "byte %d", c);
		ck_assert_msg(http_is_token(text + 1, 1) == good, "byte %d", c);
	}
	ck_assert(!http_is_token("", 0));
}
END_TEST

START_TEST(field_values_hold_no_control_but_tab)
{
	for (int c = 0; c < 256; c++) {
		char text[] = { 'x', (char)c, 'y' };
		bool good = c == '\t' || (c >= 0x20 && c != 0x7f);
		ck_assert_msg(http_is_field_value(text, 3) == good, "byte %d", c);
	}
	ck_assert(http_is_field_value("", 0));
}
END_TEST

START_TEST(spans_are_compared_in_any_case)
{
	struct http_span s = { "Keep-Alive, close", 10 };
	ck_assert(http_span_is(s, "keep-alive"));
	ck_assert(http_span_is(s, "KEEP-ALIVE"));
	ck_assert(!http_span_is(s, "keep-aliv"));
	ck_assert(!http_span_is(s, "keep-alive,"));
	ck_assert(!http_span_is(s, ""));
	ck_assert(http_span_is((struct http_span){ s.at, 0 }, ""));
}
END_TEST

struct list {
	const char *text;
	const char *seen;
};

START_TEST(lists_are_walked_member_by_member)
{
	static const struct list rows[] = {
		{ "", "" },
		{ " ", "" },
		{ ",", "" },
		{ " , ,\t,", "" },
		{ "a", "[a]" },
		{ " a ", "[a]" },
		{ "a,b", "[a][b]" },
		{ "a , b", "[a][b]" },
		{ "a\t,\tb", "[a][b]" },
		{ ",a,,b,", "[a][b]" },
		{ "a b,c", "[a b][c]" },
		{ "a;q=1, b;q=0", "[a;q=1][b;q=0]" },
		{ "\"a,b\",c", "[\"a,b\"][c]" },
		{ "x=\"a,b\";y,c", "[x=\"a,b\";y][c]" },
		{ "\"a\\\",b\",c", "[\"a\\\",b\"][c]" },
		{ "\"a\\\\\",b", "[\"a\\\\\"][b]" },
		{ "\"a,b", "[\"a,b]" },
		{ "\"a,b\\", "[\"a,b\\]" },
		{ "a\\,b", "[a\\][b]" },
		{ "\"\",a", "[\"\"][a]" },
		{ "W/\"x\", \"y\"", "[W/\"x\"][\"y\"]" },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		struct http_span member;
		size_t len = strlen(rows[i].text), pos = 0, n = 0;
		char *text = guard_put(&g, rows[i].text, len), seen[100] = "";
		while (http_list_next(text, len, &pos, &member))
			n += (size_t)sprintf(seen + n, "[%.*s]", (int)member.len, member.at);
		ck_assert_str_eq(seen, rows[i].seen);
		guard_close(&g);
	}
}
END_TEST

UNIT_MAIN("words", every_method_is_found_by_its_name, other_methods_are_other,
	  lists_of_methods_become_bits, bits_become_a_list_for_allow, known_statuses_have_texts,
	  some_statuses_have_no_body, tokens_hold_tchars_alone,
	  field_values_hold_no_control_but_tab, spans_are_compared_in_any_case,
	  lists_are_walked_member_by_member)
