/*
 * Letters to loops that must come back.
 *
 * Thread: see pulse.h.
 */
#include "net/pulse.h"

#include <stdlib.h>

#include "net/loop.h"

struct beat {
	struct errand errand;
	_Atomic bool is_out; /* it has not come back */
	int64_t sent;        /* the maker's */
};

struct pulse {
	struct loop *loops;
	int count;
	struct beat beats[];
};

struct pulse *pulse_new(struct loop *loops, int count)
{
	struct pulse *p = calloc(1, sizeof(*p) + (size_t)count * sizeof(p->beats[0]));
	if (!p)
		return NULL;
	p->loops = loops;
	p->count = count;
	return p;
}

void pulse_free(struct pulse **pulse)
{
	free(*pulse);
	*pulse = NULL;
}

/* On the loop that was asked. */
static void beat(struct loop *loop, void *arg)
{
	struct beat *b = arg;
	(void)loop;
	atomic_store(&b->is_out, false);
}

int pulse_stalled(struct pulse *p, int64_t for_ns)
{
	int64_t now = clock_now();
	int stalled = -1;
	for (int i = 0; i < p->count; i++) {
		struct beat *b = &p->beats[i];
		if (atomic_load(&b->is_out)) {
			if (now - b->sent > for_ns)
				stalled = i;
			continue;
		}
		b->sent = now;
		atomic_store(&b->is_out, true);
		loop_post(&p->loops[i], &b->errand, beat, b);
	}
	return stalled;
}
