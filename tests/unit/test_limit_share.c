/*
 * Shares of a limiter: bounds, reserves and priority; what is promised, one
 * sentence a test.
 *
 * Thread: one.
 */
#include "limit_scene.h"
#include "unit.h"

/* ---- bounds ---- */

START_TEST(a_share_has_no_more_than_its_bound_and_others_go_on)
{
	struct scene *s = scene(8);
	set(s, 0, 2, 0);
	ask(s, 0, 5);
	ck_assert_int_eq(s->s[0].borrowed, 2);
	ck_assert_int_eq(s->s[0].waiting, 3);
	ask(s, 10, 16);
	ck_assert_int_eq(s->s[1].borrowed, 6);
	ck_assert_int_eq(limit_available(&s->l), 0);
}
END_TEST

START_TEST(who_waits_for_its_share_is_served_when_that_has_a_token)
{
	struct scene *s = scene(8);
	set(s, 0, 1, 0);
	ask(s, 0, 3);
	ask(s, 10, 12);
	give(s, 10);
	ck_assert_int_eq(told(s), -1);
	give(s, 0);
	ck_assert_int_eq(told(s), 1);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(lines_are_served_in_the_order_of_coming)
{
	struct scene *s = scene(1);
	static const int order[] = { 40, 0, 10, 1, 41, 11 };
	for (size_t i = 0; i < 6; i++)
		ask(s, order[i], order[i] + 1);
	for (size_t i = 0; i + 1 < 6; i++) {
		give(s, order[i]);
		ck_assert_int_eq(told(s), order[i + 1]);
	}
}
END_TEST

START_TEST(a_share_inside_another_keeps_to_both_bounds)
{
	struct scene *s = scene(10);
	static struct limit_share inner;
	limit_share_add(&s->l, &inner, &s->s[0]);
	struct limit_share_settings two = { .max = 2, .waiting_max = LIMIT_INF };
	limit_share_set(&s->l, &inner, &two, 0);
	set(s, 0, 3, 0);
	for (int i = 0; i < 5; i++)
		s->w[i].share = &inner;
	ask(s, 0, 10);
	ck_assert_int_eq(inner.borrowed, 2);
	ck_assert_int_eq(s->s[0].borrowed, 3);
	/* One of the outer goes: the inner is full, so the outer's next has it. */
	give(s, 5);
	ck_assert_int_eq(told(s), 6);
	give(s, 0);
	ck_assert_int_eq(told(s), 2);
}
END_TEST

START_TEST(a_line_of_its_own_may_be_shorter_than_the_pools)
{
	struct scene *s = scene(1);
	struct limit_share_settings few = { .max = LIMIT_INF, .waiting_max = 2 };
	limit_share_set(&s->l, &s->s[0], &few, 0);
	ask(s, 40, 41);
	ask(s, 0, 2);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[2], 9, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[10], 9, CLOCK_NEVER), LIMIT_WAIT);
	limit_set_waiting_max(&s->l, 3);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[11], 9, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_uint_eq(s->l.stats.rejected_full, 2);
}
END_TEST

START_TEST(settings_change_while_tokens_are_out)
{
	struct scene *s = scene(8);
	ask(s, 0, 4);
	set(s, 0, 2, 0);
	ask(s, 4, 6);
	ck_assert_int_eq(s->s[0].borrowed, 4);
	give(s, 0);
	give(s, 1);
	ck_assert_int_eq(told(s), -1);
	set(s, 0, 3, 0);
	ck_assert_int_eq(told(s), 4);
	set(s, 0, LIMIT_INF, 0);
	ck_assert_int_eq(told(s), 5);
}
END_TEST

