/*
 * base/near: what was meant.
 *
 * Thread: one.
 */
#include "base/near.h"

#include <stddef.h>
#include <string.h>

#include "unit.h"

static const char *nearest(const char *name)
{
	static const char *const known[] = {
		"listen", "thread_tokens", "threads_min", "queue_max", "pool", "timeout", "file",
	};
	struct near n;
	near_init(&n, name);
	for (size_t i = 0; i < array_len(known); i++)
		near_offer(&n, known[i]);
	return n.best ? n.best : "";
}

START_TEST(one_letter_wrong_is_a_typo)
{
	ck_assert_str_eq(nearest("thread_token"), "thread_tokens");
	ck_assert_str_eq(nearest("lisssten"), "listen");
	ck_assert_str_eq(nearest("listem"), "listen");
	ck_assert_str_eq(nearest("threads_mim"), "threads_min");
}
END_TEST

START_TEST(swapped_neighbours_are_one_mistake)
{
	ck_assert_str_eq(nearest("opol"), "pool");
	ck_assert_str_eq(nearest("flie"), "file");
	ck_assert_str_eq(nearest("qeuue_max"), "queue_max");
}
END_TEST

START_TEST(letter_case_is_no_mistake)
{
	ck_assert_str_eq(nearest("TIMEOUT"), "timeout");
}
END_TEST

START_TEST(another_word_is_no_typo)
{
	ck_assert_str_eq(nearest("greeting"), "");
	ck_assert_str_eq(nearest("tokens"), "");
	ck_assert_str_eq(nearest("x"), "");
	ck_assert_str_eq(nearest(""), "");
}
END_TEST

START_TEST(endless_names_have_no_neighbour)
{
	char name[1001];
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_str_eq(nearest(name), "");
}
END_TEST

UNIT_MAIN("near", one_letter_wrong_is_a_typo, swapped_neighbours_are_one_mistake,
	  letter_case_is_no_mistake, another_word_is_no_typo, endless_names_have_no_neighbour)
