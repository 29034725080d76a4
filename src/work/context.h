/*
 * Whose code the calling thread runs right now: so that weir_log can put the
 * names of module and request before a line, and a crash can be told whose it was.
 *
 * Thread: any; every thread has its own.
 */
#ifndef WEIR_WORK_CONTEXT_H
#define WEIR_WORK_CONTEXT_H

struct instance;

struct context {
	struct instance *inst; /* NULL: the daemon's own code */
	const char *id;        /* of the request; NULL: none */
	const char *what;      /* a route's label, "init" and the like; NULL: the daemon's own */
};

/* Returns what was before, for context_leave. */
struct context context_enter(struct instance *inst, const char *id, const char *what);
void context_leave(struct context was);
struct context context_now(void);

#endif