START_TEST(a_share_without_tokens_asks_for_the_most_patience)
{
	struct scene *s = scene(8);
	set(s, 0, 1, 0);
	ask(s, 0, 9);
	/* One token a second is given back. */
	for (int i = 0; i < 3; i++) {
		s->now += NS_PER_S;
		give(s, i);
		(void)told(s);
	}
	/* Five wait, and it was a little more than a second each. */
	ck_assert_int_eq(limit_retry_after(&s->l, &s->s[0], s->now), 6);
	ck_assert_int_eq(limit_retry_after(&s->l, &s->s[1], s->now), 1);
	set(s, 0, 0, 0);
	ck_assert_int_eq(limit_retry_after(&s->l, &s->s[0], s->now), 60);
}
END_TEST

START_TEST(expired_waiters_hold_no_place_of_their_own_line)
{
	struct scene *s = scene(1);
	struct limit_share_settings few = { .max = LIMIT_INF, .waiting_max = 2 };
	limit_share_set(&s->l, &s->s[0], &few, 0);
	ask(s, 40, 42); /* one holds, a patient one is before all */
	(void)limit_borrow(&s->l, &s->w[0], 10, 20);
	(void)limit_borrow(&s->l, &s->w[1], 11, 20);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[2], 19, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[2], 20, CLOCK_NEVER), LIMIT_WAIT);
	ck_assert_int_eq(sent_away(s), 0);
	ck_assert_int_eq(sent_away(s), 1);
}
END_TEST

START_TEST(lowering_then_raising_gives_out_no_token_twice_with_shares)
{
	struct scene *s = scene(6);
	set(s, 0, 3, 0);
	ask(s, 0, 6);
	ask(s, 10, 16);
	limit_resize(&s->l, 2, ++s->now);
	set(s, 0, 1, 0);
	limit_resize(&s->l, 6, ++s->now);
	set(s, 0, 3, 0);
	ck_assert_int_eq(told(s), -1);
	ck_assert_int_eq(s->l.root.borrowed, 6);
	set(s, 0, 4, 0);
	ck_assert_int_eq(told(s), -1);
	limit_resize(&s->l, 8, ++s->now);
	ck_assert_int_eq(told(s), 3);
	ck_assert_int_eq(told(s), 13);
	ck_assert_int_eq(s->s[0].borrowed, 4);
	ck_assert_int_eq(s->s[1].borrowed, 4);
}
END_TEST

START_TEST(infinite_tokens_leave_shares_their_bounds)
{
	struct scene *s = scene(LIMIT_INF);
	set(s, 0, 2, 1);
	ask(s, 0, 5);
	ask(s, 10, 20);
	ask(s, 40, 64);
	ck_assert_int_eq(s->s[0].borrowed, 2);
	ck_assert_int_eq(s->l.root.waiting, 3);
	ck_assert_int_eq(limit_available(&s->l), LIMIT_INF);
	set(s, 0, LIMIT_INF, 1);
	ck_assert_int_eq(s->l.root.waiting, 0);
}
END_TEST

START_TEST(without_tokens_every_share_stops)
{
	struct scene *s = scene(0);
	set(s, 0, LIMIT_INF, 2);
	ask(s, 10, 11);
	ask(s, 0, 1);
	ck_assert_int_eq(s->l.root.waiting, 2);
	ck_assert_int_eq(limit_retry_after(&s->l, &s->s[0], s->now), 60);
	limit_resize(&s->l, 1, ++s->now);
	ck_assert_int_eq(told(s), 10);
	limit_resize(&s->l, 0, ++s->now);
	give(s, 10);
	ck_assert_int_eq(told(s), -1);
	ck_assert_int_eq(limit_available(&s->l), 0);
}
END_TEST

START_TEST(a_share_counts_what_those_below_it_have)
{
	struct scene *s = scene(3);
	static struct limit_share inner;
	limit_share_add(&s->l, &inner, &s->s[0]);
	for (int i = 0; i < 4; i++)
		s->w[i].share = &inner;
	ask(s, 0, 8); /* 3 hold and 1 waits of the inner, 4 wait of the outer */
	ask(s, 10, 12);
	ck_assert_int_eq(inner.borrowed, 3);
	ck_assert_int_eq(inner.waiting, 1);
	ck_assert_int_eq(s->s[0].borrowed, 3);
	ck_assert_int_eq(s->s[0].waiting, 5);
	ck_assert_int_eq(s->s[0].in_line, 4);
	ck_assert_int_eq(s->l.root.waiting, 7);
	ck_assert_int_eq(s->l.root.in_line, 0);
	ck_assert_uint_eq(s->l.stats.grants, 3);
	ck_assert_int_eq(s->l.stats.waiting_max, 7);
}
END_TEST

