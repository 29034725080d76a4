/*
 * Rules: read from sections, applied to requests. What a section does not say is
 * as [server] says.
 *
 * Thread: see rules.h.
 */
#include "work/rules.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "work/redirect.h"
#include "work/site.h"

/* What a browser may ask to be allowed at most; more is not echoed. */
enum { ASKED_HEADERS_MAX = 1024 };

static const char allow_origin[] = "Access-Control-Allow-Origin";
static const char max_age[] = "600"; /* seconds: how soon a change is seen */

/* ---- building ---- */

static int read_allow(struct rules *to, const struct option_value *v, struct arena *a)
{
	to->allow = (struct cidr_list){ .list = arena_alloc(a, v->count * sizeof(struct cidr)) };
	if (!to->allow.list)
		return -ENOMEM;
	for (size_t i = 0; i < v->count; i++) {
		if (cidr_parse(v->texts[i].text, &to->allow.list[to->allow.count]) == 0)
			to->allow.count++; /* else conf_check has complained of it */
	}
	return 0;
}

static int read_origins(struct rules *to, const struct option_value *v, struct arena *a)
{
	to->origin_count = 0;
	to->has_any_origin = false;
	to->origins = arena_alloc(a, v->count * sizeof(*to->origins));
	if (!to->origins)
		return -ENOMEM;
	for (size_t i = 0; i < v->count; i++) {
		to->origins[to->origin_count++] = v->texts[i].text;
		if (strcmp(v->texts[i].text, "*") == 0)
			to->has_any_origin = true;
	}
	return 0;
}

static bool has_cors(const struct rules *rules)
{
	return rules && rules->origin_count > 0;
}

/* The rules of one section over those of [server]. */
static int build(struct generation *gen, const struct conf_section *section, size_t allow,
		 size_t cors, const struct rules *server, const struct rules **ret)
{
	const struct option_value *values = section->set.values;
	*ret = server;
	if (values[allow].count == 0 && values[cors].count == 0)
		return 0;
	struct rules *own = arena_zalloc(&gen->arena, sizeof(*own));
	if (!own)
		return -ENOMEM;
	if (server)
		*own = *server;
	int rc = 0;
	if (values[allow].count > 0)
		rc = read_allow(own, &values[allow], &gen->arena);
	if (rc == 0 && values[cors].count > 0)
		rc = read_origins(own, &values[cors], &gen->arena);
	*ret = own;
	gen->has_rules = true;
	return rc;
}

/* Two headers of one name would be none to a browser. */
static void check_added(const struct response_header *add, const struct rules *rules,
			const struct conf_section *section, size_t cors, struct conf_errors *errs)
{
	for (; has_cors(rules) && add; add = add->next) {
		if (strcasecmp(add->name, allow_origin) != 0)
			continue;
		const struct option_value *v = &section->set.values[cors];
		conf_error(errs, v->count > 0 ? v->texts[0].place : section->place,
			   "cors_origin: %s is set by add_header, too; leave one of them out",
			   allow_origin);
		return;
	}
}

int rules_build(struct generation *gen, struct conf_errors *errs)
{
	const struct conf_section *server = &gen->conf->server;
	int rc = build(gen, server, SERVER_ALLOW, SERVER_CORS_ORIGIN, NULL, &gen->rules);
	check_added(gen->add, gen->rules, server, SERVER_CORS_ORIGIN, errs);
	for (size_t i = 0; rc == 0 && i < gen->route_count; i++) {
		struct route *r = &gen->routes[i];
		r->rules = gen->rules;
		if (r->redirect)
			gen->has_rules = true;
		if (!r->section)
			continue;
		rc = build(gen, r->section, ROUTE_ALLOW, ROUTE_CORS_ORIGIN, gen->rules, &r->rules);
		if (r->rules != gen->rules || r->add != gen->add)
			check_added(r->add, r->rules, r->section, ROUTE_CORS_ORIGIN, errs);
	}
	for (size_t i = 0; rc == 0 && i < gen->site_count; i++) {
		struct site *site = &gen->sites[i];
		struct route *r = &site->route;
		rc = build(gen, site->section, STATIC_ALLOW, STATIC_CORS_ORIGIN, gen->rules,
			   &r->rules);
		if (r->rules != gen->rules || r->add != gen->add)
			check_added(r->add, r->rules, site->section, STATIC_CORS_ORIGIN, errs);
		site->bare.rules = r->rules;
	}
	return rc;
}

