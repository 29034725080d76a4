/*
 * The timer wheel: time is an argument, so nothing here sleeps.
 */
#include <stdlib.h>

#include "base/wheel.h"
#include "unit.h"

static struct wheel wheel;

enum { TICK = WHEEL_TICK_MS };

static int64_t ms(int64_t n)
{
	return n * NS_PER_MS;
}

static int turn(int64_t now)
{
	struct list due;
	int count = 0;
	list_init(&due);
	wheel_turn(&wheel, now, &due);
	list_each (&due, struct wheel_timer, link, t) {
		list_remove(&t->link);
		count++;
	}
	return count;
}

START_TEST(a_timer_fires_never_early_and_at_most_one_tick_late)
{
	struct wheel_timer t;
	wheel_timer_init(&t);
	for (int64_t when = 1; when < 20000; when += 37) {
		wheel_init(&wheel, 0);
		wheel_set(&wheel, &t, ms(when));
		ck_assert_int_eq(turn(ms(when) - 1), 0);
		ck_assert_int_eq(turn(ms(when + TICK) + ms(TICK)), 1);
	}
}
END_TEST

START_TEST(next_names_a_moment_at_which_turning_helps)
{
	struct wheel_timer t;
	wheel_timer_init(&t);
	wheel_init(&wheel, ms(1000));
	ck_assert(wheel_next(&wheel) == CLOCK_NEVER);
	wheel_set(&wheel, &t, ms(1500));
	int64_t next = wheel_next(&wheel);
	ck_assert(next >= ms(1500) && next <= ms(1500 + 2 * TICK));
	ck_assert_int_eq(turn(next), 1);
	ck_assert(wheel_next(&wheel) == CLOCK_NEVER);
}
END_TEST

START_TEST(a_timer_moved_later_does_not_fire_at_its_old_time)
{
	struct wheel_timer t;
	wheel_timer_init(&t);
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &t, ms(100));
	wheel_set(&wheel, &t, ms(5000));
	ck_assert_int_eq(turn(ms(200)), 0);
	ck_assert_int_eq(turn(ms(4999)), 0);
	ck_assert_int_eq(turn(ms(5100)), 1);
}
END_TEST

START_TEST(a_timer_moved_nearer_fires_at_its_new_time)
{
	struct wheel_timer t;
	wheel_timer_init(&t);
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &t, ms(5000));
	ck_assert(wheel_set(&wheel, &t, ms(100)));
	ck_assert_int_eq(turn(ms(200)), 1);
}
END_TEST

START_TEST(a_timer_beyond_the_horizon_waits_as_long_as_it_should)
{
	struct wheel_timer t;
	int64_t when = ms((int64_t)WHEEL_SLOTS * TICK * 3 + 5);
	wheel_timer_init(&t);
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &t, when);
	int64_t now = 0;
	int fired = 0;
	while (!fired) {
		now = wheel_next(&wheel);
		ck_assert(now != CLOCK_NEVER);
		fired = turn(now);
	}
	ck_assert(now >= when && now <= when + ms(2 * TICK));
}
END_TEST

START_TEST(a_cleared_timer_never_fires)
{
	struct wheel_timer t;
	wheel_timer_init(&t);
	wheel_init(&wheel, 0);
	wheel_set(&wheel, &t, ms(100));
	wheel_clear(&t);
	ck_assert_int_eq(turn(ms(10000)), 0);
}
END_TEST

START_TEST(after_a_long_sleep_everything_due_fires_once)
{
	struct wheel_timer timers[100];
	wheel_init(&wheel, 0);
	for (int i = 0; i < 100; i++) {
		wheel_timer_init(&timers[i]);
		wheel_set(&wheel, &timers[i], ms(i * 500));
	}
	ck_assert_int_eq(turn(ms(3600 * 1000)), 100);
	ck_assert_int_eq(turn(ms(7200 * 1000)), 0);
}
END_TEST

UNIT_MAIN("wheel", a_timer_fires_never_early_and_at_most_one_tick_late,
	  next_names_a_moment_at_which_turning_helps,
	  a_timer_moved_later_does_not_fire_at_its_old_time,
	  a_timer_moved_nearer_fires_at_its_new_time,
	  a_timer_beyond_the_horizon_waits_as_long_as_it_should, a_cleared_timer_never_fires,
	  after_a_long_sleep_everything_due_fires_once)
