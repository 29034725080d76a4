/*
 * The pools of a process, by name.
 *
 * Thread: main builds and ends; finding is any thread's, the set is immutable.
 */
#include <stdlib.h>
#include <string.h>

#include "work/pool.h"
#include "work/route.h"

/* Index of the word in the option's choices. */
enum { DISCIPLINE_ADAPTIVE = 1 };

struct pools {
	size_t count;
	struct pool *list[];
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

struct pools *pools_new(const struct conf *conf)
{
	struct pools *pools = calloc(1, sizeof(*pools) + conf->pool_count * sizeof(pools->list[0]));
	for (size_t i = 0; pools && i < conf->pool_count; i++) {
		struct pool_settings settings = settings_of(&conf->pools[i]);
		pools->list[i] = pool_new(conf->pools[i].name, &settings);
		if (pools->list[i])
			pools->count++;
		else
			pools_free(&pools);
	}
	return pools;
}

void pools_apply(struct pools *pools, const struct conf *conf)
{
	for (size_t i = 0; i < pools->count; i++) {
		const struct conf_section *s = conf_pool(conf, pool_name(pools->list[i]));
		if (!s)
			continue;
		struct pool_settings settings = settings_of(s);
		pool_set_settings(pools->list[i], &settings);
	}
}

struct pool *pools_find(const struct pools *pools, const char *name)
{
	for (size_t i = 0; i < pools->count; i++) {
		if (strcmp(pool_name(pools->list[i]), name) == 0)
			return pools->list[i];
	}
	return NULL;
}

struct pool *pools_at(const struct pools *pools, size_t i)
{
	return i < pools->count ? pools->list[i] : NULL;
}

void pools_free(struct pools **pools)
{
	if (!*pools)
		return;
	for (size_t i = 0; i < (*pools)->count; i++)
		pool_free(&(*pools)->list[i]);
	free(*pools);
	*pools = NULL;
}
