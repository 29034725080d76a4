/*
 * work/pattern and work/router: which patterns there are, what they match,
 * which one wins.
 *
 * Thread: one.
 */
#include "work/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "unit.h"

enum { GET = HTTP_BIT(HTTP_GET), POST = HTTP_BIT(HTTP_POST), HEAD = HTTP_BIT(HTTP_HEAD) };

static struct arena arena;
static const char *why;

static struct pattern parse(const char *mount, const char *text)
{
	struct pattern p;
	ck_assert_msg(pattern_parse(&p, mount, text, &arena, &why) == 0, "%s: %s", text, why);
	return p;
}

static void refused(const char *text, const char *reason)
{
	struct pattern p = { .text = "untouched" };
	why = NULL;
	ck_assert_msg(pattern_parse(&p, "", text, &arena, &why) == ERR_SYNTAX, "%s", text);
	ck_assert_msg(strstr(why, reason) != NULL, "%s: %s", text, why);
	ck_assert_str_eq(p.text, "untouched");
}

/* ---- a router with its targets ---- */

struct scene {
	struct router *router;
	struct pattern_target targets[16];
	size_t count;
	struct router_match match;
};

static struct scene *scene(void)
{
	static struct scene s;
	s = (struct scene){ .router = router_new(&arena) };
	ck_assert_ptr_nonnull(s.router);
	return &s;
}

static int add(struct scene *s, unsigned methods, const char *text)
{
	struct pattern_target *t = &s->targets[s->count++], *other;
	*t = (struct pattern_target){ .pattern = parse("", text), .methods = methods };
	return router_add(s->router, t, &other);
}

/* The text of the pattern that wins, "" for none. */
static const char *find(struct scene *s, enum http_method method, const char *path)
{
	router_match(s->router, method, path, strlen(path), &s->match);
	return s->match.target ? s->match.target->pattern.text : "";
}

/* Does the one pattern match the path? */
static bool fits(const char *pattern, const char *path)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, pattern), 0);
	return *find(s, HTTP_GET, path) != '\0';
}

/* ---- patterns ---- */

START_TEST(a_pattern_knows_its_segments_and_parameters)
{
	struct pattern p = parse("", "/notes/{id:int}/parts/{name}/{rest:path}");
	ck_assert_uint_eq(p.segment_count, 5);
	ck_assert_uint_eq(p.param_count, 3);
	ck_assert_str_eq(p.segments[0].text, "notes");
	ck_assert_int_eq(pattern_param(&p, "id"), 0);
	ck_assert_int_eq(pattern_param(&p, "name"), 1);
	ck_assert_int_eq(pattern_param(&p, "rest"), 2);
	ck_assert_int_eq(pattern_param(&p, "notes"), -1);
	ck_assert_int_eq(pattern_param_type(&p, 0), PATTERN_INT);
	ck_assert_int_eq(pattern_param_type(&p, 1), PATTERN_STR);
	ck_assert_int_eq(pattern_param_type(&p, 2), PATTERN_PATH);
}
END_TEST

START_TEST(a_mount_is_put_before_the_pattern)
{
	ck_assert_str_eq(parse("", "/a").text, "/a");
	ck_assert_str_eq(parse("/", "/a").text, "/a");
	ck_assert_str_eq(parse("/api", "/a").text, "/api/a");
	ck_assert_str_eq(parse("/api/", "/a").text, "/api/a");
	ck_assert_str_eq(parse("/api", "/").text, "/api/");
	ck_assert_str_eq(parse("/api", "").text, "/api");
	ck_assert_str_eq(parse("/", "/").text, "/");
	ck_assert_uint_eq(parse("/t/{tenant}", "/{id:int}").param_count, 2);
}
END_TEST

