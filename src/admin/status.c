/*
 * What is going on, as JSON: the whole, calls, modules, configuration.
 *
 * Thread: the control loop's.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_private.h"
#include "base/clock.h"
#include "net/census.h"
#include "work/module.h"
#include "work/peek.h"

const char *admin_state_name(const struct admin *a)
{
	static const char *const names[] = {
		[ADMIN_STARTING] = "starting",
		[ADMIN_SERVING] = "serving",
		[ADMIN_DRAINING] = "draining",
	};
	return names[atomic_load(&a->state)];
}

static void put(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void put_int(json_t *object, const char *key, int64_t n)
{
	put(object, key, json_integer(n));
}

static void put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, admin_text(text));
}

static void put_seconds(json_t *object, const char *key, int64_t ns)
{
	/* Microseconds are enough, and shorter. */
	int64_t us = ns / 1000;
	put(object, key, json_real((double)us / 1e6));
}

/* A number, or "inf". */
static void put_bound(json_t *object, const char *key, int64_t n)
{
	put(object, key, n == LIMIT_INF ? json_string("inf") : json_integer(n));
}

/* Answers 404 to who is not on a control socket. */
static bool is_hidden(struct weir_request *req, struct weir_response *res, int *ret_status)
{
	if (admin_is_local(req))
		return false;
	*ret_status = weir_error(res, 404, "There is no such thing on this address.");
	return true;
}

/* ---- the whole ---- */

static json_t *tokens_of(const struct pool_stats *s)
{
	json_t *o = json_object();
	put_bound(o, "limit", s->total);
	put_int(o, "in_use", s->borrowed);
	put_int(o, "most", s->limit.borrowed_max);
	put_int(o, "granted", (int64_t)s->limit.grants);
	put_seconds(o, "busy_seconds", s->busy_ns);
	return o;
}

static json_t *queue_of(const struct pool_stats *s, const struct pool_settings *set)
{
	json_t *o = json_object(), *rejected = json_object();
	put_int(o, "waiting", s->waiting);
	put_bound(o, "max", set->queue_max);
	put_int(o, "most", s->limit.waiting_max);
	put_seconds(o, "oldest_seconds", s->oldest_wait);
	put_seconds(o, "waited_seconds", s->limit.wait.sum_ns);
	put(o, "overloaded", json_boolean(s->is_overloaded));
	put_int(rejected, "full", (int64_t)s->limit.rejected_full);
	put_int(rejected, "expired", (int64_t)s->limit.rejected_expired);
	put_int(rejected, "shed", (int64_t)s->limit.rejected_shed);
	put_int(rejected, "no_thread", (int64_t)s->no_thread);
	put_int(rejected, "cancelled", (int64_t)s->limit.cancelled);
	put(o, "rejected", rejected);
	return o;
}

static json_t *pool_of(struct pool *p)
{
	struct pool_stats s;
	struct pool_settings set;
	json_t *o = json_object(), *calls = json_object(), *threads = json_object();
	pool_get_stats(p, &s);
	pool_get_settings(p, &set);
	put_text(o, "name", pool_name(p));
	put(o, "tokens", tokens_of(&s));
	put(o, "queue", queue_of(&s, &set));
	put_int(calls, "running", s.running);
	put_int(calls, "abandoned", s.abandoned);
	put_int(calls, "lent", s.lent);
	put_int(calls, "background", s.promised);
	put(o, "calls", calls);
	put_int(threads, "alive", s.threads);
	put_int(threads, "idle", s.idle);
	put(o, "threads", threads);
	return o;
}

/* Pools that the configuration has, and others that are still at work. */
static json_t *pools_of(const struct admin *a, const struct generation *gen)
{
	json_t *list = json_array();
	struct pool *p;
	for (size_t i = 0; (p = pools_at(a->view.host->pools, i)) != NULL; i++) {
		if (conf_pool(gen->conf, pool_name(p)) || pool_busy(p) > 0)
			(void)json_array_append_new(list, pool_of(p));
	}
	return list;
}

