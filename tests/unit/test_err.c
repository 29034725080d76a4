/*
 * base/err: texts of error numbers.
 *
 * Thread: one.
 */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>

#include "unit.h"

START_TEST(our_errors_have_texts_of_their_own)
{
	ck_assert_str_eq(err_text(ERR_NOMEM), "out of memory");
	ck_assert_str_eq(err_text(ERR_UNIT), "needs a unit");
	ck_assert_str_eq(err_text(ERR_SYSTEM), "system call failed");
}
END_TEST

START_TEST(a_negative_errno_has_the_systems_text)
{
	ck_assert_str_eq(err_text(-ENOENT), "No such file or directory");
}
END_TEST

START_TEST(numbers_of_nobody_have_a_text_too)
{
	ck_assert_str_eq(err_text(0), "no error");
	ck_assert_str_eq(err_text(5), "unknown error");
	ck_assert_str_eq(err_text(WEIR_ERR_BASE - ERR_COUNT), "unknown error");
	ck_assert_str_eq(err_text(-9999), "unknown error");
}
END_TEST

UNIT_MAIN("err", our_errors_have_texts_of_their_own, a_negative_errno_has_the_systems_text,
	  numbers_of_nobody_have_a_text_too)
