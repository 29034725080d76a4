/*
 * base/buf: bytes in at the end, out at the start.
 *
 * Thread: one.
 */
#include "base/buf.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "unit.h"

START_TEST(what_goes_in_comes_out_in_order)
{
	struct buf b = { 0 };
	ck_assert_int_eq(buf_add(&b, "hello, ", 7), 0);
	ck_assert_int_eq(buf_addf(&b, "%s %d", "world", 7), 0);
	ck_assert_uint_eq(buf_len(&b), 14);
	buf_drop(&b, 7);
	ck_assert_mem_eq(buf_head(&b), "world 7", 7);
	buf_done(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
}
END_TEST

START_TEST(a_byte_stream_survives_growing_and_sliding)
{
	struct buf b = { 0 };
	unsigned char in = 0, out = 0;
	for (size_t step = 1; step < 600; step++) {
		for (size_t i = 0; i < step; i++, in++)
			ck_assert_int_eq(buf_add(&b, &in, 1), 0);
		for (size_t i = 0; i < step / 2; i++, out++) {
			ck_assert_uint_eq((unsigned char)*buf_head(&b), out);
			buf_drop(&b, 1);
		}
	}
	for (; buf_len(&b); buf_drop(&b, 1), out++)
		ck_assert_uint_eq((unsigned char)*buf_head(&b), out);
	ck_assert_uint_eq(in, out);
	buf_done(&b);
}
END_TEST

START_TEST(an_emptied_buffer_starts_at_its_front_again)
{
	struct buf b = { 0 };
	ck_assert_int_eq(buf_add(&b, "abc", 3), 0);
	buf_drop(&b, 3);
	ck_assert_uint_eq(b.start, 0);
	ck_assert_uint_eq(b.end, 0);
	buf_done(&b);
}
END_TEST

START_TEST(an_impossible_size_leaves_the_content)
{
	struct buf b = { 0 };
	ck_assert_int_eq(buf_add(&b, "abc", 3), 0);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX / 2));
	ck_assert_mem_eq(buf_head(&b), "abc", 3);
	buf_done(&b);
}
END_TEST

START_TEST(adding_nothing_takes_no_memory)
{
	struct buf b = { 0 };
	ck_assert_int_eq(buf_add(&b, NULL, 0), 0);
	ck_assert_ptr_null(b.data);
	buf_done(&b);
}
END_TEST

UNIT_MAIN("buf", what_goes_in_comes_out_in_order, a_byte_stream_survives_growing_and_sliding,
	  an_emptied_buffer_starts_at_its_front_again, an_impossible_size_leaves_the_content,
	  adding_nothing_takes_no_memory)