static json_t *connections_of(const struct admin *a, const struct generation *gen)
{
	struct admin_totals t = admin_totals(a);
	json_t *o = json_object();
	put_int(o, "open", (int64_t)(t.accepted - t.closed));
	put_int(o, "max", (int64_t)gen->front.connections_max);
	put_int(o, "accepted", (int64_t)t.accepted);
	put_int(o, "bytes_in", (int64_t)t.bytes_in);
	put_int(o, "bytes_out", (int64_t)t.bytes_out);
	return o;
}

struct sum {
	struct route_stats all;
	uint64_t responses;
};

static void add_route(void *ctx, const struct stats_entry *e)
{
	struct sum *sum = ctx;
	struct route_stats one;
	stats_sum(e, &one);
	for (size_t i = 0; i < 6; i++) {
		count(&sum->all.responses[i], one.responses[i]);
		sum->responses += one.responses[i];
	}
	count(&sum->all.failed, one.failed);
	count(&sum->all.timeouts, one.timeouts);
	count(&sum->all.abandoned, one.abandoned);
}

static json_t *requests_of(const struct admin *a)
{
	static const char *const classes[] = { "gone", "1xx", "2xx", "3xx", "4xx", "5xx" };
	struct sum sum = { .responses = 0 };
	json_t *o = json_object();
	stats_each(a->view.host->stats, add_route, &sum);
	put_int(o, "total", (int64_t)sum.responses);
	for (size_t i = 0; i < array_len(classes); i++)
		put_int(o, classes[i], (int64_t)sum.all.responses[i]);
	put_int(o, "failed", (int64_t)sum.all.failed);
	put_int(o, "timeouts", (int64_t)sum.all.timeouts);
	put_int(o, "abandoned", (int64_t)sum.all.abandoned);
	return o;
}

static void add_generation(void *ctx, const struct generation *gen)
{
	(void)json_array_append_new(ctx, json_integer((json_int_t)gen->number));
}

/* As seen from everywhere: who asks may be in another folder. */
static void put_file(json_t *object, const struct conf *conf)
{
	char folder[PATH_MAX], path[2 * PATH_MAX];
	if (conf->text || conf->file[0] == '/' || !getcwd(folder, sizeof(folder))) {
		put_text(object, "file", conf->file);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, conf->file);
	put_text(object, "file", path);
}

static json_t *status_of(struct admin *a, const struct generation *gen)
{
	json_t *o = json_object(), *generations = json_array();
	put_text(o, "version", WEIR_VERSION);
	put_int(o, "pid", getpid());
	put_text(o, "state", admin_state_name(a));
	put_int(o, "uptime_seconds", time(NULL) - a->began);
	put_file(o, gen->conf);
	put_int(o, "generation", (int64_t)gen->number);
	generations_each(a->view.host, add_generation, generations);
	put(o, "generations", generations);
	put_int(o, "reloads", (int64_t)atomic_load(&a->reloads_good));
	put_int(o, "reloads_failed", (int64_t)atomic_load(&a->reloads_bad));
	put_int(o, "io_threads", a->view.loop_count);
	int stalled = pulse_stalled(a->pulse, NS_PER_S);
	put(o, "stalled_io_thread", stalled < 0 ? json_null() : json_integer(stalled));
	put(o, "connections", connections_of(a, gen));
	put(o, "requests", requests_of(a));
	put(o, "pools", pools_of(a, gen));
	return o;
}

int admin_status(struct weir_request *req, struct weir_response *res)
{
	int status;
	struct admin *a = admin_of(req);
	if (is_hidden(req, res, &status))
		return status;
	struct generation *gen = generation_current(a->view.host);
	if (!gen)
		return admin_refuse(res, 503, "the daemon is still starting");
	json_t *o = status_of(a, gen);
	generation_unref(&gen);
	return admin_json(res, 200, o);
}

/* ---- calls ---- */

enum { CALLS_MAX = 10000 };

/* Taken under the pool's lock, told without it. */
struct seen_call {
	char id[72], name[64], thread[16];
	const char *pool;
	pid_t tid; /* 0: none */
	enum call_state state;
	int64_t submitted, started;
	bool is_abandoned, is_promised;
};

struct seen_calls {
	struct seen_call *list;
	size_t count, more;
	const char *pool; /* that is looked at */
};

