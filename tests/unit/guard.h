/*
 * Memory that ends where a page begins that must not be touched: a read or a
 * write behind its end is a crash, not luck.
 *
 * Thread: one.
 */
#ifndef WEIR_TESTS_GUARD_H
#define WEIR_TESTS_GUARD_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/assert.h"

struct guard {
	char *map;
	size_t size; /* of the map, its forbidden page included */
};

/* `size` bytes at the end of the map, zeroed. */
static inline char *guard_open(struct guard *g, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	g->size = room + page;
	g->map = mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(g->map != MAP_FAILED);
	must(mprotect(g->map + room, page, PROT_NONE) == 0);
	return g->map + room - size;
}

/* A copy of `len` bytes, without a NUL behind them. */
static inline char *guard_put(struct guard *g, const void *data, size_t len)
{
	char *at = guard_open(g, len);
	if (len > 0)
		memcpy(at, data, len);
	return at;
}

static inline void guard_close(struct guard *g)
{
	munmap(g->map, g->size);
	g->map = NULL;
}

#endif
