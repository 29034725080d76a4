/*
 * From a configuration to what serves: modules loaded, checked and
 * initialised, routes bound to handlers and pools.
 *
 * Thread: boot or the keeper; references are dropped by any.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "work/module.h"
#include "work/packing.h"
#include "work/pool.h"
#include "work/redirect.h"
#include "work/route.h"
#include "work/rules.h"
#include "work/site.h"
#include "work/stats.h"

static int64_t server_ns(const struct conf *conf, enum server_option option)
{
	return conf_ns(conf_int(&conf->server, option));
}

static void read_server(struct generation *gen)
{
	const struct conf *conf = gen->conf;
	const struct conf_section *server = &conf->server;
	gen->limits = (struct http_limits){
		.head_max = (size_t)conf_int(server, SERVER_HEAD_MAX),
		.target_max = (size_t)conf_int(server, SERVER_TARGET_MAX),
		.headers_max = (size_t)conf_int(server, SERVER_HEADERS_MAX),
		.takes_bare_lf = conf_int(server, SERVER_TAKES_BARE_LF) != 0,
	};
	gen->body_max = (uint64_t)conf_int(server, SERVER_BODY_MAX);
	gen->write_buffer = (size_t)conf_int(server, SERVER_WRITE_BUFFER);
	gen->body_memory = (uint64_t)conf_int(server, SERVER_BODY_MEMORY);
	gen->spool_dir = conf_text(server, SERVER_SPOOL_DIR);
	gen->header_timeout = server_ns(conf, SERVER_HEADER_TIMEOUT);
	gen->body_timeout = server_ns(conf, SERVER_BODY_TIMEOUT);
	gen->write_timeout = server_ns(conf, SERVER_WRITE_TIMEOUT);
	gen->keepalive_timeout = server_ns(conf, SERVER_KEEPALIVE_TIMEOUT);
}

static struct instance *find_instance(const struct generation *gen, const char *name, size_t len)
{
	for (size_t i = 0; i < gen->instance_count; i++) {
		const char *its = instance_name(gen->instances[i]);
		if (strlen(its) == len && memcmp(its, name, len) == 0)
			return gen->instances[i];
	}
	return NULL;
}

const struct option_set *generation_set_of(void *ctx, const char *instance)
{
	struct instance *inst = find_instance(ctx, instance, strlen(instance));
	return inst ? instance_options(inst) : NULL;
}

bool generation_handler(const struct generation *gen, const char *name, struct handler_ref *ret)
{
	const char *dot = strchr(name, '.');
	if (!dot)
		return false;
	struct instance *inst = find_instance(gen, name, (size_t)(dot - name));
	if (!inst)
		return false;
	const struct description *about = instance_description(inst);
	for (size_t i = 0; i < about->handler_count; i++) {
		if (strcmp(about->handlers[i].name, dot + 1) != 0)
			continue;
		*ret = (struct handler_ref){
			.handler = instance_handler(inst, i),
			.inst = inst,
			.is_inline = (about->handlers[i].flags & WEIR_INLINE) != 0,
			.is_live = (about->handlers[i].flags & WEIR_LIVE_BODY) != 0,
			.gunzips = (about->handlers[i].flags & WEIR_GUNZIP) != 0,
			.name = about->handlers[i].name,
		};
		return true;
	}
	return false;
}

/* ---- building ---- */

struct builder {
	struct generation *gen;
	struct pools *pools;
	struct conf_errors *errs;
	bool out_of_memory;
};

static void no_memory(struct builder *b, struct conf_place place)
{
	if (!b->out_of_memory)
		conf_error(b->errs, place, "out of memory");
	b->out_of_memory = true;
}

static void load_modules(struct builder *b)
{
	struct generation *gen = b->gen;
	const struct conf *conf = gen->conf;
	const char *dir = conf_text(&conf->server, SERVER_MODULE_DIR);
	gen->instances =
		arena_zalloc(&gen->arena, (conf->module_count + 1) * sizeof(*gen->instances));
	if (!gen->instances) {
		no_memory(b, conf->server.place);
		return;
	}
	for (size_t i = 0; i < conf->module_count; i++) {
		struct instance *inst = instance_load(&conf->modules[i], dir, gen, b->errs);
		if (inst)
			gen->instances[gen->instance_count++] = inst;
	}
}

