/*
 * The end of a process that found itself in a state that cannot be.
 *
 * Thread: any.
 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

void assert_failed(const char *file, int line, const char *what)
{
	char text[512];
	snprintf(text, sizeof(text), "%s:%d: impossible state: !(%s)", file, line, what);
	log_last_words(text);
	abort();
}
