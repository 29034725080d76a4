/*
 * What parts of a pool's tokens routes and modules have: out of the
 * configuration, checked against the pool.
 *
 * A module has its share in the pool that its section names; a route that is
 * sent to another pool stands there by itself.
 *
 * Thread: main.
 */
#include <errno.h>

#include "work/module.h"
#include "work/pool.h"
#include "work/route.h"

const struct conf_section *route_pool_section(const struct generation *gen, const struct route *r)
{
	const char *name = r->section ? conf_text(r->section, ROUTE_POOL) : "";
	return conf_pool(gen->conf,
			 name[0] ? name : conf_text(instance_section(r->inst), MODULE_POOL));
}

static int64_t given_int(const struct conf_section *s, size_t option, int64_t otherwise)
{
	return s && conf_is_given(s, option) ? conf_int(s, option) : otherwise;
}

static bool has_own_share(const struct route *r)
{
	const struct conf_section *s = r->section;
	return !r->is_inline && s &&
	       (conf_is_given(s, ROUTE_TOKENS_MAX) || conf_is_given(s, ROUTE_TOKENS_RESERVE) ||
		conf_is_given(s, ROUTE_QUEUE_MAX) || conf_int(s, ROUTE_PRIORITY) != 0);
}

static struct limit_share_settings route_settings(const struct route *r)
{
	return (struct limit_share_settings){
		.max = given_int(r->section, ROUTE_TOKENS_MAX, LIMIT_INF),
		.reserve = given_int(r->section, ROUTE_TOKENS_RESERVE, 0),
		.waiting_max = given_int(r->section, ROUTE_QUEUE_MAX, LIMIT_INF),
		.priority = (int)conf_int(r->section, ROUTE_PRIORITY),
	};
}

static struct limit_share_settings module_settings(const struct conf_section *module)
{
	return (struct limit_share_settings){
		.max = given_int(module, MODULE_TOKENS_MAX, LIMIT_INF),
		.reserve = given_int(module, MODULE_TOKENS_RESERVE, 0),
		.waiting_max = LIMIT_INF,
	};
}

static bool has_module_share(const struct conf_section *module)
{
	return conf_is_given(module, MODULE_TOKENS_MAX) ||
	       conf_is_given(module, MODULE_TOKENS_RESERVE);
}

/* Is the route in the pool of its module, where the module's share is? */
static bool is_at_home(const struct generation *gen, const struct route *r,
		       const struct conf_section *pool)
{
	return conf_pool(gen->conf, conf_text(instance_section(r->inst), MODULE_POOL)) == pool;
}

/* ---- do reserves fit? ---- */

static void check_inline(const struct route *r, struct conf_errors *errs)
{
	static const int options[] = { ROUTE_TOKENS_MAX, ROUTE_TOKENS_RESERVE, ROUTE_QUEUE_MAX,
				       ROUTE_QUEUE_TIMEOUT, ROUTE_PRIORITY };
	for (size_t i = 0; r->is_inline && r->section && i < array_len(options); i++) {
		if (conf_is_given(r->section, (size_t)options[i]))
			conf_error(errs, r->section->set.values[options[i]].place,
				   "%s: %s is inline, takes no token and never waits",
				   r->section->set.defs[options[i]].name, r->handler_name);
	}
}

/* Reserves of the module's routes in its own pool. */
static int64_t sum_of_routes(const struct generation *gen, const struct instance *inst,
			     const struct conf_section *pool, struct conf_place *ret_last)
{
	int64_t sum = 0;
	for (size_t i = 0; i < gen->route_count; i++) {
		const struct route *r = &gen->routes[i];
		if (r->inst != inst || r->is_inline || route_pool_section(gen, r) != pool ||
		    given_int(r->section, ROUTE_TOKENS_RESERVE, 0) == 0)
			continue;
		sum += conf_int(r->section, ROUTE_TOKENS_RESERVE);
		*ret_last = r->section->set.values[ROUTE_TOKENS_RESERVE].place;
	}
	return sum;
}