static struct pool *find_pool(const struct builder *b, const char *name)
{
	return b->pools ? pools_find(b->pools, name) : NULL;
}

static bool is_given(const struct conf_section *section, size_t option)
{
	return section && conf_is_given(section, option);
}

/* What the [route] section says, else the module's, else the pool's. */
static void set_pools(const struct builder *b, struct route *r)
{
	const struct conf_section *module = instance_section(r->inst), *own = r->section;
	const char *background = own ? conf_text(own, ROUTE_BACKGROUND_POOL) : "";
	if (!background[0])
		background = conf_text(module, MODULE_BACKGROUND_POOL);
	const struct conf_section *pool = route_pool_section(b->gen, r);
	const struct conf_section *tasks = conf_pool(b->gen->conf, background);
	if (!pool || !tasks)
		return; /* a name that was complained of already */
	r->pool = find_pool(b, pool->name);
	r->background = find_pool(b, tasks->name);
	r->timeout = conf_ns(is_given(own, ROUTE_TIMEOUT) ? conf_int(own, ROUTE_TIMEOUT)
							  : conf_int(pool, POOL_TIMEOUT));
	r->slow_after = conf_ns(is_given(own, ROUTE_SLOW_LOG) ? conf_int(own, ROUTE_SLOW_LOG)
							      : conf_int(pool, POOL_SLOW_LOG));
	r->background_slow_after = conf_ns(conf_int(tasks, POOL_SLOW_LOG));
	r->queue_timeout = is_given(own, ROUTE_QUEUE_TIMEOUT)
				   ? conf_ns(conf_int(own, ROUTE_QUEUE_TIMEOUT))
				   : QUEUE_TIMEOUT_OF_POOL;
}

static bool set_pattern(struct builder *b, struct route *r, unsigned methods, const char *mount,
			const char *text)
{
	struct arena *a = &b->gen->arena;
	const char *why = NULL;
	r->target.methods = methods;
	int rc = pattern_parse(&r->target.pattern, mount, text, a, &why);
	if (rc == ERR_SYNTAX)
		conf_error(b->errs, r->place, "pattern '%s': %s", text, why);
	else if (rc < 0)
		no_memory(b, r->place);
	return rc == 0;
}

static void set_label(struct builder *b, struct route *r)
{
	char methods[64];
	http_methods_text(r->target.methods, methods, sizeof(methods));
	r->label = arena_printf(&b->gen->arena, "%s %s", methods, r->target.pattern.text);
	if (!r->label)
		no_memory(b, r->place);
}

static void bind(struct builder *b, struct route *r, const struct handler_ref *ref)
{
	r->handler = ref->handler;
	r->inst = ref->inst;
	r->is_inline = ref->is_inline;
	r->is_live = ref->is_live;
	r->gunzips = ref->gunzips;
	r->handler_name =
		arena_printf(&b->gen->arena, "%s.%s", instance_name(ref->inst), ref->name);
	if (!r->handler_name)
		no_memory(b, r->place);
}

/* A route of the module's own, below the instance's mount. */
static void add_own_route(struct builder *b, struct instance *inst, size_t i)
{
	const struct describe_handler *h = &instance_description(inst)->handlers[i];
	const struct conf_section *section = instance_section(inst);
	if (!h->pattern || conf_text(section, MODULE_MOUNT)[0] != '/')
		return; /* a mount that is none was complained of already */
	struct route *r = &b->gen->routes[b->gen->route_count];
	*r = (struct route){ .place = section->place };
	if (!set_pattern(b, r, http_methods_parse(h->methods), conf_text(section, MODULE_MOUNT),
			 h->pattern))
		return;
	struct handler_ref ref = {
		.handler = instance_handler(inst, i),
		.inst = inst,
		.is_inline = (h->flags & WEIR_INLINE) != 0,
		.is_live = (h->flags & WEIR_LIVE_BODY) != 0,
		.gunzips = (h->flags & WEIR_GUNZIP) != 0,
		.name = h->name,
	};
	bind(b, r, &ref);
	set_pools(b, r);
	set_label(b, r);
	b->gen->route_count++;
}