START_TEST(a_malformed_pattern_is_refused_with_its_reason)
{
	refused("", "begin with '/'");
	refused("a", "begin with '/'");
	refused("/a//b", "empty segment");
	refused("//", "empty segment");
	refused("/a?b", "'?'");
	refused("/a#b", "'#'");
	refused("/a\tb", "control");
	refused("/a\x7f", "control");
	refused("/a/./b", "'..'");
	refused("/..", "'..'");
	refused("/a{b}", "whole segment");
	refused("/{b}c", "whole segment");
	refused("/{", "whole segment");
	refused("/}", "whole segment");
	refused("/{{a}}", "whole segment");
	refused("/{a}{b}", "whole segment");
	refused("/{a/b}", "whole segment");
}
END_TEST

START_TEST(a_malformed_parameter_is_refused_with_its_reason)
{
	refused("/{}", "no name");
	refused("/{:int}", "no name");
	refused("/{1a}", "begins with a digit");
	refused("/{a-b}", "letters, digits and _");
	refused("/{ a}", "letters, digits and _");
	refused("/{a\xc3\xa9}", "letters, digits and _");
	refused("/{a}/{a:int}", "stands twice");
	refused("/{a:integer}", "there are int, float, uuid, datetime, str and path");
	refused("/{a:}", "unknown parameter type ''");
	refused("/{a:int:int}", "unknown parameter type");
	refused("/{a:path}/b", "last segment");
	refused("/{a:path}/", "last segment");
}
END_TEST

START_TEST(segments_and_parameters_have_a_bound)
{
	char text[1024] = "";
	for (int i = 0; i < PATTERN_SEGMENTS_MAX; i++)
		strcat(text, "/s");
	ck_assert_uint_eq(parse("", text).segment_count, PATTERN_SEGMENTS_MAX);
	ck_assert(fits(text, text));
	strcat(text, "/");
	refused(text, "64 segments");
	text[0] = '\0';
	for (int i = 0; i < PATTERN_PARAMS_MAX; i++)
		sprintf(text + strlen(text), "/{p%d}", i);
	ck_assert_uint_eq(parse("", text).param_count, PATTERN_PARAMS_MAX);
	strcat(text, "/{more}");
	refused(text, "16 parameters");
}
END_TEST

/* ---- matching ---- */

START_TEST(text_matches_itself_alone)
{
	ck_assert(fits("/", "/"));
	ck_assert(!fits("/", ""));
	ck_assert(!fits("/", "//"));
	ck_assert(fits("/a/b", "/a/b"));
	ck_assert(!fits("/a/b", "/a"));
	ck_assert(!fits("/a/b", "/a/b/c"));
	ck_assert(!fits("/a/b", "/A/b"));
	ck_assert(!fits("/a/b", "/a//b"));
	ck_assert(fits("/\xc3\xa9", "/\xc3\xa9"));
}
END_TEST

START_TEST(a_slash_at_the_end_makes_another_path)
{
	ck_assert(!fits("/a", "/a/"));
	ck_assert(!fits("/a/", "/a"));
	ck_assert(fits("/a/", "/a/"));
	ck_assert(!fits("/{x}", "/a/"));
	ck_assert(fits("/{x}/", "/a/"));
	ck_assert(!fits("/{x}/", "//"));
}
END_TEST

START_TEST(the_rest_of_a_path_may_be_empty_after_its_slash)
{
	ck_assert(fits("/files/{rest:path}", "/files/"));
	ck_assert(fits("/files/{rest:path}", "/files/a"));
	ck_assert(fits("/files/{rest:path}", "/files/a//b/"));
	ck_assert(!fits("/files/{rest:path}", "/files"));
	ck_assert(fits("/{rest:path}", "/"));
}
END_TEST

