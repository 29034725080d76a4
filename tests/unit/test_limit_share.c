/*
 * work/limit with shares, under overload, and with lent tokens: what is
 * promised, one sentence a test.
 *
 * Thread: one.
 */
#include <string.h>

#include "work/limit.h"

#include "unit.h"

enum { CROWD = 64, SHARES = 4 };

#define MS NS_PER_MS

/* Waiters 0 to 9 of share 0, 10 to 19 of share 1, …, the last ones of none. */
struct scene {
	struct limit l;
	struct limit_share s[SHARES];
	struct limit_waiter w[CROWD];
	int64_t now;
};

static struct scene *scene(int64_t total)
{
	static struct scene scene;
	struct scene *s = &scene;
	memset(s, 0, sizeof(*s));
	limit_init(&s->l, total, LIMIT_INF, 0);
	for (int i = 0; i < SHARES; i++)
		limit_share_add(&s->l, &s->s[i], NULL);
	for (int i = 0; i < CROWD; i++) {
		limit_waiter_init(&s->w[i]);
		s->w[i].share = i / 10 < SHARES ? &s->s[i / 10] : NULL;
	}
	return s;
}

static void set(struct scene *s, int share, int64_t max, int64_t reserve)
{
	struct limit_share_settings settings = { .max = max,
						 .reserve = reserve,
						 .waiting_max = LIMIT_INF };
	limit_share_set(&s->l, &s->s[share], &settings, s->now);
}

static void ask(struct scene *s, int from, int to)
{
	for (int i = from; i < to; i++)
		(void)limit_borrow(&s->l, &s->w[i], ++s->now, CLOCK_NEVER);
}

static void give(struct scene *s, int i)
{
	limit_give(&s->l, &s->w[i], ++s->now);
}

/* The number of the next waiter told of its token, -1 for none. */
static int told(struct scene *s)
{
	struct limit_waiter *w = limit_next_granted(&s->l);
	return w ? (int)(w - s->w) : -1;
}

static int sent_away(struct scene *s)
{
	struct limit_waiter *w = limit_next_expired(&s->l);
	return w ? (int)(w - s->w) : -1;
}

/* The windows in which wants are remembered pass. */
static void let_wants_pass(struct scene *s)
{
	for (int i = 0; i < 2; i++) {
		s->now += LIMIT_KEEP_WINDOW;
		limit_tick(&s->l, s->now);
	}
}

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
	s->now = 100 * MS;
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

UNIT_MAIN("limit_share", a_share_has_no_more_than_its_bound_and_others_go_on,
	  who_waits_for_its_share_is_served_when_that_has_a_token,
	  lines_are_served_in_the_order_of_coming, a_share_inside_another_keeps_to_both_bounds,
	  a_line_of_its_own_may_be_shorter_than_the_pools, settings_change_while_tokens_are_out,
	  a_share_without_tokens_asks_for_the_most_patience,
	  one_token_of_an_idle_reserve_is_never_lent, what_is_lent_comes_back_to_the_owner_first,
	  what_was_wanted_lately_is_kept_from_calls_that_never_end,
	  what_was_not_wanted_for_a_while_is_lent, reserves_without_room_shrink_and_nobody_starves,
	  a_module_reserves_for_its_routes, a_level_of_priority_is_worth_one_step_of_waiting,
	  a_calm_line_is_first_in_first_out,
	  an_overloaded_line_is_served_newest_first_and_calms_down,
	  who_waited_too_long_is_shed_but_for_one_a_token, promised_waiters_are_never_shed,
	  in_a_full_overloaded_line_the_oldest_makes_room,
	  a_stuck_share_does_not_overload_the_others,
	  a_lent_token_comes_back_before_calls_that_have_not_begun,
	  those_who_come_back_do_so_in_their_order_and_within_their_share,
	  those_who_come_back_neither_expire_nor_are_shed)