static bool find_handler(struct builder *b, const struct conf_section *section,
			 struct handler_ref *ret)
{
	const char *name = conf_text(section, ROUTE_HANDLER);
	struct conf_place place = section->set.values[ROUTE_HANDLER].place;
	if (generation_handler(b->gen, name, ret))
		return true;
	/* A module that was refused has said so; its routes need not. */
	const char *dot = strchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);
	struct instance *inst = find_instance(b->gen, name, len);
	char first[128];
	snprintf(first, sizeof(first), "%.*s", (int)len, name);
	if (!dot)
		conf_error(b->errs, place, "handler '%s' is not of the form INSTANCE.HANDLER",
			   name);
	else if (inst)
		conf_error(b->errs, place, "module \"%s\" has no handler '%s'; it has: %s", first,
			   dot + 1, instance_handler_list(inst, &b->gen->arena));
	else if (!conf_module(b->gen->conf, first))
		conf_error(b->errs, place, "handler '%s': there is no section [module %s]", name,
			   first);
	return false;
}

/* In the place of a handler. */
static bool set_redirect(struct builder *b, struct route *r, const struct conf_section *section)
{
	struct arena *a = &b->gen->arena;
	const char *text = conf_text(section, ROUTE_REDIRECT), *why;
	struct conf_place place = section->set.values[ROUTE_REDIRECT].place;
	size_t at;
	struct redirect *redirect = arena_alloc(a, sizeof(*redirect));
	int rc = redirect ? redirect_parse(redirect, text, &r->target.pattern, a, &why, &at)
			  : ERR_NOMEM;
	if (rc == ERR_SYNTAX) {
		place.column += (unsigned)at;
		conf_error(b->errs, place, "redirect: '%.128s' %s", text, why);
		return false;
	}
	r->redirect = redirect;
	r->handler = NULL;
	r->inst = NULL;
	r->is_inline = true; /* it takes no token */
	r->is_live = r->gunzips = false;
	r->pool = r->background = NULL;
	r->timeout = CLOCK_NEVER;
	r->handler_name = rc == 0 ? arena_printf(a, "[redirect %s]", text) : NULL;
	if (!r->handler_name)
		no_memory(b, section->place);
	return r->handler_name != NULL;
}

static bool is_same_pattern(const struct route *r, const struct route *other)
{
	return r->target.methods == other->target.methods &&
	       strcmp(r->target.pattern.text, other->target.pattern.text) == 0;
}

/* A [route] section: changes the module's own route of the same methods and
 * pattern, or adds one. */
static void add_conf_route(struct builder *b, const struct conf_section *section)
{
	struct route *end = &b->gen->routes[b->gen->route_count];
	*end = (struct route){ .place = section->place };
	if (!set_pattern(b, end, http_methods_parse(section->methods), "/", section->name))
		return;
	struct route *r = b->gen->routes;
	while (r != end && !is_same_pattern(r, end))
		r++;
	bool has_handler = conf_text(section, ROUTE_HANDLER)[0] != '\0';
	struct handler_ref ref;
	if (conf_is_given(section, ROUTE_REDIRECT)) {
		if (!set_redirect(b, r, section))
			return;
	} else if (has_handler) {
		if (!find_handler(b, section, &ref))
			return;
		bind(b, r, &ref);
	} else if (r == end) {
		if (b->gen->instance_count == b->gen->conf->module_count)
			conf_error(b->errs, section->place,
				   "[route %s %s]: no module has this route; name a handler",
				   section->methods, section->name);
		return;
	}
	r->section = section;
	r->place = section->place;
	if (!r->redirect)
		set_pools(b, r);
	set_label(b, r);
	b->gen->route_count += r == end;
}