START_TEST(a_segment_that_is_not_of_the_type_does_not_match)
{
	static const struct {
		const char *type;
		const char *good, *bad; /* separated by one space */
	} cases[] = {
		{ "int", "0 7 007 123456789012345678901234567890", "-1 +1 1.0 a 1a 0x1 \xd9\xa1" },
		{ "float", "0 1.5 10 0.25", "1. .5 -1.5 1.5.5 1e5 1,5 a" },
		{ "uuid",
		  "123e4567-e89b-12d3-a456-426614174000 123E4567-E89B-12D3-A456-42661417400F",
		  "123e4567-e89b-12d3-a456-42661417400 123e4567e89b12d3a456426614174000 "
		  "123e4567-e89b-12d3-a456-42661417400g 123e4567-e89b-12d3-a456_426614174000" },
		{ "datetime",
		  "2024-02-29T12:30:00 2024-02-29T12:30:00Z 2024-02-29T12:30:60 "
		  "2024-02-29T12:30:00.125 2024-02-29T12:30:00.1Z 2024-02-29T12:30:00+02:00 "
		  "2024-02-29T12:30:00.5-11:30",
		  "2024-02-29 2024-02-29t12:30:00 2024-13-01T12:30:00 2024-00-01T12:30:00 "
		  "2024-01-32T00:00:00 2024-01-01T24:00:00 2024-01-01T00:60:00 "
		  "2024-01-01T00:00:61 2024-01-01T00:00:00. 2024-01-01T00:00:00ZZ "
		  "2024-01-01T00:00:00+2:00 2024-01-01T00:00:00+24:00 2024-01-01T00:00" },
		{ "str", "a 1 a%2Fb \xc3\xa9 {x}", "" },
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		for (int good = 0; good < 2; good++) {
			char words[1024], path[256], pattern[32];
			snprintf(pattern, sizeof(pattern), "/{x:%s}", cases[i].type);
			strcpy(words, good ? cases[i].good : cases[i].bad);
			for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
				snprintf(path, sizeof(path), "/%s", w);
				ck_assert_msg(fits(pattern, path) == good, "%s %s", pattern, path);
			}
			ck_assert(!fits(pattern, "/"));
		}
	}
}
END_TEST

START_TEST(a_parameter_without_a_type_is_text)
{
	struct pattern p = parse("", "/{x}");
	ck_assert_int_eq(pattern_param_type(&p, 0), PATTERN_STR);
}
END_TEST

START_TEST(parameters_are_spans_of_the_path)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, "/n/{id:int}/{name}/{rest:path}"), 0);
	const char *path = "/n/42/a%2Fb/x/y";
	find(s, HTTP_GET, path);
	ck_assert_ptr_nonnull(s->match.target);
	const struct http_span *p = s->match.params;
	ck_assert_ptr_eq(p[0].at, path + 3);
	ck_assert_uint_eq(p[0].len, 2);
	ck_assert_uint_eq(p[1].len, 5);
	ck_assert_mem_eq(p[2].at, "x/y", 3);
	ck_assert_uint_eq(p[2].len, 3);
}
END_TEST

START_TEST(the_narrowest_pattern_wins_in_any_order_of_adding)
{
	static const char *const patterns[] = {
		"/{rest:path}", "/{x}",      "/{f:float}",    "/{i:int}",
		"/7",           "/{u:uuid}", "/{d:datetime}",
	};
	for (int backwards = 0; backwards < 2; backwards++) {
		struct scene *s = scene();
		for (size_t i = 0; i < array_len(patterns); i++)
			ck_assert_int_eq(add(s, GET, patterns[backwards ? 6 - i : i]), 0);
		ck_assert_str_eq(find(s, HTTP_GET, "/7"), "/7");
		ck_assert_str_eq(find(s, HTTP_GET, "/8"), "/{i:int}");
		ck_assert_str_eq(find(s, HTTP_GET, "/8.5"), "/{f:float}");
		ck_assert_str_eq(find(s, HTTP_GET, "/x"), "/{x}");
		ck_assert_str_eq(find(s, HTTP_GET, "/"), "/{rest:path}");
		ck_assert_str_eq(find(s, HTTP_GET, "/7/"), "/{rest:path}");
		ck_assert_str_eq(find(s, HTTP_GET, "/2024-02-29T12:30:00"), "/{d:datetime}");
		ck_assert_str_eq(find(s, HTTP_GET, "/123e4567-e89b-12d3-a456-426614174000"),
				 "/{u:uuid}");
	}
}
END_TEST

