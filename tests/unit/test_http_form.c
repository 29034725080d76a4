/*
 * http/form: cookies and parameters of header values.
 *
 * Thread: one.
 */
#include "http/form.h"

#include <stdio.h>
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

START_TEST(all_parameters_are_walked)
{
	static const struct row rows[] = {
		{ "a/b", "" },
		{ "a/b; ; ;", "" },
		{ "a/b; x=1;Y = 2", "[x|1][Y|]!" },
		{ "a/b; x=\"a\\\"b\" ;; y", "[x|a\\\"b][y|-]" },
		{ "a/b; x*=UTF-8''a; =", "[x*|UTF-8''a][|]" },
		{ "a/b; x=\"1\"z", "[x|1]!" },
		{ "a/b; y=2; x=\"1", "[y|2]!" },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct guard g;
		struct http_span name, value;
		size_t len = strlen(rows[i].text), pos = 0, n = 0;
		char *text = guard_put(&g, rows[i].text, len), seen[100] = "";
		int rc;
		while ((rc = http_parameter_next(text, len, &pos, &name, &value)) == 1)
			n += (size_t)sprintf(seen + n, "[%.*s|%.*s]", (int)name.len, name.at,
					     value.at ? (int)value.len : 1,
					     value.at ? value.at : "-");
		ck_assert(rc == 0 || rc == -400);
		strcat(seen, rc < 0 ? "!" : "");
		ck_assert_str_eq(seen, rows[i].seen);
		guard_close(&g);
	}
}
END_TEST

UNIT_MAIN("form", cookies_are_walked, servers_set_plain_cookies_alone,
	  parameters_are_found_and_unquoted, all_parameters_are_walked)
