/*
 * Entries by label and module, and sums over loops.
 *
 * Thread: stated in stats.h.
 */
#include "work/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

struct stats {
	size_t loops; /* constant */
	struct mutex lock;
	struct list entries GUARDED_BY(lock); /* only ever added to */
};

struct stats *stats_new(size_t loops)
{
	struct stats *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->loops = loops;
	mutex_init(&s->lock, LOCK_STATS);
	list_init(&s->entries);
	return s;
}

void stats_free(struct stats **stats)
{
	struct stats *s = *stats;
	struct stats_entry *e;
	if (!s)
		return;
	while ((e = list_first(&s->entries, struct stats_entry, link)) != NULL) {
		list_remove(&e->link);
		free(e);
	}
	mutex_done(&s->lock);
	free(s);
	*stats = NULL;
}

static struct stats_entry *find(struct stats *s, const char *label, const char *module)
	REQUIRES(s->lock)
{
	list_each (&s->entries, struct stats_entry, link, e) {
		if (strcmp(e->label, label) == 0 && strcmp(e->module, module) == 0)
			return e;
	}
	return NULL;
}

static struct stats_entry *make(size_t loops, const char *label, const char *module)
{
	size_t label_size = strlen(label) + 1, module_size = strlen(module) + 1;
	struct stats_entry *e =
		calloc(1, sizeof(*e) + loops * sizeof(e->by_loop[0]) + label_size + module_size);
	if (!e)
		return NULL;
	char *text = (char *)&e->by_loop[loops];
	e->loops = loops;
	e->label = memcpy(text, label, label_size);
	e->module = memcpy(text + label_size, module, module_size);
	return e;
}

struct stats_entry *stats_entry(struct stats *s, const char *label, const char *module)
{
	mutex_lock(&s->lock);
	struct stats_entry *e = find(s, label, module);
	mutex_unlock(&s->lock);
	if (e)
		return e;
	e = make(s->loops, label, module);
	if (!e)
		return NULL;
	mutex_lock(&s->lock);
	list_add_last(&s->entries, &e->link);
	mutex_unlock(&s->lock);
	return e;
}

void stats_each(struct stats *s, void (*fn)(void *ctx, const struct stats_entry *e), void *ctx)
{
	mutex_lock(&s->lock);
	struct stats_entry *e = list_first(&s->entries, struct stats_entry, link);
	while (e) {
		/* Entries stay, so that fn() may take its time. */
		mutex_unlock(&s->lock);
		fn(ctx, e);
		mutex_lock(&s->lock);
		e = e->link.next == &s->entries
			    ? NULL
			    : container_of(e->link.next, struct stats_entry, link);
	}
	mutex_unlock(&s->lock);
}

/* A part is nothing but counters. */
static void add(struct route_stats *to, const struct route_stats *from)
{
	counter *sum = (counter *)to;
	const counter *part = (const counter *)from;
	for (size_t i = 0; i < sizeof(*to) / sizeof(counter); i++)
		count(&sum[i], counted(&part[i]));
}

void stats_sum(const struct stats_entry *e, struct route_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < e->loops; i++)
		add(ret, &e->by_loop[i]);
	count(&ret->tasks_failed, atomic_load_explicit(&e->tasks_failed, memory_order_relaxed));
}

void stats_add_duration(struct stats_histogram *h, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	int i = us == 0 ? 0 : 64 - __builtin_clzll(us);
	count(&h->buckets[i < STATS_BUCKETS ? i : STATS_BUCKETS - 1], 1);
	count(&h->sum_ns, ns > 0 ? (uint64_t)ns : 0);
}