START_TEST(a_narrow_way_that_ends_nowhere_is_gone_back)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, "/a/b/c"), 0);
	ck_assert_int_eq(add(s, GET, "/a/{x}/d"), 0);
	ck_assert_int_eq(add(s, GET, "/{y}/b/e"), 0);
	ck_assert_int_eq(add(s, GET, "/{rest:path}"), 0);
	ck_assert_str_eq(find(s, HTTP_GET, "/a/b/d"), "/a/{x}/d");
	ck_assert_str_eq(find(s, HTTP_GET, "/a/b/e"), "/{y}/b/e");
	ck_assert_uint_eq(s->match.params[0].len, 1);
	ck_assert_mem_eq(s->match.params[0].at, "a", 1);
	ck_assert_str_eq(find(s, HTTP_GET, "/a/b/f"), "/{rest:path}");
	ck_assert_uint_eq(s->match.params[0].len, 5);
}
END_TEST

/* ---- methods ---- */

START_TEST(a_wider_pattern_answers_the_methods_that_the_narrow_one_lacks)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, "/a/b"), 0);
	ck_assert_int_eq(add(s, POST, "/a/{x}"), 0);
	ck_assert_str_eq(find(s, HTTP_GET, "/a/b"), "/a/b");
	ck_assert_str_eq(find(s, HTTP_POST, "/a/b"), "/a/{x}");
	ck_assert_str_eq(find(s, HTTP_DELETE, "/a/b"), "");
	ck_assert_uint_eq(s->match.allow, GET | HEAD | POST);
	ck_assert_str_eq(find(s, HTTP_GET, "/a/c"), "");
	ck_assert_uint_eq(s->match.allow, POST);
	find(s, HTTP_GET, "/c");
	ck_assert_uint_eq(s->match.allow, 0);
	find(s, HTTP_OTHER, "/a/b");
	ck_assert_ptr_null(s->match.target);
}
END_TEST

START_TEST(head_is_answered_by_get_unless_it_has_its_own)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET | POST, "/a"), 0);
	ck_assert_int_eq(add(s, GET, "/b"), 0);
	ck_assert_int_eq(add(s, HEAD, "/b"), 0);
	ck_assert_int_eq(add(s, POST, "/c"), 0);
	ck_assert_str_eq(find(s, HTTP_HEAD, "/a"), "/a");
	find(s, HTTP_HEAD, "/b");
	ck_assert_uint_eq(s->match.target->methods, HEAD);
	find(s, HTTP_GET, "/b");
	ck_assert_uint_eq(s->match.target->methods, GET);
	ck_assert_str_eq(find(s, HTTP_HEAD, "/c"), "");
	ck_assert_uint_eq(s->match.allow, POST);
}
END_TEST

/* ---- ambiguity ---- */

START_TEST(patterns_that_cross_or_are_equal_are_ambiguous)
{
	static const struct {
		const char *x, *y;
		bool ambiguous;
	} cases[] = {
		{ "/a", "/a", true },
		{ "/a", "/b", false },
		{ "/{x}", "/{y}", true },
		{ "/{x}", "/a", false },
		{ "/{x:int}", "/{x:float}", false },
		{ "/{x:int}", "/{x:uuid}", false },
		{ "/{x:int}/b", "/{y:int}/{z}", false },
		{ "/a/{x}", "/{y}/b", true },
		{ "/a/{x:int}", "/{y}/b", false },
		{ "/a/{x:int}", "/{y}/7", true },
		{ "/{x:int}/{y}", "/{x}/{y:int}", true },
		{ "/a/{x}", "/{y}/b/c", false },
		{ "/{p:path}", "/{q:path}", true },
		{ "/a/{p:path}", "/{q:path}", false },
		{ "/a/{p:path}", "/{x}/b", true },
		{ "/a/{p:path}", "/{x}/b/{q:path}", true },
		{ "/a/{p:path}", "/a", false },
		{ "/a/{p:path}", "/a/", false },
		{ "/a/{p:path}", "/b/{x}", false },
		{ "/a", "/a/", false },
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		struct pattern x = parse("", cases[i].x), y = parse("", cases[i].y);
		ck_assert_msg(pattern_is_ambiguous(&x, &y) == cases[i].ambiguous, "%s %s", x.text,
			      y.text);
		ck_assert_msg(pattern_is_ambiguous(&y, &x) == cases[i].ambiguous, "%s %s", y.text,
			      x.text);
	}
}
END_TEST

