/*
 * http/mime: types by endings.
 *
 * Thread: one.
 */
#include "http/mime.h"

#include <string.h>

#include "unit.h"

static const char unknown[] = "application/octet-stream";

static struct mime_table *table(const char *text, struct arena *a)
{
	arena_init(a);
	struct mime_table *t = mime_new(text, text ? strlen(text) : 0, a);
	ck_assert_ptr_nonnull(t);
	return t;
}

START_TEST(the_usual_types_are_known)
{
	static const struct {
		const char *name, *type;
	} rows[] = {
		{ "index.html", "text/html; charset=utf-8" },
		{ "a/b/app.js", "text/javascript; charset=utf-8" },
		{ "STYLE.CSS", "text/css; charset=utf-8" },
		{ "x.min.css", "text/css; charset=utf-8" },
		{ "data.json", "application/json" },
		{ "logo.svg", "image/svg+xml" },
		{ "photo.JPeG", "image/jpeg" },
		{ "readme", unknown },
		{ "readme.", unknown },
		{ "a.html/readme", unknown },
		{ "x.unknown", unknown },
		{ "", unknown },
		{ "html", unknown },
		{ ".html", "text/html; charset=utf-8" },
	};
	struct arena a;
	struct mime_table *t = table(NULL, &a);
	for (size_t i = 0; i < array_len(rows); i++)
		ck_assert_str_eq(mime_find(t, rows[i].name), rows[i].type);
	arena_done(&a);
}
END_TEST

START_TEST(a_table_in_the_systems_form_is_read)
{
	struct arena a;
	struct mime_table *t = table("# comment x/y a\n"
				     "\n"
				     "text/x-a  \t a  A2 # b\r\n"
				     "  application/x-c c\n"
				     "application/none\n"
				     "no-type d\n"
				     "bad/ty\"pe e\n"
				     "application/javascript js\n"
				     "image/x-f f",
				     &a);
	ck_assert_str_eq(mime_find(t, "x.a"), "text/x-a; charset=utf-8");
	ck_assert_str_eq(mime_find(t, "x.a2"), "text/x-a; charset=utf-8");
	ck_assert_str_eq(mime_find(t, "x.c"), "application/x-c");
	ck_assert_str_eq(mime_find(t, "x.js"), "application/javascript; charset=utf-8");
	ck_assert_str_eq(mime_find(t, "x.f"), "image/x-f");
	ck_assert_str_eq(mime_find(t, "x.b"), unknown);
	ck_assert_str_eq(mime_find(t, "x.d"), unknown);
	ck_assert_str_eq(mime_find(t, "x.e"), unknown);
	ck_assert_str_eq(mime_find(t, "x.html"), unknown);
	arena_done(&a);
}
END_TEST

START_TEST(of_an_ending_that_stands_twice_the_last_counts)
{
	struct arena a;
	struct mime_table *t = table("a/one x y\nb/two x z\nc/three x\nd/four w\n", &a);
	ck_assert_str_eq(mime_find(t, "f.x"), "c/three");
	ck_assert_str_eq(mime_find(t, "f.y"), "a/one");
	ck_assert_str_eq(mime_find(t, "f.z"), "b/two");
	ck_assert_str_eq(mime_find(t, "f.w"), "d/four");
	arena_done(&a);
}
END_TEST

START_TEST(an_empty_table_knows_nothing)
{
	struct arena a;
	struct mime_table *t = table("", &a);
	ck_assert_str_eq(mime_find(t, "index.html"), unknown);
	arena_done(&a);
}
END_TEST

START_TEST(endings_have_a_bound)
{
	struct arena a;
	struct mime_table *t = table("a/b 1234567890123456789012345678901 "
				     "12345678901234567890123456789012\n",
				     &a);
	ck_assert_str_eq(mime_find(t, "x.1234567890123456789012345678901"), "a/b");
	ck_assert_str_eq(mime_find(t, "x.12345678901234567890123456789012"), unknown);
	arena_done(&a);
}
END_TEST

UNIT_MAIN("mime", the_usual_types_are_known, a_table_in_the_systems_form_is_read,
	  of_an_ending_that_stands_twice_the_last_counts, an_empty_table_knows_nothing,
	  endings_have_a_bound)