static void see(void *ctx, const struct call *call)
{
	struct seen_calls *seen = ctx;
	if (!seen->list || seen->count == CALLS_MAX) {
		seen->more++;
		return;
	}
	struct seen_call *s = &seen->list[seen->count++];
	*s = (struct seen_call){
		.pool = seen->pool,
		.state = call->state,
		.submitted = call->submitted,
		.started = call->started,
		.is_abandoned = atomic_load_explicit(&call->cancelled, memory_order_relaxed),
		.is_promised = call->is_promised,
	};
	snprintf(s->id, sizeof(s->id), "%s", call->id ? call->id : "");
	snprintf(s->name, sizeof(s->name), "%s", call->name ? call->name : "");
	s->tid = call_thread(call, s->thread);
}

static const char *state_name(enum call_state state)
{
	switch (state) {
	case CALL_RUNNING:
		return "running";
	case CALL_LENT:
		return "lent";
	case CALL_RETURNING:
		return "returning";
	case CALL_READY:
		return "ready";
	case CALL_WAITING:
		return "waiting";
	case CALL_IDLE:
	case CALL_SUBMITTED:
	case CALL_ENDED:
		break;
	}
	return "promised";
}

/* What runs, the oldest first, then what waits, likewise. */
static int compare_calls(const void *left, const void *right)
{
	const struct seen_call *a = left, *b = right;
	bool a_runs = a->started > 0, b_runs = b->started > 0;
	if (a_runs != b_runs)
		return a_runs ? -1 : 1;
	return (a->submitted > b->submitted) - (a->submitted < b->submitted);
}

static json_t *call_of(const struct seen_call *s, int64_t now)
{
	char what[PEEK_TEXT_SIZE];
	json_t *o = json_object();
	put_text(o, "id", s->id);
	put_text(o, "route", s->name);
	put_text(o, "pool", s->pool);
	put_text(o, "state", state_name(s->state));
	put_seconds(o, "age_seconds", s->submitted ? now - s->submitted : 0);
	put_seconds(o, "run_seconds", s->started ? now - s->started : 0);
	put(o, "abandoned", json_boolean(s->is_abandoned && s->tid > 0));
	put(o, "background", json_boolean(s->is_promised));
	if (s->tid > 0) {
		peek_thread(s->tid, what);
		put_text(o, "thread", s->thread);
		put_int(o, "tid", s->tid);
		put_text(o, "doing", what);
	}
	return o;
}

int admin_calls(struct weir_request *req, struct weir_response *res)
{
	int status;
	struct admin *a = admin_of(req);
	if (is_hidden(req, res, &status))
		return status;
	struct seen_calls seen = { .list = calloc(CALLS_MAX, sizeof(*seen.list)) };
	json_t *list = json_array(), *o = json_object();
	struct pool *p;
	for (size_t i = 0; (p = pools_at(a->view.host->pools, i)) != NULL; i++) {
		seen.pool = pool_name(p);
		pool_each_call(p, see, &seen);
	}
	if (seen.count > 0)
		qsort(seen.list, seen.count, sizeof(*seen.list), compare_calls);
	int64_t now = clock_now();
	for (size_t i = 0; i < seen.count; i++)
		(void)json_array_append_new(list, call_of(&seen.list[i], now));
	put(o, "calls", list);
	put_int(o, "more", (int64_t)seen.more);
	free(seen.list);
	return admin_json(res, 200, o);
}

/* ---- modules ---- */

struct module_sum {
	const char *name;
	uint64_t calls, failed, tasks_failed, timeouts, abandoned;
};

static void add_module(void *ctx, const struct stats_entry *e)
{
	struct module_sum *sum = ctx;
	struct route_stats one;
	if (strcmp(e->module, sum->name) != 0)
		return;
	stats_sum(e, &one);
	for (size_t i = 0; i < 6; i++)
		sum->calls += one.responses[i];
	sum->failed += one.failed;
	sum->tasks_failed += one.tasks_failed;
	sum->timeouts += one.timeouts;
	sum->abandoned += one.abandoned;
}

