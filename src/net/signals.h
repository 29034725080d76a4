/*
 * Signals as events of the main loop, and the deadline of stopping.
 *
 * Thread: main.
 */
#ifndef WEIR_NET_SIGNALS_H
#define WEIR_NET_SIGNALS_H

#include <stdint.h>

#include "base/assert.h"

struct loop;
struct signals;

struct signal_actions {
	void (*stop)(void *ctx);   /* the first TERM or INT; the next one kills as usual */
	void (*reload)(void *ctx); /* HUP */
	void (*reopen)(void *ctx); /* USR1 */
};

/* NULL when memory is out. SIGPIPE is ignored from here on. */
must_check struct signals *signals_start(struct loop *loop, const struct signal_actions *actions,
					 void *ctx);
void signals_stop(struct signals **signals);

/* Calls fn(ctx) after `ms` milliseconds; WEIR_INF: never. */
void signals_set_deadline(struct signals *signals, int64_t ms, void (*fn)(void *ctx));

#endif
