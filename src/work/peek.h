/*
 * What a thread of this process does right now, as /proc tells: on CPU or
 * asleep, in which system call, where in the kernel.
 *
 * Thread: any; reads files, so not on an I/O thread.
 */
#ifndef WEIR_WORK_PEEK_H
#define WEIR_WORK_PEEK_H

#include <sys/types.h>

enum { PEEK_TEXT_SIZE = 160 };

/* Writes "asleep in clock_nanosleep (hrtimer_nanosleep)", "on CPU" or the like;
 * what the system does not tell is left out. `to` holds PEEK_TEXT_SIZE. */
void peek_thread(pid_t tid, char *to);

/* The name of a system call of this machine; NULL: none of that number. */
const char *peek_call_name(long number);

#endif
