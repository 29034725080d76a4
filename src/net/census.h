/*
 * What all loops together know of clients that connect: how many were turned
 * away and why.
 *
 * Thread: boot makes and frees; any loop uses.
 */
#ifndef WEIR_NET_CENSUS_H
#define WEIR_NET_CENSUS_H

#include <stdint.h>

#include "base/addr.h"

struct census;

/* Why a connection was closed before its first request. */
enum census_reason {
	CENSUS_NO_HEADER,   /* no valid PROXY header came in time */
	CENSUS_NOT_TRUSTED, /* where one is asked for, and this is no proxy of ours */
	CENSUS_REASONS,
};

/* NULL when memory is out. */
must_check struct census *census_new(void);
void census_free(struct census **census);

/* A connection of `peer` was closed: counts, and says so in the log, at most
 * once in ten seconds for each reason. */
void census_turned_away(struct census *cs, enum census_reason why, const struct addr *peer,
			int64_t now);

/* How many it were. */
uint64_t census_count(struct census *cs, enum census_reason why);

#endif