/* ---- reserves ---- */

START_TEST(one_token_of_an_idle_reserve_is_never_lent)
{
	struct scene *s = scene(5);
	set(s, 0, LIMIT_INF, 3);
	ask(s, 10, 20);
	ck_assert_int_eq(s->s[1].borrowed, 4);
	ask(s, 0, 1);
	ck_assert_int_eq(s->w[0].state, LIMIT_HOLDING);
	ck_assert_int_eq(limit_available(&s->l), 0);
}
END_TEST

START_TEST(what_is_lent_comes_back_to_the_owner_first)
{
	struct scene *s = scene(5);
	set(s, 0, LIMIT_INF, 3);
	ask(s, 10, 16);
	ask(s, 0, 5);
	ck_assert_int_eq(s->s[0].borrowed, 1);
	give(s, 10);
	ck_assert_int_eq(told(s), 1);
	give(s, 11);
	ck_assert_int_eq(told(s), 2);
	/* Its reserve is complete: from here on in the order of coming. */
	give(s, 12);
	ck_assert_int_eq(told(s), 14);
	give(s, 13);
	ck_assert_int_eq(told(s), 15);
	give(s, 14);
	ck_assert_int_eq(told(s), 3);
}
END_TEST

START_TEST(what_was_wanted_lately_is_kept_from_calls_that_never_end)
{
	struct scene *s = scene(6);
	set(s, 0, LIMIT_INF, 4);
	ask(s, 0, 4);
	for (int i = 0; i < 4; i++)
		give(s, i);
	ask(s, 10, 20);
	ck_assert_int_eq(s->s[1].borrowed, 2);
	/* The owner comes and goes as before, and waits for nobody. */
	for (int round = 0; round < 3; round++) {
		ask(s, 0, 4);
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(s->w[i].state, LIMIT_HOLDING);
		for (int i = 0; i < 4; i++)
			give(s, i);
		ck_assert_int_eq(told(s), -1);
	}
}
END_TEST