/* The entries of routes, files included, where they are counted. */
static void add_stats(struct builder *b)
{
	struct generation *gen = b->gen;
	struct stats *stats = gen->host ? gen->host->stats : NULL;
	for (size_t i = 0; stats && i < gen->route_count; i++) {
		struct route *r = &gen->routes[i];
		r->stats = stats_entry(stats, r->label, r->inst ? instance_name(r->inst) : "");
		if (!r->stats)
			no_memory(b, r->place);
	}
	for (size_t i = 0; stats && i < gen->site_count; i++) {
		struct site *site = &gen->sites[i];
		const char *label = site->route.label;
		site->route.stats = label ? stats_entry(stats, label, "") : NULL;
		site->bare.stats = site->route.stats;
		if (!site->route.stats)
			no_memory(b, site->section->place);
	}
}

static size_t count_routes(const struct generation *gen)
{
	size_t count = gen->conf->route_count + 1;
	for (size_t i = 0; i < gen->instance_count; i++)
		count += instance_description(gen->instances[i])->handler_count;
	return count;
}

static void add_routes(struct builder *b)
{
	struct generation *gen = b->gen;
	gen->routes = arena_zalloc(&gen->arena, count_routes(gen) * sizeof(*gen->routes));
	if (!gen->routes) {
		no_memory(b, gen->conf->server.place);
		return;
	}
	for (size_t i = 0; i < gen->instance_count; i++) {
		size_t handlers = instance_description(gen->instances[i])->handler_count;
		for (size_t h = 0; h < handlers; h++)
			add_own_route(b, gen->instances[i], h);
	}
	for (size_t i = 0; i < gen->conf->route_count; i++)
		add_conf_route(b, &gen->conf->routes[i]);
}

/* ---- static files: routes without a handler ---- */

static bool name_site_route(struct builder *b, const struct site *site, struct route *r,
			    const char *prefix, const char *rest)
{
	*r = (struct route){ .place = site->section->place, .site = site, .timeout = CLOCK_NEVER };
	if (!set_pattern(b, r, HTTP_BIT(HTTP_GET), prefix, rest))
		return false;
	set_label(b, r);
	r->handler_name = arena_printf(&b->gen->arena, "[static %s]", site->section->name);
	if (!r->handler_name)
		no_memory(b, r->place);
	return !b->out_of_memory;
}

/* PREFIX with all below it and, unless it is "/", PREFIX without its slash. */
static void add_site(struct builder *b, const struct conf_section *section)
{
	struct generation *gen = b->gen;
	struct site *site = &gen->sites[gen->site_count];
	size_t len = strlen(section->name);
	while (len > 1 && section->name[len - 1] == '/')
		len--;
	char *prefix = arena_strndup(&gen->arena, section->name, len);
	site_open(site, section, gen->sites, gen->site_count, &gen->arena, b->errs);
	gen->site_count++;
	if (!prefix)
		no_memory(b, section->place);
	else if (!name_site_route(b, site, &site->route, prefix, "/{path:path}"))
		return;
	else if (site->route.target.pattern.param_count > 1)
		conf_error(b->errs, section->place, "the prefix of static files has no parameters");
	else if (len > 1)
		(void)name_site_route(b, site, &site->bare, prefix, "");
}

static void add_sites(struct builder *b)
{
	struct generation *gen = b->gen;
	gen->sites = arena_zalloc(&gen->arena, (gen->conf->static_count + 1) * sizeof(*gen->sites));
	if (!gen->sites)
		no_memory(b, gen->conf->server.place);
	for (size_t i = 0; !b->out_of_memory && i < gen->conf->static_count; i++)
		add_site(b, &gen->conf->statics[i]);
}

/* ---- the router ---- */

static void add_to_router(struct builder *b, struct route *r)
{
	struct pattern_target *other = NULL;
	int rc = router_add(b->gen->router, &r->target, &other);
	if (rc == ERR_EXISTS) {
		struct route *first = container_of(other, struct route, target);
		conf_error(b->errs, r->place,
			   "route %s of %s and route %s of %s (%s:%u) match the same paths; "
			   "change one pattern or mount",
			   r->label, r->handler_name, first->label, first->handler_name,
			   first->place.file ? first->place.file : "", first->place.line);
	} else if (rc < 0) {
		no_memory(b, r->place);
	}
}

