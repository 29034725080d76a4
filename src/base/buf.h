/*
 * A growable run of bytes that is filled at its end and emptied at its start:
 * what a connection has read and not yet used, or has to write.
 *
 * Thread: any, one owner at a time; it has no lock.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stddef.h>

#include "base/assert.h"

struct buf {
	char *data;   /* NULL while empty and unallocated */
	size_t start; /* first byte not yet taken */
	size_t end;   /* behind the last byte */
	size_t size;  /* bytes allocated */
};

static inline size_t buf_len(const struct buf *b)
{
	return b->end - b->start;
}

/* The first byte not yet taken; valid until the next call that adds. */
static inline char *buf_head(const struct buf *b)
{
	return b->data + b->start;
}

/* Frees the memory; `b` is empty and usable. */
void buf_done(struct buf *b);

/* buf_reserve's, where the room is not there. */
must_check char *buf_make_room(struct buf *b, size_t more);

/* Room for `more` bytes at the end. Returns where to write them, or NULL when
 * memory is out (the content stays). Follow with buf_added. */
must_check static inline char *buf_reserve(struct buf *b, size_t more)
{
	return b->data && b->size - b->end >= more ? b->data + b->end : buf_make_room(b, more);
}

static inline void buf_added(struct buf *b, size_t n)
{
	must(n <= b->size - b->end);
	b->end += n;
}

/* Appends; 0 or ERR_NOMEM (the content stays as it was). */
must_check int buf_add(struct buf *b, const void *data, size_t len);
must_check int buf_addf(struct buf *b, const char *fmt, ...) printf_like(2, 3);

/* Takes `n` bytes off the start. */
static inline void buf_drop(struct buf *b, size_t n)
{
	must(n <= buf_len(b));
	b->start += n;
	if (b->start == b->end)
		b->start = b->end = 0;
}

#endif