START_TEST(an_ambiguous_route_names_the_first_one_it_meets)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, "/a/{x}"), 0);
	ck_assert_int_eq(add(s, POST, "/{y}/b"), 0);
	struct pattern_target third = { .pattern = parse("", "/{z}/b"), .methods = GET | POST };
	struct pattern_target *other = NULL;
	ck_assert_int_eq(router_add(s->router, &third, &other), ERR_EXISTS);
	ck_assert_ptr_eq(other, &s->targets[0]);
	/* What was refused left nothing behind. */
	ck_assert_str_eq(find(s, HTTP_GET, "/q/b"), "");
}
END_TEST

START_TEST(routes_that_share_no_method_are_never_ambiguous)
{
	struct scene *s = scene();
	ck_assert_int_eq(add(s, GET, "/a/{x}"), 0);
	ck_assert_int_eq(add(s, POST, "/{y}/b"), 0);
	ck_assert_int_eq(add(s, HTTP_BIT(HTTP_PUT), "/a/{x}"), 0);
	ck_assert_str_eq(find(s, HTTP_GET, "/a/b"), "/a/{x}");
	ck_assert_str_eq(find(s, HTTP_POST, "/a/b"), "/{y}/b");
	ck_assert_int_eq(add(s, GET | POST, "/a/{x}"), ERR_EXISTS);
}
END_TEST

/* ---- cost ---- */

/* The most steps that finding one of `count` routes below a common prefix
 * takes. */
static unsigned most_steps(int count)
{
	struct router *router = router_new(&arena);
	struct pattern_target *targets = calloc((size_t)count, sizeof(*targets)), *other;
	struct router_match m;
	unsigned most = 0;
	ck_assert_ptr_nonnull(targets);
	for (int i = 0; i < count; i++) {
		char text[64];
		snprintf(text, sizeof(text), "/api/v1/resource%d/{id:int}", i);
		targets[i] = (struct pattern_target){ parse("", text), GET };
		ck_assert_int_eq(router_add(router, &targets[i], &other), 0);
	}
	for (int i = 0; i < count; i++) {
		char path[64];
		int len = snprintf(path, sizeof(path), "/api/v1/resource%d/%d", i, i);
		router_match(router, HTTP_GET, path, (size_t)len, &m);
		ck_assert_ptr_eq(m.target, &targets[i]);
		most = m.steps > most ? m.steps : most;
	}
	free(targets);
	return most;
}

START_TEST(two_thousand_routes_on_a_prefix_cost_as_a_tree_does)
{
	unsigned few = most_steps(2), many = most_steps(2000);
	/* A binary search among 2,000 takes ten comparisons more than one
	 * among 2. */
	ck_assert_uint_le(many, few + 11);
}
END_TEST

UNIT_MAIN("pattern", a_pattern_knows_its_segments_and_parameters, a_mount_is_put_before_the_pattern,
	  a_malformed_pattern_is_refused_with_its_reason,
	  a_malformed_parameter_is_refused_with_its_reason, segments_and_parameters_have_a_bound,
	  text_matches_itself_alone, a_slash_at_the_end_makes_another_path,
	  the_rest_of_a_path_may_be_empty_after_its_slash,
	  a_segment_that_is_not_of_the_type_does_not_match, a_parameter_without_a_type_is_text,
	  parameters_are_spans_of_the_path, the_narrowest_pattern_wins_in_any_order_of_adding,
	  a_narrow_way_that_ends_nowhere_is_gone_back,
	  a_wider_pattern_answers_the_methods_that_the_narrow_one_lacks,
	  head_is_answered_by_get_unless_it_has_its_own,
	  patterns_that_cross_or_are_equal_are_ambiguous,
	  an_ambiguous_route_names_the_first_one_it_meets,
	  routes_that_share_no_method_are_never_ambiguous,
	  two_thousand_routes_on_a_prefix_cost_as_a_tree_does)
