/*
 * The pools of a process, by name. A pool stays until the process ends: what a
 * configuration no longer names has no calls, and soon no threads either.
 *
 * Thread: boot and the keeper add; finding is any thread's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_diff.h"
#include "work/pool.h"
#include "work/route.h"

/* Index of the word in the option's choices. */
enum { DISCIPLINE_ADAPTIVE = 1 };

struct pools_entry {
	struct pool *pool;
	_Atomic(struct pools_entry *) next;
};

/* Only ever added to, at the end. */
struct pools {
	_Atomic(struct pools_entry *) first;
	struct watch *watch; /* of pools to come; boot's, constant afterwards */
};

int64_t conf_ns(int64_t ms)
{
	return ms == WEIR_INF || ms == WEIR_OFF ? CLOCK_NEVER : ms * NS_PER_MS;
}

static struct pool_settings settings_of(const struct conf_section *s)
{
	bool is_adaptive = conf_int(s, POOL_QUEUE_DISCIPLINE) == DISCIPLINE_ADAPTIVE;
	int64_t stack = conf_int(s, POOL_STACK_SIZE), threads = conf_int(s, POOL_THREADS_MAX);
	return (struct pool_settings){
		.tokens = conf_int(s, POOL_THREAD_TOKENS),
		.queue_max = conf_int(s, POOL_QUEUE_MAX),
		.queue_timeout = conf_ns(conf_int(s, POOL_QUEUE_TIMEOUT)),
		.queue_target = is_adaptive ? conf_ns(conf_int(s, POOL_QUEUE_TARGET)) : 0,
		.threads_min = conf_int(s, POOL_THREADS_MIN),
		.threads_max = threads == WEIR_AUTO ? POOL_AUTO : threads,
		.thread_idle = conf_ns(conf_int(s, POOL_THREAD_IDLE)),
		.background_max = conf_int(s, POOL_BACKGROUND_MAX),
		.stack_size = stack == WEIR_AUTO ? 0 : (size_t)stack,
	};
}

static struct pools_entry *first_entry(const struct pools *pools)
{
	return atomic_load_explicit(&pools->first, memory_order_acquire);
}

static struct pools_entry *next_entry(const struct pools_entry *e)
{
	return atomic_load_explicit(&e->next, memory_order_acquire);
}

static int add_pool(struct pools *pools, const struct conf_section *section)
{
	struct pool_settings settings = settings_of(section);
	struct pools_entry *e = calloc(1, sizeof(*e));
	if (e)
		e->pool = pool_new(section->name, &settings);
	if (!e || !e->pool) {
		free(e);
		return -ENOMEM;
	}
	pool_set_watch(e->pool, pools->watch);
	_Atomic(struct pools_entry *) *end = &pools->first;
	for (struct pools_entry *last = first_entry(pools); last; last = next_entry(last))
		end = &last->next;
	atomic_store_explicit(end, e, memory_order_release);
	return 0;
}

int pools_add(struct pools *pools, const struct conf *conf)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < conf->pool_count; i++) {
		if (!pools_find(pools, conf->pools[i].name))
			rc = add_pool(pools, &conf->pools[i]);
	}
	return rc;
}

struct pools *pools_new(const struct conf *conf)
{
	struct pools *pools = calloc(1, sizeof(*pools));
	if (pools && pools_add(pools, conf) < 0)
		pools_free(&pools);
	return pools;
}

void pools_set_watch(struct pools *pools, struct watch *watch)
{
	pools->watch = watch;
	for (struct pools_entry *e = first_entry(pools); e; e = next_entry(e))
		pool_set_watch(e->pool, watch);
}

/* Nobody submits to it any more, once the last old request has gone. */
static void let_go(struct pool *pool)
{
	struct pool_settings settings;
	pool_get_settings(pool, &settings);
	settings.threads_min = 0;
	pool_set_settings(pool, &settings);
}

void pools_apply(struct pools *pools, const struct conf *conf)
{
	for (struct pools_entry *e = first_entry(pools); e; e = next_entry(e)) {
		const struct conf_section *s = conf_pool(conf, pool_name(e->pool));
		if (!s) {
			let_go(e->pool);
			continue;
		}
		struct pool_settings settings = settings_of(s);
		pool_set_settings(e->pool, &settings);
	}
}

struct pool *pools_find(const struct pools *pools, const char *name)
{
	for (struct pools_entry *e = first_entry(pools); e; e = next_entry(e)) {
		if (strcmp(pool_name(e->pool), name) == 0)
			return e->pool;
	}
	return NULL;
}

struct pool *pools_at(const struct pools *pools, size_t i)
{
	struct pools_entry *e = first_entry(pools);
	while (e && i-- > 0)
		e = next_entry(e);
	return e ? e->pool : NULL;
}

void pools_free(struct pools **pools)
{
	if (!*pools)
		return;
	struct pools_entry *next, *e = first_entry(*pools);
	for (; e; e = next) {
		next = next_entry(e);
		pool_free(&e->pool);
		free(e);
	}
	free(*pools);
	*pools = NULL;
}

