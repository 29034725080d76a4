/*
 * Lines between two threads, by two counters.
 *
 * Thread: see ring.h.
 */
#include "base/ring.h"

#include <string.h>

#include "base/assert.h"

void ring_init(struct ring *r, char *data, size_t size)
{
	must((size & (size - 1)) == 0);
	r->data = data;
	r->size = size;
	atomic_init(&r->put, 0);
	atomic_init(&r->taken, 0);
}

size_t ring_len(const struct ring *r)
{
	/* In this order: what was taken had been put. */
	size_t taken = atomic_load(&r->taken);
	return atomic_load(&r->put) - taken;
}

bool ring_put(struct ring *r, const char *line, size_t len)
{
	size_t put = atomic_load_explicit(&r->put, memory_order_relaxed);
	size_t taken = atomic_load_explicit(&r->taken, memory_order_acquire);
	if (!r->data || len > r->size - (put - taken))
		return false;
	size_t at = put & (r->size - 1);
	size_t first = len < r->size - at ? len : r->size - at;
	memcpy(r->data + at, line, first);
	memcpy(r->data, line + first, len - first);
	/* In one order with the asking whether somebody must be woken. */
	atomic_store(&r->put, put + len);
	return true;
}

size_t ring_take(struct ring *r, char *to, size_t size)
{
	size_t taken = atomic_load_explicit(&r->taken, memory_order_relaxed);
	size_t len = atomic_load(&r->put) - taken;
	if (len == 0)
		return 0;
	bool is_cut = len > size;
	len = is_cut ? size : len;
	size_t at = taken & (r->size - 1);
	size_t first = len < r->size - at ? len : r->size - at;
	memcpy(to, r->data + at, first);
	memcpy(to + first, r->data, len - first);
	if (is_cut) {
		const char *last = memrchr(to, '\n', len);
		len = last ? (size_t)(last - to) + 1 : 0;
	}
	atomic_store_explicit(&r->taken, taken + len, memory_order_release);
	return len;
}
