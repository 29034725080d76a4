/*
 * The timer wheel. A slot stands for one tick within the horizon; what lies
 * beyond waits in the farthest slot and is put further when that comes.
 *
 * Thread: any, one owner at a time.
 */
#include "base/wheel.h"

static const int64_t tick_ns = WHEEL_TICK_MS * NS_PER_MS;

void wheel_init(struct wheel *w, int64_t now)
{
	for (size_t i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	for (size_t i = 0; i < WHEEL_SLOTS / 64; i++)
		w->used[i] = 0;
	w->tick = now / tick_ns;
}

void wheel_timer_init(struct wheel_timer *t)
{
	list_init(&t->link);
	t->when = CLOCK_NEVER;
	t->slot_tick = 0;
}

void wheel_clear(struct wheel_timer *t)
{
	list_remove(&t->link);
	t->when = CLOCK_NEVER;
}

static void insert(struct wheel *w, struct wheel_timer *t)
{
	/* Rounded up: never early. */
	int64_t tick = t->when / tick_ns + 1;
	if (tick < w->tick)
		tick = w->tick;
	if (tick > w->tick + WHEEL_SLOTS - 1)
		tick = w->tick + WHEEL_SLOTS - 1;
	size_t slot = (size_t)(tick % WHEEL_SLOTS);
	t->slot_tick = tick;
	list_add_last(&w->slots[slot], &t->link);
	w->used[slot / 64] |= 1ULL << (slot % 64);
}

bool wheel_set(struct wheel *w, struct wheel_timer *t, int64_t when)
{
	if (when == CLOCK_NEVER) {
		wheel_clear(t);
		return false;
	}
	t->when = when;
	if (!list_is_empty(&t->link)) {
		if (t->slot_tick <= when / tick_ns + 1)
			return false; /* its slot comes first and will look again */
		list_remove(&t->link);
	}
	int64_t next = wheel_next(w);
	insert(w, t);
	return t->slot_tick * tick_ns < next;
}

int64_t wheel_next(const struct wheel *w)
{
	for (int64_t i = 0; i < WHEEL_SLOTS;) {
		size_t slot = (size_t)((w->tick + i) % WHEEL_SLOTS);
		uint64_t bits = w->used[slot / 64] >> (slot % 64);
		if (bits)
			return (w->tick + i + __builtin_ctzll(bits)) * tick_ns;
		i += 64 - (int64_t)(slot % 64);
	}
	return CLOCK_NEVER;
}

static void serve_slot(struct wheel *w, size_t slot, int64_t now, struct list *due)
{
	struct list here;
	list_init(&here);
	list_move_all(&here, &w->slots[slot]);
	w->used[slot / 64] &= ~(1ULL << (slot % 64));
	list_each (&here, struct wheel_timer, link, t) {
		list_remove(&t->link);
		if (t->when <= now)
			list_add_last(due, &t->link);
		else
			insert(w, t);
	}
}

void wheel_turn(struct wheel *w, int64_t now, struct list *due)
{
	int64_t last = now / tick_ns;
	/* After a long sleep each slot is looked at once. */
	if (last - w->tick >= WHEEL_SLOTS)
		w->tick = last - WHEEL_SLOTS + 1;
	while (w->tick <= last) {
		size_t slot = (size_t)(w->tick % WHEEL_SLOTS);
		w->tick++;
		if (w->used[slot / 64] >> (slot % 64) & 1)
			serve_slot(w, slot, now, due);
	}
}
