/*
 * The log thread, `weir-log`: the only one that writes to logs while it runs.
 * It sleeps while there is nothing to write, and while a file takes nothing
 * until it does.
 *
 * Thread: writer_add, writer_start and writer_stop main; the rest any.
 */
#ifndef WEIR_BASE_WRITER_H
#define WEIR_BASE_WRITER_H

#include <stdbool.h>

#include "base/assert.h"

struct sink;

enum { WRITER_SINKS_MAX = 4 };

/* Before it starts: it will look after `s`. */
void writer_add(struct sink *s);

/* 0, or a negative errno. */
must_check int writer_start(void);

/* Writes all that is there, as far as the files take it within a second each,
 * and ends the thread. False: it hangs in a disk, and its sinks must stay. */
bool writer_stop(void);

/* There are lines; `is_urgent`: which should not wait. Wakes the thread when it
 * would not see them in time by itself. */
void writer_tell(bool is_urgent);

/* Have a look in any case. */
void writer_wake(void);

/* In a crash: the thread keeps off its sinks from here on, and what they have is
 * written. Async-signal-safe. */
void writer_last_words(void);

#endif
