/*
 * The thread's own note of whose code it runs.
 *
 * Thread: any.
 */
#include "work/context.h"

static _Thread_local struct context now;

struct context context_enter(struct instance *inst, const char *id, const char *what)
{
	struct context was = now;
	now = (struct context){ .inst = inst, .id = id, .what = what };
	return was;
}

void context_leave(struct context was)
{
	now = was;
}

struct context context_now(void)
{
	return now;
}