/* ---- changes at run time ---- */

/* Where each of these options is in the settings. */
static const struct {
	enum pool_option option;
	size_t offset; /* of an int64_t */
} live[] = {
	{ POOL_THREAD_TOKENS, offsetof(struct pool_settings, tokens) },
	{ POOL_QUEUE_MAX, offsetof(struct pool_settings, queue_max) },
	{ POOL_QUEUE_TIMEOUT, offsetof(struct pool_settings, queue_timeout) },
	{ POOL_BACKGROUND_MAX, offsetof(struct pool_settings, background_max) },
};

/* NULL: the option is none of them. */
static int64_t *live_value(struct pool_settings *settings, size_t option)
{
	for (size_t i = 0; i < array_len(live); i++) {
		if ((size_t)live[i].option == option)
			return (int64_t *)(void *)((char *)settings + live[i].offset);
	}
	return NULL;
}

/* A set of the section's values with another one of `index`. */
static int copy_set(const struct conf_section *s, size_t index, const char *value,
		    struct option_set *ret, struct arena *a, struct conf_errors *errs)
{
	ret->defs = s->set.defs;
	ret->count = s->set.count;
	ret->values = arena_alloc(a, s->set.count * sizeof(*ret->values));
	if (!ret->values)
		return -ENOMEM;
	memcpy(ret->values, s->set.values, s->set.count * sizeof(*ret->values));
	ret->values[index].place = (struct conf_place){ 0 };
	struct conf_place place = { .file = "value", .line = 1, .column = 1 };
	return option_set_value(ret, index, value, place, "", a, errs) < 0 ? -ENOMEM : 0;
}

static int set_option(struct pool *p, const struct conf_section *s, size_t index, const char *value,
		      char *why, size_t size)
{
	struct conf_section changed = *s;
	struct conf_errors errs;
	struct arena a;
	arena_init(&a);
	conf_errors_init(&errs);
	int rc = copy_set(s, index, value, &changed.set, &a, &errs);
	if (rc == 0 && errs.count > 0)
		rc = -EINVAL;
	if (rc == 0) {
		struct pool_settings running, wanted = settings_of(&changed);
		pool_get_settings(p, &running);
		*live_value(&running, index) = *live_value(&wanted, index);
		pool_set_settings(p, &running);
	}
	snprintf(why, size, "%s", errs.count > 0 ? errs.list[0].message : "out of memory");
	conf_errors_done(&errs);
	arena_done(&a);
	return rc;
}

int pools_set_option(struct pools *pools, const struct conf *conf, const char *pool,
		     const char *option, const char *value, char *why, size_t size)
{
	const struct conf_section *s = conf_pool(conf, pool);
	struct pool *p = pools_find(pools, pool);
	if (!s || !p) {
		snprintf(why, size, "there is no pool '%.64s'", pool);
		return -ENOENT;
	}
	int index = option_find(s->set.defs, option);
	struct pool_settings none;
	if (index < 0 || !live_value(&none, (size_t)index)) {
		snprintf(why, size, "'%.64s' is no option that can be set at run time", option);
		return -ENOENT;
	}
	return set_option(p, s, (size_t)index, value, why, size);
}

bool pools_option_differs(const struct pools *pools, const struct conf_section *s, size_t index,
			  char *text, size_t size)
{
	struct pool *p = pools_find(pools, s->name);
	struct pool_settings running, wanted = settings_of(s);
	const int64_t *is = live_value(&running, index), *was = live_value(&wanted, index);
	if (!p || !is)
		return false;
	pool_get_settings(p, &running);
	if (*is == *was)
		return false;
	const struct weir_option *def = &s->set.defs[index];
	bool is_ns = def->type == WEIR_DURATION && *is != CLOCK_NEVER;
	struct arena a;
	arena_init(&a);
	const char *number = option_number_text(def, is_ns ? *is / NS_PER_MS : *is, &a);
	snprintf(text, size, "%s", number ? number : "");
	arena_done(&a);
	return true;
}

void pools_add_overrides(const struct pools *pools, const struct conf *was, const struct conf *is,
			 struct conf_changes *changes)
{
	char running[64];
	for (size_t i = 0; i < was->pool_count; i++) {
		const struct conf_section *old = &was->pools[i];
		const struct conf_section *now = conf_pool(is, old->name);
		for (size_t k = 0; now && k < array_len(live); k++) {
			size_t option = live[k].option;
			if (!pools_option_differs(pools, old, option, running, sizeof(running)) ||
			    !pools_option_differs(pools, now, option, running, sizeof(running)))
				continue;
			char header[80];
			struct arena a;
			arena_init(&a);
			snprintf(header, sizeof(header), "[pool %.64s]", old->name);
			conf_changes_add(changes,
					 &(struct conf_change){
						 .section = header,
						 .key = now->set.defs[option].name,
						 .was = running,
						 .is = option_text(&now->set, option, 0, &a),
						 .place = now->set.values[option].place,
					 });
			arena_done(&a);
		}
	}
}
