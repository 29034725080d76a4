/*
 * Counting of clients. One lock for all loops: it is taken when a connection
 * comes or goes where that has to be counted, never for a request.
 *
 * Thread: see census.h.
 */
#include "net/census.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

static const int64_t quiet_time = 10 * NS_PER_S;

struct tally {
	uint64_t count;
	int64_t next_line; /* not before */
};

struct census {
	struct mutex lock;
	struct tally tallies[CENSUS_REASONS] GUARDED_BY(lock);
};

struct census *census_new(void)
{
	struct census *cs = calloc(1, sizeof(*cs));
	if (!cs)
		return NULL;
	mutex_init(&cs->lock, LOCK_CENSUS);
	return cs;
}

void census_free(struct census **census)
{
	struct census *cs = *census;
	if (!cs)
		return;
	mutex_done(&cs->lock);
	free(cs);
	*census = NULL;
}

static const char *reason_text(enum census_reason why)
{
	switch (why) {
	case CENSUS_NO_HEADER:
		return "it did not begin with a valid PROXY header";
	case CENSUS_NOT_TRUSTED:
		return "it came to a listener for proxies and is not trusted";
	case CENSUS_REASONS:
		break;
	}
	return "";
}

void census_turned_away(struct census *cs, enum census_reason why, const struct addr *peer,
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
			 addr_text(peer, text), reason_text(why), (unsigned long long)count);
}

uint64_t census_count(struct census *cs, enum census_reason why)
{
	mutex_lock(&cs->lock);
	uint64_t count = cs->tallies[why].count;
	mutex_unlock(&cs->lock);
	return count;
}