static void route_site(struct builder *b, struct site *site)
{
	struct pattern_target *other;
	if (site->route.handler_name)
		add_to_router(b, &site->route);
	/* The slash is missed only where nobody else answers without it. */
	if (site->bare.handler_name &&
	    router_add(b->gen->router, &site->bare.target, &other) == ERR_NOMEM)
		no_memory(b, site->section->place);
}

static void build_router(struct builder *b)
{
	struct generation *gen = b->gen;
	gen->router = router_new(&gen->arena);
	if (!gen->router) {
		no_memory(b, gen->conf->server.place);
		return;
	}
	for (size_t i = 0; i < gen->route_count; i++)
		add_to_router(b, &gen->routes[i]);
	for (size_t i = 0; i < gen->site_count; i++)
		route_site(b, &gen->sites[i]);
}

static void check_and_init(struct builder *b, bool init)
{
	struct generation *gen = b->gen;
	for (size_t i = 0; i < gen->instance_count; i++)
		(void)instance_check(gen->instances[i], b->errs);
	for (size_t i = 0; init && b->errs->count == 0 && i < gen->instance_count; i++)
		(void)instance_init(gen->instances[i], b->errs);
}

/* Takes `conf` over. NULL when memory is out. */
static struct generation *generation_make(struct conf *conf, struct host *host)
{
	struct generation *gen = calloc(1, sizeof(*gen));
	if (!gen) {
		conf_free(&conf);
		return NULL;
	}
	atomic_init(&gen->refs, 1);
	atomic_init(&gen->held, 1);
	list_init(&gen->link);
	arena_init(&gen->arena);
	gen->conf = conf;
	gen->host = host;
	read_server(gen);
	return gen;
}

struct generation *generation_new(struct conf *conf, struct host *host, struct conf_errors *errs)
{
	struct generation *gen = generation_make(conf, host);
	if (!gen) {
		conf_error(errs, (struct conf_place){ 0 }, "out of memory");
		return NULL;
	}
	struct pools *pools = host ? host->pools : NULL;
	struct builder b = { .gen = gen, .pools = pools, .errs = errs };
	if (pools && pools_add(pools, conf) < 0)
		no_memory(&b, conf->server.place);
	load_modules(&b);
	if (front_read(&gen->front, &conf->server, &gen->arena) < 0)
		no_memory(&b, conf->server.place);
	if (!b.out_of_memory)
		add_routes(&b);
	if (!b.out_of_memory)
		add_sites(&b);
	if (!b.out_of_memory)
		build_router(&b);
	if (!b.out_of_memory && headers_build(gen, errs) < 0)
		no_memory(&b, gen->conf->server.place);
	if (!b.out_of_memory && rules_build(gen, errs) < 0)
		no_memory(&b, gen->conf->server.place);
	if (!b.out_of_memory)
		packing_build(gen, errs);
	if (!b.out_of_memory && shares_build(gen, pools, errs) < 0)
		no_memory(&b, gen->conf->server.place);
	if (!b.out_of_memory && errs->count == 0)
		add_stats(&b);
	if (!b.out_of_memory)
		check_and_init(&b, host != NULL);
	if (errs->count > 0 || b.out_of_memory) {
		generation_free(gen);
		return NULL;
	}
	if (host)
		generation_enlist(gen);
	return gen;
}

struct generation *generation_builtin(struct conf *conf, const struct weir_module *desc, void *data,
				      struct conf_errors *errs)
{
	struct generation *gen = generation_make(conf, NULL);
	if (!gen)
		return NULL;
	struct builder b = { .gen = gen, .errs = errs };
	gen->instances = arena_zalloc(&gen->arena, sizeof(*gen->instances));
	struct instance *inst =
		gen->instances ? instance_builtin(&conf->modules[0], desc, gen, data) : NULL;
	b.out_of_memory = !inst || front_read(&gen->front, &conf->server, &gen->arena) < 0;
	if (inst)
		gen->instances[gen->instance_count++] = inst;
	if (!b.out_of_memory)
		add_routes(&b);
	if (!b.out_of_memory)
		build_router(&b);
	if (errs->count > 0 || b.out_of_memory) {
		generation_free(gen);
		return NULL;
	}
	return gen;
}
