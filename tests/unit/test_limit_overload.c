/*
 * A limiter under overload, and lent tokens: what is promised, one sentence a
 * test.
 *
 * Thread: one.
 */
#include "limit_scene.h"
#include "unit.h"

/* ---- overload ---- */

static struct scene *adaptive(int64_t total)
{
	struct scene *s = scene(total);
	limit_set_target(&s->l, 10 * MS, 0);
	return s;
}

START_TEST(a_calm_line_is_first_in_first_out)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 44);
	s->now = 49 * MS; /* above the target, not for long */
	give(s, 40);
	ck_assert_int_eq(told(s), 41);
	ck_assert(!limit_is_overloaded(&s->l, NULL, s->now));
}
END_TEST

START_TEST(an_overloaded_line_is_served_newest_first_and_calms_down)
{
	struct scene *s = adaptive(3);
	ask(s, 40, 43);
	ask(s, 43, 46);
	s->now = 100 * MS;
	ck_assert(limit_is_overloaded(&s->l, NULL, s->now));
	give(s, 40);
	ck_assert_int_eq(told(s), 45);
	give(s, 41);
	ck_assert_int_eq(told(s), 44);
	give(s, 42);
	ck_assert_int_eq(told(s), 43);
	/* The line was empty: it is calm again. */
	ask(s, 46, 48);
	ck_assert(!limit_is_overloaded(&s->l, NULL, s->now));
	give(s, 43);
	ck_assert_int_eq(told(s), 46);
}
END_TEST

START_TEST(who_waited_too_long_is_shed_but_for_one_a_token)
{
	struct scene *s = adaptive(2);
	ask(s, 40, 42);
	ask(s, 42, 50);
	s->now = 100 * MS;
	limit_tick(&s->l, s->now);
	for (int i = 42; i < 48; i++)
		ck_assert_int_eq(sent_away(s), i);
	ck_assert_int_eq(sent_away(s), -1);
	ck_assert(s->w[42].was_shed);
	ck_assert_uint_eq(s->l.stats.rejected_shed, 6);
	ck_assert_int_eq(s->l.root.waiting, 2);
}
END_TEST

START_TEST(promised_waiters_are_never_shed)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 41);
	s->w[41].is_promised = true;
	ask(s, 41, 50);
	s->now = 100 * MS;
	limit_tick(&s->l, s->now);
	ck_assert_int_eq(sent_away(s), -1);
	s->w[41].is_promised = false;
	limit_tick(&s->l, s->now);
	ck_assert_int_eq(sent_away(s), 41);
}
END_TEST

START_TEST(in_a_full_overloaded_line_the_oldest_makes_room)
{
	struct scene *s = adaptive(1);
	limit_set_waiting_max(&s->l, 3);
	ask(s, 40, 44);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[44], ++s->now, CLOCK_NEVER), LIMIT_FULL);
	ck_assert(limit_turns_away(&s->l, NULL, s->now));
	s->now = 100 * MS;
	ck_assert(!limit_turns_away(&s->l, NULL, s->now));
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[45], s->now, CLOCK_NEVER), LIMIT_WAIT);
	ck_assert_int_eq(sent_away(s), 41);
}
END_TEST

START_TEST(a_stuck_share_does_not_overload_the_others)
{
	struct scene *s = adaptive(4);
	set(s, 0, 1, 0);
	ask(s, 0, 5);
	s->now = 100 * MS;
	ask(s, 10, 15);
	ck_assert(limit_is_overloaded(&s->l, &s->s[0], s->now));
	ck_assert(!limit_is_overloaded(&s->l, &s->s[1], s->now));
	give(s, 10);
	ck_assert_int_eq(told(s), 13);
}
END_TEST

START_TEST(overload_begins_five_targets_after_the_first_has_waited_one)
{
	for (int looks = 0; looks < 2; looks++) {
		struct scene *s = adaptive(1);
		ask(s, 40, 42);
		int64_t begins = s->w[41].since + 6 * 10 * MS;
		/* Whether anybody looks in between makes no difference. */
		for (; looks && s->now < begins - MS; s->now += MS)
			limit_tick(&s->l, s->now);
		ck_assert(!limit_is_overloaded(&s->l, NULL, begins - 1));
		ck_assert(limit_is_overloaded(&s->l, NULL, begins));
	}
}
END_TEST

