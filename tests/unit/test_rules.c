/*
 * Rules applied to requests: who may ask, preflights, redirects.
 */
#include "work/rules.h"

#include <errno.h>
#include <string.h>

#include "unit.h"
#include "work/redirect.h"

static struct generation gen;
static struct route routes[3];
static struct request *req;
static struct http_header headers[8];
static unsigned allow;

static struct cidr range[1];
static const char *origins[] = { "https://a", "https://b" };
static const struct rules listed = { .origins = origins, .origin_count = 2 };
static const struct rules second = { .origins = origins + 1, .origin_count = 1 };
static const struct rules inside = { .allow = { range, 1 }, .origins = origins, .origin_count = 2 };

static void add_route(struct route *r, enum http_method method, const char *pattern,
		      const struct rules *rules)
{
	const char *why;
	struct pattern_target *other;
	*r = (struct route){ .rules = rules };
	r->target.methods = HTTP_BIT(method);
	ck_assert_int_eq(pattern_parse(&r->target.pattern, "", pattern, &gen.arena, &why), 0);
	ck_assert_int_eq(router_add(gen.router, &r->target, &other), 0);
}

/* GET /x (both origins), PUT /x (the second), GET /in (10.0.0.0/8). */
static void prepare(void)
{
	atomic_init(&gen.refs, 100);
	arena_init(&gen.arena);
	gen.router = router_new(&gen.arena);
	gen.rules = NULL;
	ck_assert_int_eq(cidr_parse("10.0.0.0/8", range), 0);
	add_route(&routes[0], HTTP_GET, "/x", &listed);
	add_route(&routes[1], HTTP_PUT, "/x", &second);
	add_route(&routes[2], HTTP_GET, "/in", &inside);
	req = request_new();
	ck_assert_ptr_nonnull(req);
}

static void clean_up(void)
{
	req->gen = NULL;
	request_free(&req);
	arena_done(&gen.arena);
}

static void add_header(const char *name, const char *value)
{
	headers[req->head.header_count++] =
		(struct http_header){ name, value, (uint32_t)strlen(name),
				      (uint32_t)strlen(value) };
}

/* Routes a request and applies the rules; the status. */
static int ask(const char *client, enum http_method method, const char *path, const char *origin,
	       const char *asked)
{
	req->gen = NULL;
	request_reset(req);
	req->gen = &gen;
	req->head.headers = headers;
	req->head.header_count = 0;
	req->head.method = method;
	req->head.path = (struct http_span){ path, strlen(path) };
	struct cidr one;
	ck_assert_int_eq(cidr_parse(client, &one), 0);
	req->client = one.base;
	if (origin)
		add_header("Origin", origin);
	if (asked)
		add_header("Access-Control-Request-Method", asked);
	allow = 0;
	return rules_apply(req, request_route(req, &allow), &allow);
}

static const char *value_of(const char *name)
{
	const struct response_header *h = response_header_find(&req->res, name);
	return h ? h->value : "";
}

START_TEST(addresses_that_are_not_listed_are_403)
{
	prepare();
	ck_assert_int_eq(ask("10.1.2.3", HTTP_GET, "/in", NULL, NULL), 0);
	ck_assert_int_eq(ask("192.0.2.1", HTTP_GET, "/in", NULL, NULL), 403);
	ck_assert_int_eq(ask("unix", HTTP_GET, "/in", NULL, NULL), 403);
	ck_assert_int_eq(ask("::1", HTTP_GET, "/in", NULL, NULL), 403);
	ck_assert_int_eq(ask("192.0.2.1", HTTP_GET, "/x", NULL, NULL), 0);
	ck_assert_int_eq(ask("192.0.2.1", HTTP_GET, "/none", NULL, NULL), 404);
	gen.rules = &inside;
	ck_assert_int_eq(ask("192.0.2.1", HTTP_GET, "/none", NULL, NULL), 403);
	ck_assert_int_eq(ask("10.1.2.3", HTTP_GET, "/none", NULL, NULL), 404);
	ck_assert_int_eq(ask("192.0.2.1", HTTP_DELETE, "/x", NULL, NULL), 403);
	ck_assert_uint_eq(allow, 0);
	clean_up();
}
END_TEST

START_TEST(an_origin_is_echoed_from_the_list)
{
	prepare();
	ck_assert_int_eq(ask("unix", HTTP_GET, "/x", "https://b", NULL), 0);
	ck_assert_ptr_eq(req->cors_origin, origins[1]);
	ck_assert(req->varies_by_origin);
	ck_assert_int_eq(ask("unix", HTTP_GET, "/x", "https://bb", NULL), 0);
	ck_assert_ptr_null(req->cors_origin);
	ck_assert(req->varies_by_origin);
	ck_assert_int_eq(ask("unix", HTTP_GET, "/none", "https://b", NULL), 404);
	ck_assert(!req->varies_by_origin);
	clean_up();
}
END_TEST

START_TEST(preflights_are_answered_by_the_route_that_is_asked_for)
{
	static const char methods[] = "Access-Control-Allow-Methods";
	prepare();
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", "GET"), 204);
	ck_assert_str_eq(value_of(methods), "GET, HEAD");
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://b", "PUT"), 204);
	ck_assert_str_eq(value_of(methods), "GET, HEAD, PUT");
	ck_assert_ptr_eq(req->route, &routes[1]);
	ck_assert_uint_eq(allow, 0);
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", "PUT"), 204);
	ck_assert_str_eq(value_of(methods), "");
	ck_assert_ptr_null(req->cors_origin);
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/in", "https://a", "GET"), 403);
	ck_assert_int_eq(ask("10.0.0.1", HTTP_OPTIONS, "/in", "https://a", "GET"), 204);
	ck_assert_str_eq(value_of(methods), "GET, HEAD");
	/* No preflights: no origin, no method, one that nobody has. */
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", NULL, "GET"), 204);
	ck_assert_uint_ne(allow, 0);
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", NULL), 204);
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", "BREW"), 204);
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", "TRACE"), 204);
	ck_assert_str_eq(value_of(methods), "");
	clean_up();
}
END_TEST

START_TEST(a_redirect_is_the_answer_of_its_route)
{
	struct redirect r;
	const char *why;
	size_t at;
	prepare();
	ck_assert_int_eq(
		redirect_parse(&r, "307 /y", &routes[0].target.pattern, &gen.arena, &why, &at), 0);
	routes[0].redirect = &r;
	ck_assert_int_eq(ask("unix", HTTP_GET, "/x", NULL, NULL), 307);
	ck_assert_str_eq(value_of("Location"), "/y");
	ck_assert_int_eq(ask("unix", HTTP_OPTIONS, "/x", "https://a", "GET"), 204);
	ck_assert_str_eq(value_of("Location"), "");
	clean_up();
}
END_TEST

UNIT_MAIN("rules", addresses_that_are_not_listed_are_403, an_origin_is_echoed_from_the_list,
	  preflights_are_answered_by_the_route_that_is_asked_for,
	  a_redirect_is_the_answer_of_its_route)
