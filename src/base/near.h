/*
 * "Did you mean …?": the known name nearest to one that is not known, by the
 * number of letters that were left out, put in, changed or swapped; only when
 * it is near enough to be a typing mistake. Letter case counts for nothing.
 *
 * Thread: any, one owner at a time.
 */
#ifndef WEIR_BASE_NEAR_H
#define WEIR_BASE_NEAR_H

#include "base/assert.h"

struct near {
	const char *name;  /* the unknown one */
	const char *best;  /* so far; NULL: none is near enough */
	unsigned distance; /* of best; before there is one, the first that is too far */
};

void near_init(struct near *n, const char *name);

/* Offers a known name; it must live as long as `n` is asked. The first of
 * several equally near ones wins. */
void near_offer(struct near *n, const char *known);

#endif
