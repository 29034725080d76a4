/*
 * base/list: links inside objects.
 *
 * Thread: one.
 */
#include "base/list.h"

#include "unit.h"

struct item {
	int number;
	struct list link;
};

/* The numbers of a list, in order, as one decimal number. */
static int digits(struct list *head)
{
	int value = 0;
	list_each (head, struct item, link, i)
		value = value * 10 + i->number;
	return value;
}

static void fill(struct list *head, struct item *items, int count)
{
	list_init(head);
	for (int i = 0; i < count; i++) {
		items[i].number = i + 1;
		list_init(&items[i].link);
		list_add_last(head, &items[i].link);
	}
}

START_TEST(a_new_list_is_empty)
{
	struct list head;
	list_init(&head);
	ck_assert(list_is_empty(&head));
	ck_assert_ptr_null(list_first(&head, struct item, link));
}
END_TEST

START_TEST(objects_stand_where_they_were_added)
{
	struct list head;
	struct item items[3], first = { .number = 9 };
	fill(&head, items, 3);
	ck_assert_int_eq(digits(&head), 123);
	list_add_first(&head, &first.link);
	ck_assert_int_eq(digits(&head), 9123);
	ck_assert_ptr_eq(list_first(&head, struct item, link), &first);
}
END_TEST

START_TEST(removing_twice_is_harmless)
{
	struct list head;
	struct item items[3];
	fill(&head, items, 3);
	list_remove(&items[1].link);
	list_remove(&items[1].link);
	ck_assert_int_eq(digits(&head), 13);
	ck_assert(list_is_empty(&items[1].link));
}
END_TEST

START_TEST(the_current_object_may_be_removed_in_a_walk)
{
	struct list head;
	struct item items[4];
	fill(&head, items, 4);
	list_each (&head, struct item, link, i) {
		if (i->number % 2 == 0)
			list_remove(&i->link);
	}
	ck_assert_int_eq(digits(&head), 13);
}
END_TEST

START_TEST(moving_all_keeps_both_orders)
{
	struct list to, from;
	struct item some[2], more[3];
	fill(&to, some, 2);
	fill(&from, more, 3);
	list_move_all(&to, &from);
	ck_assert_int_eq(digits(&to), 12123);
	ck_assert(list_is_empty(&from));
	list_move_all(&to, &from);
	ck_assert_int_eq(digits(&to), 12123);
}
END_TEST

UNIT_MAIN("list", a_new_list_is_empty, objects_stand_where_they_were_added,
	  removing_twice_is_harmless, the_current_object_may_be_removed_in_a_walk,
	  moving_all_keeps_both_orders)
