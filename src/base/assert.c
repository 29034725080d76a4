/*
 * The end of a process that found itself in a state that cannot be.
 *
 * Thread: any.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void assert_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "weir: %s:%d: impossible state: !(%s)\n", file, line, what);
	abort();
}
