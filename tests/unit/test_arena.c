/*
 * base/arena: memory that is freed as a whole.
 *
 * Thread: one.
 */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>

#include "unit.h"

START_TEST(an_empty_arena_takes_no_memory)
{
	struct arena a;
	arena_init(&a);
	ck_assert_uint_eq(a.total, 0);
	arena_done(&a);
}
END_TEST

START_TEST(pieces_are_aligned_and_apart)
{
	struct arena a;
	arena_init(&a);
	char *last = NULL;
	for (size_t size = 0; size < 300; size++) {
		char *p = arena_alloc(&a, size);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		ck_assert_ptr_ne(p, last);
		memset(p, 0xa5, size);
		last = p;
	}
	arena_done(&a);
}
END_TEST

START_TEST(a_large_piece_does_not_retire_the_block_in_use)
{
	struct arena a;
	arena_init(&a);
	char *before = arena_alloc(&a, 16);
	char *large = arena_alloc(&a, 100000);
	char *after = arena_alloc(&a, 16);
	ck_assert_ptr_nonnull(large);
	memset(large, 1, 100000);
	ck_assert_ptr_eq(after, before + 16);
	arena_done(&a);
}
END_TEST

START_TEST(an_impossible_size_is_refused)
{
	struct arena a;
	arena_init(&a);
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 8));
	ck_assert_ptr_null(arena_strndup(&a, "", SIZE_MAX));
	ck_assert_ptr_nonnull(arena_alloc(&a, 1));
	arena_done(&a);
}
END_TEST

START_TEST(reset_keeps_one_ordinary_block)
{
	struct arena a;
	arena_init(&a);
	for (int i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(arena_alloc(&a, 1000));
	size_t full = a.total;
	arena_reset(&a);
	ck_assert_uint_gt(a.total, 0);
	ck_assert_uint_lt(a.total, full);
	ck_assert_uint_eq(a.left, a.total);
	arena_done(&a);
	ck_assert_ptr_null(a.head);
}
END_TEST

START_TEST(text_is_copied_and_formatted)
{
	struct arena a;
	arena_init(&a);
	ck_assert_str_eq(arena_strdup(&a, "weir"), "weir");
	ck_assert_str_eq(arena_strndup(&a, "weir and more", 4), "weir");
	ck_assert_str_eq(arena_printf(&a, "%s-%05d", "io", 42), "io-00042");
	const char *zeros = arena_zalloc(&a, 64);
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(zeros[i], 0);
	arena_done(&a);
}
END_TEST

UNIT_MAIN("arena", an_empty_arena_takes_no_memory, pieces_are_aligned_and_apart,
	  a_large_piece_does_not_retire_the_block_in_use, an_impossible_size_is_refused,
	  reset_keeps_one_ordinary_block, text_is_copied_and_formatted)
