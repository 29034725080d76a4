/*
 * What all loops together know of clients that connect: how many connections
 * there are, in all and of each client, whether there is room for more, and who
 * was turned away.
 *
 * Connections are counted by an atomic, and those of each client, where that is
 * bounded, in a hash behind one lock. Both happen when a connection comes or
 * goes, never for a request: against accept(2) and close(2) the lock is
 * nothing, and a share for each loop would be wrong, as the kernel spreads
 * connections as it likes.
 *
 * Thread: boot makes and frees; any loop uses.
 */
#ifndef WEIR_NET_CENSUS_H
#define WEIR_NET_CENSUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

struct census;
struct census_client;

/* Why a connection was closed. */
enum census_reason {
	CENSUS_NO_HEADER,   /* no valid PROXY header came in time */
	CENSUS_NOT_TRUSTED, /* where one is asked for, and this is no proxy of ours */
	CENSUS_TOO_MANY,    /* its client has as many as it may */
	CENSUS_SHED,        /* it was idle, and others wanted its room */
	CENSUS_REASONS,
};

/* NULL when memory is out. */
must_check struct census *census_new(void);
void census_free(struct census **census);

/* One more connection. False: there are `max` (0: any number may be there). */
must_check bool census_enter(struct census *cs, size_t max);
void census_leave(struct census *cs);

/* One more of `client`, an IPv6 one counting as its /64. 0, -EUSERS when it has
 * `max`, or -ENOMEM. */
must_check int census_take_seat(struct census *cs, const struct addr *client, size_t max,
				struct census_client **ret_seat);
void census_give_seat(struct census *cs, struct census_client *seat);

/* A connection that waits could not be accepted: `why` is logged once until... */
void census_trouble(struct census *cs, const char *why, int64_t now);

/* ...there was no trouble for a second, which is logged as well. False: this is
 * to be asked again. */
bool census_is_calm(struct census *cs, int64_t now);

/* A connection of `client` was closed: counts, and says so in the log, at most
 * once in ten seconds for each reason. */
void census_turned_away(struct census *cs, enum census_reason why, const struct addr *client,
			int64_t now);

/* How many it were. */
uint64_t census_count(struct census *cs, enum census_reason why);

#endif