START_TEST(a_line_whose_first_is_fresh_is_calm_again)
{
	struct scene *s = adaptive(2);
	ask(s, 40, 43);
	s->now = 95 * MS;
	ask(s, 43, 44);
	s->now = 100 * MS;
	ck_assert(limit_is_overloaded(&s->l, NULL, s->now));
	ck_assert(limit_cancel(&s->l, &s->w[42], s->now));
	ck_assert(!limit_is_overloaded(&s->l, NULL, s->now));
	/* And is so until that one has waited long enough itself. */
	ck_assert(!limit_is_overloaded(&s->l, NULL, 154 * MS));
	ck_assert(limit_is_overloaded(&s->l, NULL, 156 * MS));
}
END_TEST

/* Two old ones of share 0 stay, as many as there are tokens: without turns of
 * its own their line would be first for good. */
START_TEST(an_overloaded_line_takes_turns_with_the_others)
{
	struct scene *s = adaptive(2);
	ask(s, 0, 4);
	s->now = 100 * MS;
	int served[2] = { 0 };
	for (int i = 0, holds = 0; i < 5; i++) {
		ask(s, 40 + i, 41 + i);
		s->now += MS;
		give(s, holds);
		holds = told(s);
		served[holds >= 40]++;
		if (holds < 40)
			ask(s, 4 + i, 5 + i);
		ck_assert_int_eq(s->w[2].state, LIMIT_WAITING);
		ck_assert(limit_is_overloaded(&s->l, &s->s[0], s->now));
	}
	ck_assert_int_ge(served[0], 2);
	ck_assert_int_ge(served[1], 2);
}
END_TEST

START_TEST(nobody_starves_beside_two_overloaded_lines)
{
	struct scene *s = adaptive(4);
	int64_t came = 0;
	ask(s, 0, 8);
	ask(s, 10, 14);
	s->now = came = 100 * MS;
	ask(s, 40, 41);
	ck_assert(limit_is_overloaded(&s->l, &s->s[0], s->now));
	ck_assert(limit_is_overloaded(&s->l, &s->s[1], s->now));
	int holds = 0;
	for (int i = 0; s->w[40].state == LIMIT_WAITING; i++) {
		s->now += MS;
		give(s, holds);
		ask(s, holds, holds + 1);
		holds = told(s);
		ck_assert_int_lt(i, 4);
	}
	ck_assert_int_eq(holds, 40);
	ck_assert_int_le(s->now, came + 4 * MS);
}
END_TEST

START_TEST(a_promised_waiter_has_its_turn_in_an_overloaded_line)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 41);
	s->w[41].is_promised = s->w[42].is_promised = true;
	ask(s, 41, 46);
	s->now = 100 * MS;
	give(s, 40);
	ck_assert_int_eq(told(s), 41);
	give(s, 41);
	ck_assert_int_eq(told(s), 42);
	/* Behind them all but one are shed, the newest stays. */
	ck_assert_int_eq(sent_away(s), 43);
	ck_assert_int_eq(sent_away(s), 44);
	ck_assert_int_eq(sent_away(s), -1);
	give(s, 42);
	ck_assert_int_eq(told(s), 45);
}
END_TEST

START_TEST(nobody_is_shed_for_one_who_finds_no_room_all_the_same)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 46);
	limit_set_waiting_max(&s->l, 3);
	s->now = 100 * MS;
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[46], s->now, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_int_eq(sent_away(s), -1);
	/* Nor is another line touched. */
	limit_set_waiting_max(&s->l, 5);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[0], s->now, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_int_eq(sent_away(s), -1);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[46], s->now, CLOCK_NEVER), LIMIT_WAIT);
	ck_assert_int_eq(sent_away(s), 40 + 1);
}
END_TEST

START_TEST(only_who_waited_two_targets_is_shed)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 43);
	s->now = 90 * MS;
	ask(s, 43, 47);
	s->now = 100 * MS;
	limit_tick(&s->l, s->now);
	ck_assert_int_eq(sent_away(s), 41);
	ck_assert_int_eq(sent_away(s), 42);
	ck_assert_int_eq(sent_away(s), -1);
	ck_assert_int_eq(s->l.root.waiting, 4);
}
END_TEST