START_TEST(what_was_not_wanted_for_a_while_is_lent)
{
	struct scene *s = scene(6);
	set(s, 0, LIMIT_INF, 4);
	ask(s, 0, 4);
	for (int i = 0; i < 4; i++)
		give(s, i);
	ask(s, 10, 20);
	let_wants_pass(s);
	ck_assert_int_eq(s->s[1].borrowed, 5);
	for (int i = 12; i < 15; i++)
		ck_assert_int_eq(told(s), i);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(reserves_without_room_shrink_and_nobody_starves)
{
	struct scene *s = scene(10);
	set(s, 0, LIMIT_INF, 4);
	set(s, 1, LIMIT_INF, 4);
	limit_resize(&s->l, 5, 0);
	ck_assert_int_eq(s->s[0].reserve, 2);
	ck_assert_int_eq(s->s[1].reserve, 2);
	limit_resize(&s->l, 1, 0);
	ask(s, 40, 41);
	ck_assert_int_eq(s->w[40].state, LIMIT_HOLDING);
	limit_resize(&s->l, 0, 0);
	limit_resize(&s->l, LIMIT_INF, 0);
	ck_assert_int_eq(s->s[0].reserve, 4);
	ask(s, 41, 50);
	ck_assert_int_eq(s->l.root.waiting, 0);
}
END_TEST

START_TEST(a_reserve_that_shrinks_is_not_rounded_below_what_fits)
{
	struct scene *s = scene(200);
	for (int64_t reserve = 2; reserve < 200; reserve++) {
		set(s, 0, LIMIT_INF, reserve);
		for (int64_t total = 1; total <= reserve; total++) {
			limit_resize(&s->l, total, 0);
			ck_assert_int_eq(s->s[0].reserve, total - 1);
		}
	}
}
END_TEST

START_TEST(a_module_reserves_for_its_routes)
{
	struct scene *s = scene(6);
	static struct limit_share inner;
	limit_share_add(&s->l, &inner, &s->s[0]);
	struct limit_share_settings two = { .max = LIMIT_INF, .reserve = 2, .waiting_max = 9 };
	set(s, 0, LIMIT_INF, 4);
	limit_share_set(&s->l, &inner, &two, 0);
	for (int i = 0; i < 5; i++)
		s->w[i].share = &inner;
	ask(s, 5, 9); /* of the module, none of the route */
	ck_assert_int_eq(s->s[0].borrowed, 4);
	ask(s, 10, 20);
	/* One is left, and it is the route's. */
	ck_assert_int_eq(s->s[1].borrowed, 1);
	ask(s, 0, 1);
	ck_assert_int_eq(inner.borrowed, 1);
}
END_TEST

START_TEST(a_reserve_above_its_bound_costs_nobody_a_token)
{
	struct scene *s = scene(6);
	set(s, 0, 1, 4);
	ask(s, 0, 6);
	ask(s, 10, 20);
	ck_assert_int_eq(s->s[1].borrowed, 5);
	ck_assert_int_eq(limit_available(&s->l), 0);
}
END_TEST

START_TEST(a_routes_reserve_above_its_modules_bound_costs_nobody_a_token)
{
	struct scene *s = scene(6);
	static struct limit_share inner;
	limit_share_add(&s->l, &inner, &s->s[0]);
	struct limit_share_settings four = { .max = 4, .reserve = 4, .waiting_max = LIMIT_INF };
	limit_share_set(&s->l, &inner, &four, 0);
	set(s, 0, 2, 0);
	for (int i = 0; i < 6; i++)
		s->w[i].share = &inner;
	ask(s, 0, 6);
	ask(s, 10, 20);
	ck_assert_int_eq(inner.borrowed, 2);
	ck_assert_int_eq(s->s[1].borrowed, 4);
	/* What comes back is the route's again, and it is one at a time. */
	give(s, 0);
	ck_assert_int_eq(told(s), 2);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(a_reserve_given_up_is_for_all_at_once)
{
	struct scene *s = scene(4);
	set(s, 0, LIMIT_INF, 3);
	ask(s, 0, 3);
	for (int i = 0; i < 3; i++)
		give(s, i);
	ask(s, 10, 14);
	ck_assert_int_eq(s->s[1].borrowed, 1);
	set(s, 0, LIMIT_INF, 0);
	for (int i = 11; i < 14; i++)
		ck_assert_int_eq(told(s), i);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(a_reserve_set_while_all_is_out_is_filled_as_tokens_come_back)
{
	struct scene *s = scene(4);
	ask(s, 10, 16);
	set(s, 0, LIMIT_INF, 2);
	ask(s, 0, 3);
	give(s, 10);
	ck_assert_int_eq(told(s), 0);
	give(s, 11);
	ck_assert_int_eq(told(s), 1);
	give(s, 12);
	ck_assert_int_eq(told(s), 14);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(a_line_behind_an_idle_reserve_is_measured_as_well)
{
	struct scene *s = scene(2);
	set(s, 0, LIMIT_INF, 1);
	ask(s, 10, 20);
	for (int i = 10; i < 16; i++) {
		s->now += NS_PER_S;
		give(s, i);
		ck_assert_int_eq(told(s), i + 1);
	}
	/* Three wait, one a second is served. */
	ck_assert_int_ge(limit_retry_after(&s->l, &s->s[1], s->now), 3);
	ck_assert_int_le(limit_retry_after(&s->l, &s->s[1], s->now), 4);
}
END_TEST

/* ---- priority ---- */

START_TEST(a_level_of_priority_is_worth_one_step_of_waiting)
{
	struct scene *s = scene(1);
	struct limit_share_settings high = { .max = 9, .waiting_max = 9, .priority = 2 };
	limit_share_set(&s->l, &s->s[0], &high, 0);
	ask(s, 40, 43); /* one holds, two wait */
	s->now = LIMIT_PRIORITY_STEP;
	ask(s, 0, 1); /* passes both */
	s->now = 3 * LIMIT_PRIORITY_STEP;
	ask(s, 1, 2); /* has come too late for that */
	give(s, 40);
	ck_assert_int_eq(told(s), 0);
	give(s, 0);
	ck_assert_int_eq(told(s), 41);
	give(s, 41);
	ck_assert_int_eq(told(s), 42);
	give(s, 42);
	ck_assert_int_eq(told(s), 1);
}
END_TEST

START_TEST(a_stream_of_high_priority_leaves_low_ones_their_turn)
{
	struct scene *s = scene(1);
	struct limit_share_settings high = { .max = 9, .waiting_max = 9, .priority = 2 };
	limit_share_set(&s->l, &s->s[0], &high, 0);
	ask(s, 0, 2); /* one holds, one waits */
	ask(s, 40, 41);
	int64_t came = s->now;
	for (int holds = 0; s->w[40].state == LIMIT_WAITING; holds = 1 - holds) {
		s->now += 100 * MS;
		give(s, holds);
		ask(s, holds, holds + 1);
		(void)told(s);
		ck_assert_int_le(s->now, came + 3 * LIMIT_PRIORITY_STEP);
	}
	ck_assert_int_ge(s->now, came + 2 * LIMIT_PRIORITY_STEP);
}
END_TEST

START_TEST(a_priority_below_the_others_lets_them_pass)
{
	struct scene *s = scene(1);
	struct limit_share_settings low = { .max = 9, .waiting_max = 9, .priority = -1 };
	limit_share_set(&s->l, &s->s[0], &low, 0);
	ask(s, 40, 41);
	ask(s, 0, 1);
	s->now = LIMIT_PRIORITY_STEP;
	ask(s, 41, 42);
	s->now = 2 * LIMIT_PRIORITY_STEP;
	ask(s, 42, 43);
	give(s, 40);
	ck_assert_int_eq(told(s), 41);
	give(s, 41);
	ck_assert_int_eq(told(s), 0);
	give(s, 0);
	ck_assert_int_eq(told(s), 42);
}
END_TEST

UNIT_MAIN("limit_share", a_share_has_no_more_than_its_bound_and_others_go_on,
	  who_waits_for_its_share_is_served_when_that_has_a_token,
	  lines_are_served_in_the_order_of_coming, a_share_inside_another_keeps_to_both_bounds,
	  a_line_of_its_own_may_be_shorter_than_the_pools, settings_change_while_tokens_are_out,
	  a_share_without_tokens_asks_for_the_most_patience,
	  expired_waiters_hold_no_place_of_their_own_line,
	  lowering_then_raising_gives_out_no_token_twice_with_shares,
	  infinite_tokens_leave_shares_their_bounds, without_tokens_every_share_stops,
	  a_share_counts_what_those_below_it_have, one_token_of_an_idle_reserve_is_never_lent,
	  what_is_lent_comes_back_to_the_owner_first,
	  what_was_wanted_lately_is_kept_from_calls_that_never_end,
	  what_was_not_wanted_for_a_while_is_lent, reserves_without_room_shrink_and_nobody_starves,
	  a_reserve_that_shrinks_is_not_rounded_below_what_fits, a_module_reserves_for_its_routes,
	  a_reserve_above_its_bound_costs_nobody_a_token,
	  a_routes_reserve_above_its_modules_bound_costs_nobody_a_token,
	  a_reserve_given_up_is_for_all_at_once,
	  a_reserve_set_while_all_is_out_is_filled_as_tokens_come_back,
	  a_line_behind_an_idle_reserve_is_measured_as_well,
	  a_level_of_priority_is_worth_one_step_of_waiting,
	  a_stream_of_high_priority_leaves_low_ones_their_turn,
	  a_priority_below_the_others_lets_them_pass)