static json_t *module_of(const struct generation *gen, const struct instance *inst)
{
	const struct description *about = instance_description(inst);
	json_t *o = json_object(), *routes = json_array();
	put_text(o, "name", instance_name(inst));
	put_text(o, "module", about->name);
	put_text(o, "version", about->version);
	put(o, "abi", json_sprintf("%u.%u", about->abi_major, about->abi_minor));
	put_text(o, "build_id", about->build_id);
	put_text(o, "file", instance_path(inst));
	put_int(o, "generation", (int64_t)gen->number);
	for (size_t i = 0; i < gen->route_count; i++) {
		if (gen->routes[i].inst == inst)
			(void)json_array_append_new(routes, admin_text(gen->routes[i].label));
	}
	put(o, "routes", routes);
	return o;
}

static void add_modules(void *ctx, const struct generation *gen)
{
	for (size_t i = 0; i < gen->instance_count; i++)
		(void)json_array_append_new(ctx, module_of(gen, gen->instances[i]));
}

int admin_modules(struct weir_request *req, struct weir_response *res)
{
	int status;
	struct admin *a = admin_of(req);
	if (is_hidden(req, res, &status))
		return status;
	json_t *list = json_array();
	generations_each(a->view.host, add_modules, list);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *o = json_array_get(list, i);
		struct module_sum sum = { .name = json_string_value(json_object_get(o, "name")) };
		if (!sum.name)
			continue;
		stats_each(a->view.host->stats, add_module, &sum);
		put_int(o, "calls", (int64_t)sum.calls);
		put_int(o, "failed", (int64_t)sum.failed);
		put_int(o, "tasks_failed", (int64_t)sum.tasks_failed);
		put_int(o, "timeouts", (int64_t)sum.timeouts);
		put_int(o, "abandoned", (int64_t)sum.abandoned);
	}
	json_t *o = json_object();
	put(o, "modules", list);
	return admin_json(res, 200, o);
}

/* ---- configuration ---- */

struct config {
	struct admin *a;
	struct arena arena;
	json_t *list;
};

static void add_value(struct config *c, const struct conf_section *s, const struct option_set *set,
		      size_t i, const char *change)
{
	const struct option_value *v = &set->values[i];
	json_t *values = json_array(), *o = json_object();
	size_t n = v->count ? v->count : 1;
	for (size_t k = 0; k < n; k++) {
		const char *text = option_text(set, i, k, &c->arena);
		(void)json_array_append_new(values, admin_text(text ? text : ""));
	}
	put_text(o, "section", section_header(s, &c->arena));
	put_text(o, "key", set->defs[i].name);
	if (v->count > 1) {
		put(o, "value", values);
	} else {
		put(o, "value", json_incref(json_array_get(values, 0)));
		json_decref(values);
	}
	bool is_secret = set->defs[i].flags & WEIR_SECRET;
	put_text(o, "default", is_secret && set->defs[i].value ? "********" : set->defs[i].value);
	put_text(o, "origin",
		 v->place.file ? arena_printf(&c->arena, "%s:%u", v->place.file, v->place.line)
			       : "default");
	put_text(o, "change", change);
	char running[64];
	if (s->kind == SECTION_POOL &&
	    pools_option_differs(c->a->view.host->pools, s, i, running, sizeof(running)))
		put_text(o, "running", running);
	(void)json_array_append_new(c->list, o);
}

static void add_section(void *ctx, const struct conf_section *s, const struct option_set *own)
{
	static const char *const changes[] = { "live", "reload", "restart" };
	struct config *c = ctx;
	for (size_t i = 0; i < s->set.count; i++)
		add_value(c, s, &s->set, i, changes[section_extra(s->kind, i)->change]);
	for (size_t i = 0; own && i < own->count; i++)
		add_value(c, s, own, i, "reload");
}

int admin_config(struct weir_request *req, struct weir_response *res)
{
	int status;
	struct admin *a = admin_of(req);
	if (is_hidden(req, res, &status))
		return status;
	struct generation *gen = generation_current(a->view.host);
	if (!gen)
		return admin_refuse(res, 503, "the daemon is still starting");
	struct config c = { .a = a, .list = json_array() };
	arena_init(&c.arena);
	conf_each_section(gen->conf, add_section, generation_set_of, gen, &c);
	arena_done(&c.arena);
	json_t *o = json_object();
	put_file(o, gen->conf);
	put(o, "values", c.list);
	generation_unref(&gen);
	return admin_json(res, 200, o);
}
