/*
 * One test that passes and one that fails, on purpose: the style test `runner`
 * wants to see both counted.
 *
 * Thread: one.
 */
#include "unit.h"

START_TEST(what_holds_passes)
{
	ck_assert_int_eq(1, 1);
}
END_TEST

START_TEST(what_does_not_hold_fails)
{
	ck_assert_int_eq(1, 2);
}
END_TEST

UNIT_MAIN("must_fail", what_holds_passes, what_does_not_hold_fails)
