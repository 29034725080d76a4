/*
 * A bump allocator: memory that lives as long as one request and is freed as a
 * whole, so that an early return is always right.
 *
 * Thread: any, one owner at a time; it has no lock.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/assert.h"

struct arena_block;

struct arena {
	struct arena_block *head; /* the block in use; older ones hang behind it */
	char *free;               /* what is not taken of it */
	size_t left;              /* bytes of that; a multiple of ARENA_ALIGN */
	size_t total;             /* bytes of all blocks, for accounting */
};

enum { ARENA_ALIGN = _Alignof(max_align_t) };

/* An empty arena; takes no memory before the first allocation. */
void arena_init(struct arena *a);

/* Frees everything; the arena is as after arena_init. */
void arena_done(struct arena *a);

/* Forgets every allocation but keeps one ordinary block for the next use. */
void arena_reset(struct arena *a);

/* arena_alloc's, for what does not fit into the block in use; 0: no size at all. */
must_check void *arena_alloc_more(struct arena *a, size_t size);

/* `size` bytes aligned for any type, not zeroed; NULL when memory is out.
 * `size` 0 yields a unique pointer. */
must_check static inline void *arena_alloc(struct arena *a, size_t size)
{
	/* Rounded up; from near SIZE_MAX to 0. */
	size = (size + !size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (size - 1 >= a->left)
		return arena_alloc_more(a, size);
	void *p = a->free;
	a->free += size;
	a->left -= size;
	return p;
}

/* As arena_alloc, zeroed. */
must_check void *arena_zalloc(struct arena *a, size_t size);

/* A NUL-terminated copy of `len` bytes; NULL when memory is out. */
must_check char *arena_strndup(struct arena *a, const char *text, size_t len);

/* A NUL-terminated copy; NULL when memory is out. */
must_check char *arena_strdup(struct arena *a, const char *text);

/* Formatted text; NULL when memory is out. */
must_check char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) printf_like(2, 0);
must_check char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3);

#endif
