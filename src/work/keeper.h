/*
 * The thread that builds generations and ends them: both run code of modules
 * (check, init, fini), which may take its time, and neither a loop nor the main
 * thread may wait for it. Jobs run in the order in which they come.
 *
 * Thread: stated for each function.
 */
#ifndef WEIR_WORK_KEEPER_H
#define WEIR_WORK_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct keeper;

/* Its owner's until keeper_do, and again from run() on. */
struct keeper_job {
	struct list link;
	void (*run)(struct keeper_job *job); /* on the keeper; may block */
};

/* Boot. NULL when the system has no room for it; errno says why. */
must_check struct keeper *keeper_start(void);

/* Any thread. Never blocks, never fails, takes no memory. */
void keeper_do(struct keeper *k, struct keeper_job *job);

/* Main: waits until there is nothing to do, at most until `deadline`. True when
 * it is so. */
must_check bool keeper_drain(struct keeper *k, int64_t deadline);

/* Main: does what is left, and ends the thread. */
void keeper_stop(struct keeper **k);

#endif
