/*
 * What is printed: a line of JSON a second, the result, a line for people.
 *
 * Thread: main.
 */
#ifndef WEIR_BENCH_LOAD_REPORT_H
#define WEIR_BENCH_LOAD_REPORT_H

#include "load_conf.h"
#include "load_count.h"
#include "load_hold.h"

/* `t` is what was counted in that second alone. */
void report_second(uint64_t second, const struct totals *t);

void report_result(const struct conf *conf, const struct totals *t, double seconds,
		   const struct hold_result *held);

/* For people, on stderr. */
void report_line(const struct totals *t, double seconds);

uint64_t report_errors(const struct totals *t);

#endif
