/*
 * Does every loop still turn? Each is asked by a letter to come back; one whose
 * letter is out for long is held up, by an inline handler for instance. Nothing
 * is sent unless somebody asks, so idle loops sleep on.
 *
 * Thread: who made it; the letters come back on their loops.
 */
#ifndef WEIR_NET_PULSE_H
#define WEIR_NET_PULSE_H

#include <stdint.h>

#include "base/assert.h"

struct loop;
struct pulse;

/* NULL when memory is out. It must outlive the loops. */
must_check struct pulse *pulse_new(struct loop *loops, int count);
void pulse_free(struct pulse **pulse);

/* The number of a loop whose letter has been out for longer than that, or -1;
 * asks all others again. */
int pulse_stalled(struct pulse *p, int64_t for_ns);

#endif
