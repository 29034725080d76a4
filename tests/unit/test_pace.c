/*
 * base/pace: flows that are fast enough, and others.
 *
 * Thread: one.
 */
#include "base/pace.h"

#include "unit.h"

static const int64_t stretch = 10 * NS_PER_S;

/* `n` bytes every `every` ns for `seconds`; when it was too slow, or -1. */
static int64_t flow(uint64_t n, int64_t every, int64_t seconds, int64_t rate)
{
	struct pace p;
	pace_begin(&p, 77);
	for (int64_t t = every; t <= seconds * NS_PER_S; t += every) {
		if (!pace_add(&p, n, 77 + t, stretch, rate))
			return t / NS_PER_S;
	}
	return -1;
}

START_TEST(a_flow_below_the_rate_ends_with_its_stretch)
{
	ck_assert_int_eq(flow(1, NS_PER_S, 100, 100), 10);
	ck_assert_int_eq(flow(99, NS_PER_S, 100, 100), 10);
	ck_assert_int_eq(flow(100, NS_PER_S, 100, 100), -1);
	ck_assert_int_eq(flow(100, NS_PER_S, 1000, 1), -1);
	/* Pieces that come far apart are measured when they come. */
	ck_assert_int_eq(flow(1, 9 * NS_PER_S, 100, 100), 18);
	ck_assert_int_eq(flow(1000, 9 * NS_PER_S, 100, 100), -1);
	ck_assert_int_eq(flow(1, 60 * NS_PER_S, 100, 1), 60);
}
END_TEST

START_TEST(no_rate_is_kept_by_any_flow)
{
	ck_assert_int_eq(flow(1, 9 * NS_PER_S, 10000, 0), -1);
	ck_assert_int_eq(flow(0, 9 * NS_PER_S, 10000, 0), -1);
}
END_TEST

START_TEST(what_came_fast_is_no_credit)
{
	struct pace p;
	pace_begin(&p, 0);
	ck_assert(pace_add(&p, 1 << 30, NS_PER_S, stretch, 100));
	ck_assert(pace_add(&p, 1, 10 * NS_PER_S, stretch, 100));
	ck_assert(pace_add(&p, 1, 19 * NS_PER_S, stretch, 100));
	ck_assert(!pace_add(&p, 1, 20 * NS_PER_S, stretch, 100));
}
END_TEST

START_TEST(numbers_at_their_ends_do_not_overflow)
{
	struct pace p;
	pace_begin(&p, 0);
	ck_assert(!pace_add(&p, 1, CLOCK_NEVER - 1, stretch, 1 << 30));
	pace_begin(&p, 0);
	ck_assert(pace_add(&p, UINT64_MAX, CLOCK_NEVER - 1, 1, 1));
	pace_begin(&p, 0);
	ck_assert(pace_add(&p, 0, 0, 0, 1 << 30));
}
END_TEST

UNIT_MAIN("pace", a_flow_below_the_rate_ends_with_its_stretch, no_rate_is_kept_by_any_flow,
	  what_came_fast_is_no_credit, numbers_at_their_ends_do_not_overflow)
