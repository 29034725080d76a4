/*
 * Counting what a loop does: its connections and bytes, and each request that
 * has ended, at its route.
 *
 * Thread: the loop's; what is counted is read by any.
 */
#ifndef WEIR_NET_TALLY_H
#define WEIR_NET_TALLY_H

#include "work/stats.h"

struct loop;
struct request;

/* Of one loop. */
struct tally {
	counter accepted;
	counter closed;
	counter bytes_in, bytes_out;
	counter requests;             /* that have ended */
	struct stats_entry *no_route; /* for what never came to one; constant; may be NULL */
};

/* The request has its answer, or will never have one. */
void tally_request(struct loop *loop, const struct request *req);

/* The client was told 504 while the handler runs; it has ended for nobody. */
void tally_timeout(struct loop *loop, const struct request *req);
void tally_abandoned(struct loop *loop, const struct request *req);

#endif