START_TEST(a_narrow_share_keeps_as_many_as_its_own_tokens)
{
	struct scene *s = adaptive(8);
	set(s, 0, 2, 0);
	ask(s, 0, 9);
	s->now = 100 * MS;
	limit_tick(&s->l, s->now);
	ck_assert_int_eq(s->s[0].in_line, 2);
	ck_assert_uint_eq(s->l.stats.rejected_shed, 5);
}
END_TEST

START_TEST(a_stopped_pool_keeps_nobody_waiting_for_long)
{
	struct scene *s = adaptive(0);
	ask(s, 40, 45);
	limit_tick(&s->l, 50 * MS);
	ck_assert_int_eq(s->l.root.waiting, 5);
	limit_tick(&s->l, 100 * MS);
	ck_assert_int_eq(s->l.root.waiting, 0);
	ck_assert_uint_eq(s->l.stats.rejected_shed, 5);
}
END_TEST

START_TEST(a_target_of_0_makes_it_first_in_first_out_again)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 48);
	s->now = 100 * MS;
	limit_set_target(&s->l, 0, s->now);
	ck_assert(!limit_is_overloaded(&s->l, NULL, s->now));
	limit_tick(&s->l, s->now);
	ck_assert_int_eq(sent_away(s), -1);
	give(s, 40);
	ck_assert_int_eq(told(s), 41);
	/* Switched on again, it begins calm. */
	limit_set_target(&s->l, 10 * MS, s->now);
	give(s, 41);
	ck_assert_int_eq(told(s), 42);
}
END_TEST

/* ---- lent tokens ---- */

static void lend(struct scene *s, int i)
{
	give(s, i);
}

START_TEST(a_lent_token_comes_back_before_calls_that_have_not_begun)
{
	struct scene *s = scene(1);
	ask(s, 40, 41);
	lend(s, 40);
	ask(s, 41, 44);
	ck_assert_int_eq(s->w[41].state, LIMIT_HOLDING);
	ck_assert_int_eq(limit_return(&s->l, &s->w[40], ++s->now), LIMIT_WAIT);
	give(s, 41);
	ck_assert_int_eq(told(s), 40);
	give(s, 40);
	ck_assert_int_eq(told(s), 42);
	ck_assert_uint_eq(s->l.stats.returns, 1);
}
END_TEST

START_TEST(those_who_come_back_do_so_in_their_order_and_within_their_share)
{
	struct scene *s = scene(2);
	set(s, 0, 1, 0);
	ask(s, 0, 1);
	lend(s, 0);
	ask(s, 10, 11);
	lend(s, 10);
	ask(s, 1, 2);
	ask(s, 20, 21);
	ck_assert_int_eq(limit_return(&s->l, &s->w[0], ++s->now), LIMIT_WAIT);
	ck_assert_int_eq(limit_return(&s->l, &s->w[10], ++s->now), LIMIT_WAIT);
	give(s, 20); /* the first's share is still full */
	ck_assert_int_eq(told(s), 10);
	give(s, 1);
	ck_assert_int_eq(told(s), 0);
}
END_TEST

START_TEST(those_who_come_back_neither_expire_nor_are_shed)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 41);
	lend(s, 40);
	ask(s, 41, 42);
	ck_assert_int_eq(limit_return(&s->l, &s->w[40], ++s->now), LIMIT_WAIT);
	limit_resize(&s->l, 0, s->now);
	give(s, 41);
	s->now += 3600 * NS_PER_S;
	limit_tick(&s->l, s->now);
	limit_expire(&s->l, s->now);
	ck_assert_int_eq(sent_away(s), -1);
	limit_resize(&s->l, 1, s->now);
	ck_assert_int_eq(told(s), 40);
}
END_TEST

START_TEST(a_free_token_comes_back_at_once)
{
	struct scene *s = scene(2);
	ask(s, 40, 42);
	lend(s, 40);
	ck_assert_int_eq(limit_return(&s->l, &s->w[40], ++s->now), LIMIT_YES);
	ck_assert_int_eq(s->w[40].state, LIMIT_HOLDING);
	ck_assert_int_eq(s->l.root.borrowed, 2);
	ck_assert_uint_eq(s->l.stats.returns, 1);
	ck_assert_uint_eq(s->l.stats.grants, 3);
}
END_TEST

