/*
 * Counting of clients.
 *
 * Thread: see census.h.
 */
#include "net/census.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

static const int64_t quiet_time = 10 * NS_PER_S;
static const int64_t calm_time = NS_PER_S;

enum { BUCKETS_FIRST = 64 };

struct census_client {
	struct census_client *next; /* of its bucket */
	struct addr addr;
	size_t count;
};

struct tally {
	uint64_t count;
	int64_t next_line; /* not before */
};

struct census {
	atomic_size_t connections;
	uint64_t seed; /* clients cannot choose whom they share a bucket with */
	struct mutex lock;
	struct tally tallies[CENSUS_REASONS] GUARDED_BY(lock);
	struct census_client **buckets GUARDED_BY(lock); /* a power of two of them */
	size_t bucket_count GUARDED_BY(lock);
	size_t client_count GUARDED_BY(lock);
	int64_t trouble_at GUARDED_BY(lock); /* the last; 0: none */
};

struct census *census_new(void)
{
	struct census *cs = calloc(1, sizeof(*cs));
	if (!cs)
		return NULL;
	cs->buckets = calloc(BUCKETS_FIRST, sizeof(struct census_client *));
	if (!cs->buckets) {
		free(cs);
		return NULL;
	}
	cs->bucket_count = BUCKETS_FIRST;
	if (getrandom(&cs->seed, sizeof(cs->seed), GRND_NONBLOCK) != sizeof(cs->seed))
		cs->seed = (uint64_t)clock_now();
	mutex_init(&cs->lock, LOCK_CENSUS);
	return cs;
}

void census_free(struct census **census)
{
	struct census *cs = *census;
	if (!cs)
		return;
	must(cs->client_count == 0);
	mutex_done(&cs->lock);
	free(cs->buckets);
	free(cs);
	*census = NULL;
}

/* ---- all connections ---- */

bool census_enter(struct census *cs, size_t max)
{
	size_t before = atomic_fetch_add_explicit(&cs->connections, 1, memory_order_relaxed);
	if (max == 0 || before < max)
		return true;
	census_leave(cs);
	return false;
}

void census_leave(struct census *cs)
{
	atomic_fetch_sub_explicit(&cs->connections, 1, memory_order_relaxed);
}

/* ---- those of each client ---- */

/* Who has a /64 has all of it. */
static struct addr seat_of(const struct addr *client)
{
	struct addr a = *client;
	if (a.kind == ADDR_V6)
		memset(a.bytes + 8, 0, 8);
	return a;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93U;
	x = (x ^ x >> 32) * 0xd6e8feb86659fd93U;
	return x ^ x >> 32;
}

static size_t bucket_of(const struct census *cs, const struct addr *a)
{
	uint64_t word;
	memcpy(&word, a->bytes, sizeof(word));
	return (size_t)mix(mix(word ^ cs->seed) + cs->seed + a->kind) & (cs->bucket_count - 1);
}

static struct census_client *find(struct census *cs, const struct addr *a) REQUIRES(&cs->lock)
{
	struct census_client *c = cs->buckets[bucket_of(cs, a)];
	while (c && !addr_is_same(&c->addr, a))
		c = c->next;
	return c;
}

/* Without memory chains get longer, and that is all. */
static void grow(struct census *cs) REQUIRES(&cs->lock)
{
	size_t old_count = cs->bucket_count;
	struct census_client **old = cs->buckets;
	struct census_client **wide = calloc(old_count * 2, sizeof(struct census_client *));
	if (!wide)
		return;
	cs->buckets = wide;
	cs->bucket_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct census_client *c = old[i];
			struct census_client **to = &wide[bucket_of(cs, &c->addr)];
			old[i] = c->next;
			c->next = *to;
			*to = c;
		}
	}
	free(old);
}

static struct census_client *add(struct census *cs, const struct addr *a) REQUIRES(&cs->lock)
{
	struct census_client *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	if (cs->client_count >= cs->bucket_count)
		grow(cs);
	struct census_client **to = &cs->buckets[bucket_of(cs, a)];
	c->addr = *a;
	c->next = *to;
	*to = c;
	cs->client_count++;
	return c;
}

static int take_seat(struct census *cs, const struct addr *a, size_t max,
		     struct census_client **ret_seat) REQUIRES(&cs->lock)
{
	struct census_client *c = find(cs, a);
	if (c && c->count >= max)
		return -EUSERS;
	c = c ? c : add(cs, a);
	if (!c)
		return -ENOMEM;
	c->count++;
	*ret_seat = c;
	return 0;
}

int census_take_seat(struct census *cs, const struct addr *client, size_t max,
		     struct census_client **ret_seat)
{
	struct addr a = seat_of(client);
	mutex_lock(&cs->lock);
	int rc = take_seat(cs, &a, max, ret_seat);
	mutex_unlock(&cs->lock);
	return rc;
}

static void drop(struct census *cs, struct census_client *seat) REQUIRES(&cs->lock)
{
	struct census_client **at = &cs->buckets[bucket_of(cs, &seat->addr)];
	while (*at != seat)
		at = &(*at)->next;
	*at = seat->next;
	cs->client_count--;
	free(seat);
}

void census_give_seat(struct census *cs, struct census_client *seat)
{
	mutex_lock(&cs->lock);
	must(seat->count > 0);
	if (--seat->count == 0)
		drop(cs, seat);
	mutex_unlock(&cs->lock);
}

/* ---- what the log is told ---- */

void census_trouble(struct census *cs, const char *why, int64_t now)
{
	mutex_lock(&cs->lock);
	bool is_new = cs->trouble_at == 0;
	cs->trouble_at = now;
	mutex_unlock(&cs->lock);
	if (is_new)
		log_error("cannot accept connections: %s; idle ones are closed for new ones, which "
			  "wait while there are none",
			  why);
}

bool census_is_calm(struct census *cs, int64_t now)
{
	mutex_lock(&cs->lock);
	bool is_over = cs->trouble_at != 0 && now - cs->trouble_at >= calm_time;
	if (is_over)
		cs->trouble_at = 0;
	bool is_calm = cs->trouble_at == 0;
	mutex_unlock(&cs->lock);
	if (is_over)
		log_notice("accepting connections again");
	return is_calm;
}

static const char *reason_text(enum census_reason why)
{
	switch (why) {
	case CENSUS_NO_HEADER:
		return "it did not begin with a valid PROXY header";
	case CENSUS_NOT_TRUSTED:
		return "it came to a listener for proxies and is not trusted";
	case CENSUS_TOO_MANY:
		return "its client has connections_per_client of them";
	case CENSUS_SHED:
		return "it was idle, and a new one needed its room";
	case CENSUS_REASONS:
		break;
	}
	return "";
}

void census_turned_away(struct census *cs, enum census_reason why, const struct addr *client,
			int64_t now)
{
	char text[ADDR_TEXT_SIZE];
	mutex_lock(&cs->lock);
	struct tally *t = &cs->tallies[why];
	uint64_t count = ++t->count;
	bool tells = now >= t->next_line;
	if (tells)
		t->next_line = now + quiet_time;
	mutex_unlock(&cs->lock);
	if (tells)
		log_warn("closed a connection of %s: %s (%llu of them since the start)",
			 addr_text(client, text), reason_text(why), (unsigned long long)count);
}

uint64_t census_count(struct census *cs, enum census_reason why)
{
	mutex_lock(&cs->lock);
	uint64_t count = cs->tallies[why].count;
	mutex_unlock(&cs->lock);
	return count;
}
