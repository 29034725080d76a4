/*
 * What pattern.c and router.c share about single segments and pairs of
 * patterns.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_WORK_PATTERN_PRIVATE_H
#define WEIR_WORK_PATTERN_PRIVATE_H

#include "work/pattern.h"

/* The paths that x matches, compared with those that y matches. */
enum pattern_relation {
	PATTERN_APART,    /* none in common */
	PATTERN_EQUAL,    /* the same */
	PATTERN_NARROWER, /* x's are some of y's */
	PATTERN_WIDER,    /* y's are some of x's */
	PATTERN_CROSSED,  /* some in common, and each has others */
};

enum pattern_relation pattern_compare(const struct pattern *x, const struct pattern *y);

/* Is this one segment of a path of a parameter type but path? */
bool pattern_segment_is(enum pattern_type type, const char *s, size_t len);

#endif
