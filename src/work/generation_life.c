/*
 * The life of generations: who refers to them, which ones there are, and how
 * they end.
 *
 * Thread: stated in route.h.
 */
#include <stdlib.h>

#include "base/log.h"
#include "work/module.h"
#include "work/pool.h"
#include "work/route.h"
#include "work/site.h"

/* ---- all there are ---- */

void host_init(struct host *host)
{
	mutex_init(&host->lock, LOCK_GENERATIONS);
	list_init(&host->generations);
}

void host_done(struct host *host)
{
	mutex_done(&host->lock);
}

void generation_enlist(struct generation *gen)
{
	struct host *host = gen->host;
	mutex_lock(&host->lock);
	list_add_last(&host->generations, &gen->link);
	mutex_unlock(&host->lock);
}

void generation_publish(struct generation *gen)
{
	struct host *host = gen->host;
	mutex_lock(&host->lock);
	gen->number = ++host->published;
	host->current = gen;
	mutex_unlock(&host->lock);
}

struct generation *generation_current(struct host *host)
{
	mutex_lock(&host->lock);
	struct generation *gen = host->current ? generation_ref(host->current) : NULL;
	mutex_unlock(&host->lock);
	return gen;
}

void generations_each(struct host *host, void (*fn)(void *ctx, const struct generation *gen),
		      void *ctx)
{
	mutex_lock(&host->lock);
	list_each (&host->generations, struct generation, link, gen) {
		if (gen->number > 0)
			fn(ctx, gen);
	}
	mutex_unlock(&host->lock);
}

/* ---- the end ---- */

void generation_free(struct generation *gen)
{
	if (gen->host) {
		mutex_lock(&gen->host->lock);
		list_remove(&gen->link);
		mutex_unlock(&gen->host->lock);
	}
	/* The last loaded may lean on an earlier one. */
	while (gen->instance_count > 0)
		instance_free(&gen->instances[--gen->instance_count]);
	while (gen->site_count > 0)
		site_close(&gen->sites[--gen->site_count]);
	arena_done(&gen->arena);
	conf_free(&gen->conf);
	free(gen);
}

static void end(struct keeper_job *job)
{
	struct generation *gen = container_of(job, struct generation, end);
	log_info("generation %llu has ended: nothing uses it any more",
		 (unsigned long long)gen->number);
	generation_free(gen);
}

void generation_hold(struct generation *gen)
{
	atomic_fetch_add_explicit(&gen->held, 1, memory_order_relaxed);
}

void generation_let_go(struct generation *gen)
{
	if (atomic_fetch_sub_explicit(&gen->held, 1, memory_order_acq_rel) > 1)
		return;
	gen->end.run = end;
	keeper_do(gen->host->keeper, &gen->end);
}

/* No call comes any more; what threads have of its instances is called in. */
static void call_in(struct keeper_job *job)
{
	struct generation *gen = container_of(job, struct generation, end);
	struct pool *p;
	atomic_store(&gen->has_ended, true);
	for (size_t i = 0; (p = pools_at(gen->host->pools, i)) != NULL; i++)
		pool_call_in(p);
	generation_let_go(gen);
}

struct generation *generation_ref(struct generation *gen)
{
	atomic_fetch_add_explicit(&gen->refs, 1, memory_order_relaxed);
	return gen;
}

void generation_unref(struct generation **gen)
{
	struct generation *g = *gen;
	*gen = NULL;
	/* The one that serves is let go by main, which has published another, or
	 * nobody asks any more. */
	if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (!g->host) {
		generation_free(g);
		return;
	}
	g->end.run = call_in;
	keeper_do(g->host->keeper, &g->end);
}