static void say_too_many(struct conf_errors *errs, struct conf_place place, int64_t sum,
			 const char *whose, const char *kind, const char *name, int64_t tokens)
{
	int64_t most = tokens > 0 ? tokens - 1 : 0;
	conf_error(errs, place,
		   "tokens_reserve: the reserves of %s come to %lld, %lld too many: [%s %s] has "
		   "%lld tokens, and one must be left for everybody else",
		   whose, (long long)sum, (long long)(sum - most), kind, name, (long long)tokens);
}

/* What of `pool` the module and its routes reserve. */
static int64_t reserve_of_module(const struct generation *gen, const struct instance *inst,
				 const struct conf_section *pool, struct conf_place *last,
				 struct conf_errors *errs)
{
	const struct conf_section *module = instance_section(inst);
	int64_t sum = sum_of_routes(gen, inst, pool, last);
	if (conf_pool(gen->conf, conf_text(module, MODULE_POOL)) != pool)
		return sum;
	int64_t max = given_int(module, MODULE_TOKENS_MAX, LIMIT_INF);
	if (sum >= max)
		say_too_many(errs, *last, sum, "its routes", "module", module->name, max);
	int64_t own = given_int(module, MODULE_TOKENS_RESERVE, 0);
	if (own > 0)
		*last = module->set.values[MODULE_TOKENS_RESERVE].place;
	return own > sum ? own : sum;
}

static void check_pool(const struct generation *gen, const struct conf_section *pool,
		       struct conf_errors *errs)
{
	int64_t tokens = conf_int(pool, POOL_THREAD_TOKENS), sum = 0;
	struct conf_place last = pool->place;
	for (size_t i = 0; i < gen->instance_count; i++)
		sum += reserve_of_module(gen, gen->instances[i], pool, &last, errs);
	if (sum > 0 && sum >= tokens)
		say_too_many(errs, last, sum, "its routes and modules", "pool", pool->name, tokens);
}

/* ---- making and setting them ---- */

static int make_share(struct generation *gen, struct route *r)
{
	const struct conf_section *module = instance_section(r->inst);
	if (has_module_share(module) && is_at_home(gen, r, route_pool_section(gen, r))) {
		char *name = arena_printf(&gen->arena, "module %s", module->name);
		r->share = name ? pool_share(r->pool, name, NULL) : NULL;
		if (!r->share)
			return -ENOMEM;
	}
	if (!has_own_share(r))
		return 0;
	r->share = pool_share(r->pool, r->label, r->share);
	return r->share ? 0 : -ENOMEM;
}

int shares_build(struct generation *gen, struct pools *pools, struct conf_errors *errs)
{
	for (size_t i = 0; i < gen->route_count; i++)
		check_inline(&gen->routes[i], errs);
	for (size_t i = 0; i < gen->conf->pool_count; i++)
		check_pool(gen, &gen->conf->pools[i], errs);
	if (!pools || errs->count > 0)
		return 0;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < gen->route_count; i++) {
		if (!gen->routes[i].is_inline)
			rc = make_share(gen, &gen->routes[i]);
	}
	return rc;
}

static void apply_shares(const struct generation *gen)
{
	for (size_t i = 0; i < gen->route_count; i++) {
		const struct route *r = &gen->routes[i];
		struct limit_share *of_module = r->share;
		if (!r->share)
			continue;
		if (has_own_share(r)) {
			struct limit_share_settings set = route_settings(r);
			pool_set_share(r->pool, r->share, &set);
			of_module = r->share->parent;
		}
		const struct conf_section *module = instance_section(r->inst);
		if (has_module_share(module) && is_at_home(gen, r, route_pool_section(gen, r))) {
			struct limit_share_settings set = module_settings(module);
			pool_set_share(r->pool, of_module, &set);
		}
	}
}

void generation_apply(const struct generation *gen, struct pools *pools)
{
	struct pool *p;
	pools_apply(pools, gen->conf);
	for (size_t i = 0; (p = pools_at(pools, i)) != NULL; i++)
		pool_shares_begin(p);
	apply_shares(gen);
	for (size_t i = 0; (p = pools_at(pools, i)) != NULL; i++)
		pool_shares_end(p);
}