START_TEST(who_comes_back_to_fewer_tokens_waits_for_one)
{
	struct scene *s = scene(3);
	ask(s, 40, 43);
	lend(s, 40);
	lend(s, 41);
	ask(s, 43, 45);
	limit_resize(&s->l, 2, ++s->now);
	for (int i = 40; i < 42; i++)
		ck_assert_int_eq(limit_return(&s->l, &s->w[i], ++s->now), LIMIT_WAIT);
	give(s, 42);
	ck_assert_int_eq(told(s), -1);
	give(s, 43);
	ck_assert_int_eq(told(s), 40);
	ck_assert_int_eq(told(s), -1);
	limit_resize(&s->l, 3, ++s->now);
	ck_assert_int_eq(told(s), 41);
}
END_TEST

START_TEST(one_cancelled_on_its_way_back_passes_the_token_on)
{
	struct scene *s = scene(2);
	ask(s, 40, 42);
	lend(s, 40);
	lend(s, 41);
	ask(s, 42, 45);
	for (int i = 40; i < 42; i++)
		ck_assert_int_eq(limit_return(&s->l, &s->w[i], ++s->now), LIMIT_WAIT);
	give(s, 42);
	ck_assert_int_eq(s->w[40].state, LIMIT_GRANTED);
	ck_assert(limit_cancel(&s->l, &s->w[40], ++s->now));
	ck_assert_int_eq(told(s), 41);
	ck_assert_int_eq(told(s), -1);
	ck_assert_int_eq(s->l.root.borrowed, 2);
}
END_TEST

START_TEST(one_cancelled_before_it_came_back_holds_nobody_up)
{
	struct scene *s = scene(1);
	ask(s, 40, 41);
	lend(s, 40);
	ask(s, 41, 43);
	ck_assert_int_eq(limit_return(&s->l, &s->w[40], ++s->now), LIMIT_WAIT);
	ck_assert(limit_cancel(&s->l, &s->w[40], ++s->now));
	ck_assert_int_eq(s->w[40].state, LIMIT_IDLE);
	give(s, 41);
	ck_assert_int_eq(told(s), 42);
	ck_assert_int_eq(s->l.root.waiting, 0);
}
END_TEST

START_TEST(those_who_come_back_stand_in_no_line)
{
	struct scene *s = adaptive(1);
	ask(s, 40, 41);
	lend(s, 40);
	ask(s, 41, 42);
	ck_assert_int_eq(limit_return(&s->l, &s->w[40], ++s->now), LIMIT_WAIT);
	ck_assert_int_eq(s->l.root.in_line, 0);
	ck_assert_int_eq(s->l.root.waiting, 1);
	ck_assert(!limit_is_overloaded(&s->l, NULL, 3600 * NS_PER_S));
	ck_assert_int_eq(limit_oldest(&s->l, s->now + 7), 7);
}
END_TEST

UNIT_MAIN("limit_overload", a_calm_line_is_first_in_first_out,
	  an_overloaded_line_is_served_newest_first_and_calms_down,
	  who_waited_too_long_is_shed_but_for_one_a_token, promised_waiters_are_never_shed,
	  in_a_full_overloaded_line_the_oldest_makes_room,
	  a_stuck_share_does_not_overload_the_others,
	  overload_begins_five_targets_after_the_first_has_waited_one,
	  a_line_whose_first_is_fresh_is_calm_again, an_overloaded_line_takes_turns_with_the_others,
	  nobody_starves_beside_two_overloaded_lines,
	  a_promised_waiter_has_its_turn_in_an_overloaded_line,
	  nobody_is_shed_for_one_who_finds_no_room_all_the_same,
	  only_who_waited_two_targets_is_shed, a_narrow_share_keeps_as_many_as_its_own_tokens,
	  a_stopped_pool_keeps_nobody_waiting_for_long,
	  a_target_of_0_makes_it_first_in_first_out_again,
	  a_lent_token_comes_back_before_calls_that_have_not_begun,
	  those_who_come_back_do_so_in_their_order_and_within_their_share,
	  those_who_come_back_neither_expire_nor_are_shed, a_free_token_comes_back_at_once,
	  who_comes_back_to_fewer_tokens_waits_for_one,
	  one_cancelled_on_its_way_back_passes_the_token_on,
	  one_cancelled_before_it_came_back_holds_nobody_up, those_who_come_back_stand_in_no_line)
