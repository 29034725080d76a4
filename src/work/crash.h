/*
 * What the error log says when the process ends by a fault: which signal, in
 * whose code, for which request, and where. The signal then does what it always
 * does, so that cores are written and the service is started again.
 *
 * A fault belongs to the thread that made it. The daemon's threads have a stack
 * of their own for the note (base/thread), so that an overflow is noted, too.
 *
 * Thread: crash_start boot; crash_loaded and crash_unloaded boot and the keeper,
 * one at a time; the note any, in a signal handler.
 */
#ifndef WEIR_WORK_CRASH_H
#define WEIR_WORK_CRASH_H

struct description;

/* From here on faults are noted, except those that somebody else handles
 * already: a sanitizer, or a library that was loaded before. */
void crash_start(void);

/* A module was loaded from the private copy `object`, which is `file`: addresses
 * in it have a name from here on. What does not fit into the table has none. */
void crash_loaded(const char *object, const char *file, const struct description *about);
void crash_unloaded(const char *object);

#endif
