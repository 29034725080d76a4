/*
 * A bounded run of lines from one thread to another: whole lines go in, whole
 * lines come out, and what does not fit is refused. Neither side waits or
 * allocates.
 *
 * Thread: one puts, one takes; several that put share a lock of their own.
 */
#ifndef WEIR_BASE_RING_H
#define WEIR_BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct ring {
	char *data;         /* its owner's; NULL: nothing fits */
	size_t size;        /* a power of two */
	_Atomic size_t put; /* bytes since ever */
	_Atomic size_t taken;
};

void ring_init(struct ring *r, char *data, size_t size);

/* Any thread. */
size_t ring_len(const struct ring *r);

/* `line` ends with a newline. False: no room. */
bool ring_put(struct ring *r, const char *line, size_t len);

/* As many whole lines as `size` bytes hold; returns their bytes. */
size_t ring_take(struct ring *r, char *to, size_t size);

#endif
