/*
 * work/redirect: what may stand in a configuration, and where clients are sent,
 * whatever they ask for.
 *
 * Thread: one.
 */
#include "work/redirect.h"

#include <string.h>

#include "base/err.h"
#include "unit.h"

static struct arena arena;

static struct pattern pattern(const char *text)
{
	struct pattern p;
	const char *why;
	ck_assert_int_eq(pattern_parse(&p, "", text, &arena, &why), 0);
	return p;
}

START_TEST(targets_are_made_of_text_parameters_and_query)
{
	static const struct {
		const char *pattern, *redirect, *param, *query, *target;
		int status;
	} rows[] = {
		{ "/a", "301 /b", "", "", "/b", 301 },
		{ "/a", "302   /b", "", "x=1", "/b?x=1", 302 },
		{ "/a", "303 /b?y", "", "x=1", "/b?y&x=1", 303 },
		{ "/a", "307 https://example.org", "", "x", "https://example.org?x", 307 },
		{ "/a", "308 http://example.org:81/%7Ea/", "", "", "http://example.org:81/%7Ea/",
		  308 },
		{ "/{r:path}", "301 https://e.org/{r}", "x/y.html", "a=b&c",
		  "https://e.org/x/y.html?a=b&c", 301 },
		{ "/{r:path}", "301 https://e.org/{r}", "", "", "https://e.org/", 301 },
		{ "/{r:path}", "301 https://e.org/n?p={r}", "a&b=c", "d",
		  "https://e.org/n?p=a%26b%3Dc&d", 301 },
		{ "/{r:path}", "301 /{r}/{r}", "a", "", "/a/a", 301 },
		{ "/{r:path}", "301 /n/{r}", "a%2Fb%25 c\xc3\xa9", "", "/n/a%2Fb%25%20c%C3%A9",
		  301 },
		{ "/{r}", "301 /n/{r}", "a/b%2F..", "", "/n/a%2Fb%252F..", 301 },
		{ "/{r:int}", "301 /n{r}.html", "42", "", "/n42.html", 301 },
		{ "/{r}", "301 /n/{r}", "\r\nSet-Cookie:a", "", "/n/%0D%0ASet-Cookie%3Aa", 301 },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct pattern p = pattern(rows[i].pattern);
		struct redirect r;
		const char *why = "", *params[] = { rows[i].param };
		size_t at;
		ck_assert_msg(redirect_parse(&r, rows[i].redirect, &p, &arena, &why, &at) == 0,
			      "%s: %s", rows[i].redirect, why);
		ck_assert_int_eq(r.status, rows[i].status);
		ck_assert_str_eq(redirect_target(&r, params, rows[i].query, &arena),
				 rows[i].target);
	}
}
END_TEST

START_TEST(no_parameter_leads_to_another_host)
{
	static const char *const values[] = { "/evil.org",  "//evil.org",  "///evil.org/x",
					      "\\evil.org", "/\\evil.org", "\t/evil.org",
					      "@evil.org",  ":80/x" };
	static const char *const targets[] = { "301 /{r}", "301 /{r}?a", "301 /{r}{r}" };
	struct pattern p = pattern("/{r:path}");
	for (size_t i = 0; i < array_len(values) * array_len(targets); i++) {
		const char *params[] = { values[i % array_len(values)] }, *why;
		struct redirect r;
		size_t at;
		ck_assert_int_eq(
			redirect_parse(&r, targets[i / array_len(values)], &p, &arena, &why, &at),
			0);
		const char *target = redirect_target(&r, params, "q", &arena);
		ck_assert_msg(target[0] == '/' && target[1] != '/' && target[1] != '\\', "%s",
			      target);
		ck_assert_ptr_null(strpbrk(target, "\\\t\r\n @"));
	}
}
END_TEST

START_TEST(what_is_no_redirect_is_refused_where_it_is_wrong)
{
	static const struct {
		const char *text, *why;
		size_t at;
	} rows[] = {
		{ "", "begins with a status", 0 },
		{ "/b", "begins with a status", 0 },
		{ "300 /b", "begins with a status", 0 },
		{ "304 /b", "begins with a status", 0 },
		{ "3011 /b", "begins with a status", 0 },
		{ "301", "names no target", 3 },
		{ "301  ", "names no target", 5 },
		{ "301 b", "leads to", 4 },
		{ "301 //evil.org", "leads to", 4 },
		{ "301 ftp://e.org/", "leads to", 4 },
		{ "301 javascript:x", "leads to", 4 },
		{ "301 {r}", "leads to", 4 },
		{ "301 https://", "host", 12 },
		{ "301 https:///x", "host", 12 },
		{ "301 https://a@b/x", "host", 12 },
		{ "301 https://a:99999/x", "host", 12 },
		{ "301 https://{r}", "before the '/'", 12 },
		{ "301 https://e.org{r}", "before the '/'", 12 },
		{ "301 /b c", "%XX", 6 },
		{ "301 /b\\c", "%XX", 6 },
		{ "301 /b\r\nX: y", "%XX", 6 },
		{ "301 /\xc3\xa9", "%XX", 5 },
		{ "301 /b}", "%XX", 6 },
		{ "301 /b%2", "two hex digits", 6 },
		{ "301 /b%zz", "two hex digits", 6 },
		{ "301 /b#c", "fragment", 6 },
		{ "301 /b{r", "without '}'", 6 },
		{ "301 /b{r{r}", "without '}'", 6 },
		{ "301 /b{x}", "names a parameter", 7 },
		{ "301 /b{}", "names a parameter", 7 },
		{ "301 /b{0123456789012345678901234567890123456789012345678901234567890123456789}",
		  "names a parameter", 7 },
	};
	struct pattern p = pattern("/{r:path}");
	for (size_t i = 0; i < array_len(rows); i++) {
		struct redirect r;
		const char *why = NULL;
		size_t at = 999;
		int rc = redirect_parse(&r, rows[i].text, &p, &arena, &why, &at);
		ck_assert_msg(rc == ERR_SYNTAX && strstr(why, rows[i].why), "'%s': %d %s",
			      rows[i].text, rc, why ? why : "");
		ck_assert_msg(at == rows[i].at, "'%s': at %zu", rows[i].text, at);
	}
}
END_TEST

UNIT_MAIN("redirect", targets_are_made_of_text_parameters_and_query,
	  no_parameter_leads_to_another_host, what_is_no_redirect_is_refused_where_it_is_wrong)