/* ---- applying ---- */

static const char *header(const struct request *req, const char *name)
{
	const struct http_header *h =
		http_header_find(req->head.headers, req->head.header_count, name);
	return h ? h->value : NULL;
}

static bool is_allowed(const struct rules *rules, const struct request *req)
{
	return rules->allow.count == 0 || cidr_list_holds(&rules->allow, &req->client);
}

/* What answers to pages of this origin say; NULL: nothing. */
static const char *find_origin(const struct rules *rules, const char *origin)
{
	if (rules->has_any_origin)
		return "*";
	for (size_t i = 0; origin && i < rules->origin_count; i++) {
		if (strcmp(rules->origins[i], origin) == 0)
			return rules->origins[i];
	}
	return NULL;
}

static const struct route *find_route(const struct request *req, enum http_method method)
{
	struct router_match match;
	router_match(req->gen->router, method, req->path, req->path_len, &match);
	return match.target ? container_of(match.target, struct route, target) : NULL;
}

/* Before a request that a form could not make, a browser asks whether it may.
 * The route that the request would have, when it has an answer to that. */
static const struct route *find_preflight(const struct request *req)
{
	if (req->head.method != HTTP_OPTIONS || req->head.form == HTTP_ASTERISK_FORM ||
	    !req->path || !header(req, "Origin"))
		return NULL;
	const char *asked = header(req, "Access-Control-Request-Method");
	enum http_method method = asked ? http_method_find(asked, strlen(asked)) : HTTP_OTHER;
	const struct route *route = method != HTTP_OTHER ? find_route(req, method) : NULL;
	return route && has_cors(route->rules) ? route : NULL;
}

static bool is_list_of_tokens(const char *text)
{
	struct http_span member;
	size_t len = strlen(text), pos = 0;
	while (http_list_next(text, len, &pos, &member)) {
		if (!http_is_token(member.at, member.len))
			return false;
	}
	return true;
}

/* Of a path's methods, those that pages of the origin may use: what is named
 * here is not asked for again. */
static unsigned methods_for(const struct request *req, const char *origin)
{
	unsigned methods = 0;
	for (enum http_method m = 0; m < HTTP_METHOD_COUNT; m++) {
		const struct route *r = HTTP_BIT(m) & HTTP_ROUTABLE ? find_route(req, m) : NULL;
		if (r && r->rules && find_origin(r->rules, origin) && is_allowed(r->rules, req))
			methods |= HTTP_BIT(m);
	}
	return methods;
}

static int answer_preflight(struct request *req)
{
	char methods[64];
	if (!req->cors_origin)
		return 204;
	http_methods_text(methods_for(req, header(req, "Origin")), methods, sizeof(methods));
	int rc = response_put_header(&req->res, true, "Access-Control-Allow-Methods", methods);
	const char *asked = header(req, "Access-Control-Request-Headers");
	if (rc == 0 && asked && strlen(asked) <= ASKED_HEADERS_MAX && is_list_of_tokens(asked))
		rc = response_put_header(&req->res, true, "Access-Control-Allow-Headers", asked);
	if (rc == 0)
		rc = response_put_header(&req->res, true, "Access-Control-Max-Age", max_age);
	return rc < 0 ? rc : 204;
}

static int answer_redirect(struct request *req)
{
	const struct redirect *r = req->route->redirect;
	char *target = redirect_target(r, req->params, req->query, &req->arena);
	int rc = target ? response_put_header(&req->res, true, "Location", target) : -ENOMEM;
	return rc < 0 ? rc : r->status;
}

int rules_apply(struct request *req, int status, unsigned *ret_allow)
{
	const struct route *preflight = status < 0 ? NULL : find_preflight(req);
	if (preflight) {
		req->route = preflight;
		*ret_allow = 0;
	}
	const struct rules *rules = req->route ? req->route->rules : req->gen->rules;
	if (rules && !is_allowed(rules, req)) {
		*ret_allow = 0;
		return 403;
	}
	if (has_cors(rules)) {
		req->cors_origin = find_origin(rules, header(req, "Origin"));
		req->varies_by_origin = !rules->has_any_origin;
	}
	if (preflight)
		return answer_preflight(req);
	if (status == 0 && req->route && req->route->redirect)
		return answer_redirect(req);
	return status;
}
