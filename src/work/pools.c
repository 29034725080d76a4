/*
 * The pools of a process, by name. A pool stays until the process ends: what a
 * configuration no longer names has no calls, and soon no threads either.
 *
 * Thread: boot and the keeper add; finding is any thread's.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

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
