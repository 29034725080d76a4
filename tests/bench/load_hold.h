/*
 * Connections that are held open beside the load: idle ones, and hostile ones
 * that send or read one byte a second. They have a thread of their own.
 *
 * Thread: main.
 */
#ifndef WEIR_BENCH_LOAD_HOLD_H
#define WEIR_BENCH_LOAD_HOLD_H

#include <stdint.h>

#include "load_conf.h"
#include "load_count.h"

struct hold;

struct hold_result {
	uint64_t opened;
	uint64_t answered;                /* got an answer while they were held (408, say) */
	uint64_t closed;                  /* by the server */
	double first_closed, last_closed; /* seconds after that connection began to be held */
	uint64_t status[STATUS_END];
};

/* Opens them all and returns once they are; ends the program when it cannot. */
struct hold *hold_start(const struct conf *conf);

/* Closes them; `ret_results` has HOLD_KINDS places. */
void hold_stop(struct hold **h, struct hold_result *ret_results);

/* As in the result: "idle", "slow_head" ... */
const char *hold_name(enum hold_kind kind);

#endif
