/*
 * Timers for many objects whose deadlines mostly move on before they come: a
 * wheel of slots. Setting is O(1) and usually a single store, because a timer
 * that only moves later stays where it is until its old slot comes round.
 *
 * Thread: any, one owner at a time; time is an argument.
 */
#ifndef WEIR_BASE_WHEEL_H
#define WEIR_BASE_WHEEL_H

#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

enum {
	WHEEL_SLOTS = 512,
	WHEEL_TICK_MS = 16, /* the grain: a timer fires up to this much late, never early */
};

struct wheel_timer {
	struct list link;
	int64_t when;      /* CLOCK_NEVER: not set */
	int64_t slot_tick; /* of the slot it is in */
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / 64]; /* a bit a slot that may hold something */
	int64_t tick;                    /* all ticks before it have been served */
};

void wheel_init(struct wheel *w, int64_t now);
void wheel_timer_init(struct wheel_timer *t);

/* Sets or moves a timer; CLOCK_NEVER clears it. True when the moment that
 * wheel_next gives has come nearer. */
bool wheel_set(struct wheel *w, struct wheel_timer *t, int64_t when);

/* Must be called before a timer's memory goes away. */
void wheel_clear(struct wheel_timer *t);

/* When to call wheel_turn next; CLOCK_NEVER when no timer is set. */
int64_t wheel_next(const struct wheel *w);

/* Takes off the timers whose time has come and puts them on `due`. */
void wheel_turn(struct wheel *w, int64_t now, struct list *due);

#endif
