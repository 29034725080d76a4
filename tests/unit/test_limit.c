/*
 * work/limit without shares: what a limiter promises, one sentence a test, and
 * a long pseudo-random run, with shares and all else, in which everything is
 * checked after every step.
 *
 * Thread: one.
 */
#include "work/limit.h"

#include "../fuzz/limit_model.h"
#include "unit.h"

enum { CROWD = 64 };

/* A limiter with a crowd of waiters; moments are small round numbers. */
struct scene {
	struct limit l;
	struct limit_waiter w[CROWD];
};

static struct scene *scene(int64_t total, int64_t waiting_max)
{
	static struct scene s;
	limit_init(&s.l, total, waiting_max, 0);
	for (int i = 0; i < CROWD; i++)
		limit_waiter_init(&s.w[i]);
	return &s;
}

/* Waiters [from, to) ask for a token, patient for ever. */
static void ask(struct scene *s, int from, int to)
{
	for (int i = from; i < to; i++)
		(void)limit_borrow(&s->l, &s->w[i], i, CLOCK_NEVER);
}

/* The number of the next waiter told of its token, -1 for none. */
static int told(struct scene *s)
{
	struct limit_waiter *w = limit_next_granted(&s->l);
	return w ? (int)(w - s->w) : -1;
}

static int timed_out(struct scene *s)
{
	struct limit_waiter *w = limit_next_expired(&s->l);
	return w ? (int)(w - s->w) : -1;
}

START_TEST(a_free_token_is_taken_at_once)
{
	struct scene *s = scene(2, 10);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[0], 5, CLOCK_NEVER), LIMIT_YES);
	ck_assert_int_eq(s->w[0].state, LIMIT_HOLDING);
	ck_assert_int_eq(s->l.root.borrowed, 1);
	ck_assert_int_eq(limit_available(&s->l), 1);
	limit_give(&s->l, &s->w[0], 6);
	ck_assert_int_eq(s->w[0].state, LIMIT_IDLE);
	ck_assert_int_eq(limit_available(&s->l), 2);
}
END_TEST

START_TEST(a_free_token_is_taken_even_without_any_patience)
{
	struct scene *s = scene(1, 10);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[0], 5, 5), LIMIT_YES);
}
END_TEST

START_TEST(a_token_given_back_goes_to_the_first_in_line)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 4);
	for (int i = 0; i < 3; i++) {
		limit_give(&s->l, &s->w[i], 10);
		ck_assert_int_eq(told(s), i + 1);
		ck_assert_int_eq(told(s), -1);
	}
}
END_TEST

START_TEST(the_token_is_assigned_before_the_waiter_runs)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 2);
	limit_give(&s->l, &s->w[0], 10);
	ck_assert_int_eq(s->w[1].state, LIMIT_GRANTED);
	ck_assert_int_eq(s->l.root.borrowed, 1);
	ck_assert(!limit_try_borrow(&s->l, &s->w[2], 10));
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[3], 10, CLOCK_NEVER), LIMIT_WAIT);
	ck_assert_int_eq(told(s), 1);
	ck_assert_int_eq(s->w[1].state, LIMIT_HOLDING);
}
END_TEST

START_TEST(raising_tokens_wakes_the_oldest_first_and_at_once)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 6);
	limit_resize(&s->l, 4, 20);
	ck_assert_int_eq(s->l.root.borrowed, 4);
	ck_assert_int_eq(s->l.root.waiting, 2);
	for (int i = 1; i < 4; i++)
		ck_assert_int_eq(told(s), i);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(lowering_tokens_lets_running_work_finish)
{
	struct scene *s = scene(4, 10);
	ask(s, 0, 5);
	limit_resize(&s->l, 2, 20);
	ck_assert_int_eq(limit_available(&s->l), -2);
	ck_assert_int_eq(s->l.root.borrowed, 4);
	for (int i = 0; i < 2; i++) {
		limit_give(&s->l, &s->w[i], 30);
		ck_assert_int_eq(told(s), -1);
	}
	ck_assert_int_eq(limit_available(&s->l), 0);
	limit_give(&s->l, &s->w[2], 40);
	ck_assert_int_eq(told(s), 4);
}
END_TEST

START_TEST(lowering_then_raising_while_busy_gives_out_no_token_twice)
{
	struct scene *s = scene(4, 10);
	ask(s, 0, 8);
	limit_resize(&s->l, 1, 20);
	limit_resize(&s->l, 3, 21);
	ck_assert_int_eq(s->l.root.borrowed, 4);
	ck_assert_int_eq(told(s), -1);
	limit_resize(&s->l, 5, 22);
	ck_assert_int_eq(s->l.root.borrowed, 5);
	ck_assert_int_eq(told(s), 4);
	ck_assert_int_eq(told(s), -1);
}
END_TEST

START_TEST(zero_tokens_stop_everyone)
{
	struct scene *s = scene(0, 10);
	ck_assert(!limit_try_borrow(&s->l, &s->w[0], 1));
	ask(s, 0, 2);
	ck_assert_int_eq(s->l.root.waiting, 2);
	ck_assert_int_eq(told(s), -1);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, 5), 60);
	limit_resize(&s->l, 1, 10);
	ck_assert_int_eq(told(s), 0);
}
END_TEST

START_TEST(infinite_tokens_stop_nobody)
{
	struct scene *s = scene(1, 60);
	ask(s, 0, 50);
	limit_resize(&s->l, LIMIT_INF, 60);
	ck_assert_int_eq(s->l.root.waiting, 0);
	ck_assert_int_eq(s->l.root.borrowed, 50);
	ck_assert_int_eq(limit_available(&s->l), LIMIT_INF);
	ck_assert(limit_try_borrow(&s->l, &s->w[50], 61));
	limit_resize(&s->l, 10, 62);
	ck_assert_int_eq(limit_available(&s->l), -41);
}
END_TEST

START_TEST(nobody_passes_those_who_wait)
{
	struct scene *s = scene(1, 10);
	ck_assert(limit_try_borrow(&s->l, &s->w[0], 1));
	ck_assert(!limit_try_borrow(&s->l, &s->w[1], 1));
	ask(s, 2, 3);
	limit_give(&s->l, &s->w[0], 5);
	/* The token is the waiter's, though nobody told it yet. */
	ck_assert(!limit_try_borrow(&s->l, &s->w[1], 5));
	ck_assert_int_eq(s->w[1].state, LIMIT_IDLE);
	ck_assert_int_eq(told(s), 2);
}
END_TEST

START_TEST(a_waiter_cancelled_after_its_grant_passes_the_token_on)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 3);
	limit_give(&s->l, &s->w[0], 10);
	ck_assert_int_eq(s->w[1].state, LIMIT_GRANTED);
	ck_assert(limit_cancel(&s->l, &s->w[1], 11));
	ck_assert_int_eq(s->w[1].state, LIMIT_IDLE);
	ck_assert_int_eq(told(s), 2);
	ck_assert_int_eq(s->l.root.borrowed, 1);
}
END_TEST

START_TEST(the_last_one_cancelled_after_its_grant_frees_the_token)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 2);
	limit_give(&s->l, &s->w[0], 10);
	ck_assert(limit_cancel(&s->l, &s->w[1], 11));
	ck_assert_int_eq(s->l.root.borrowed, 0);
	ck_assert_int_eq(told(s), -1);
	ck_assert(limit_try_borrow(&s->l, &s->w[2], 12));
}
END_TEST

START_TEST(a_waiter_cancelled_in_line_leaves_it)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 4);
	ck_assert(limit_cancel(&s->l, &s->w[2], 10));
	ck_assert_int_eq(s->l.root.waiting, 2);
	limit_give(&s->l, &s->w[0], 11);
	ck_assert_int_eq(told(s), 1);
	limit_give(&s->l, &s->w[1], 12);
	ck_assert_int_eq(told(s), 3);
}
END_TEST

START_TEST(a_holder_or_an_idle_one_cannot_be_cancelled)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 1);
	ck_assert(!limit_cancel(&s->l, &s->w[0], 1));
	ck_assert_int_eq(s->w[0].state, LIMIT_HOLDING);
	ck_assert(!limit_cancel(&s->l, &s->w[1], 1));
	ck_assert_int_eq(s->l.stats.cancelled, 0);
}
END_TEST

START_TEST(a_full_line_takes_nobody)
{
	struct scene *s = scene(1, 2);
	ask(s, 0, 3);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[3], 5, CLOCK_NEVER), LIMIT_FULL);
	ck_assert_int_eq(s->w[3].state, LIMIT_IDLE);
	ck_assert_int_eq(s->l.root.waiting, 2);
	ck_assert_int_eq(s->l.stats.rejected_full, 1);
}
END_TEST

START_TEST(a_full_line_takes_one_that_was_promised_a_place)
{
	struct scene *s = scene(1, 0);
	ask(s, 0, 1);
	s->w[1].is_promised = true;
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[1], 5, CLOCK_NEVER), LIMIT_WAIT);
	limit_give(&s->l, &s->w[0], 6);
	ck_assert_int_eq(told(s), 1);
}
END_TEST

START_TEST(without_a_line_only_free_tokens_count)
{
	struct scene *s = scene(1, 0);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[0], 1, CLOCK_NEVER), LIMIT_YES);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[1], 1, CLOCK_NEVER), LIMIT_FULL);
	limit_give(&s->l, &s->w[0], 2);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[1], 3, CLOCK_NEVER), LIMIT_YES);
}
END_TEST

START_TEST(who_would_find_the_line_full_is_told_without_asking)
{
	struct scene *s = scene(1, 1);
	ck_assert(!limit_turns_away(&s->l, NULL, 1));
	ask(s, 0, 1);
	ck_assert(!limit_turns_away(&s->l, NULL, 2));
	ask(s, 1, 2);
	ck_assert(limit_turns_away(&s->l, NULL, 3));
	ck_assert_int_eq(s->l.stats.rejected_full, 1);
	ck_assert_int_eq(s->l.root.waiting, 1);
	limit_give(&s->l, &s->w[0], 4);
	ck_assert(!limit_turns_away(&s->l, NULL, 5));
	ck_assert_int_eq(s->l.stats.rejected_full, 1);
}
END_TEST

START_TEST(a_shorter_line_sends_nobody_away)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 4);
	limit_set_waiting_max(&s->l, 1);
	ck_assert_int_eq(s->l.root.waiting, 3);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[4], 5, CLOCK_NEVER), LIMIT_FULL);
	limit_set_waiting_max(&s->l, LIMIT_INF);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[4], 5, CLOCK_NEVER), LIMIT_WAIT);
}
END_TEST

START_TEST(an_expired_waiter_is_never_granted)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 1);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[1], 1, 50), LIMIT_WAIT);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[2], 2, 51), LIMIT_WAIT);
	limit_give(&s->l, &s->w[0], 50);
	ck_assert_int_eq(told(s), 2);
	ck_assert_int_eq(timed_out(s), 1);
	ck_assert_int_eq(timed_out(s), -1);
	ck_assert_int_eq(s->w[1].state, LIMIT_IDLE);
	ck_assert_int_eq(s->l.stats.rejected_expired, 1);
}
END_TEST

START_TEST(waiters_need_not_expire_in_the_order_of_the_line)
{
	struct scene *s = scene(1, 10);
	static const int64_t expires[] = { 0, 90, 30, CLOCK_NEVER, 20 };
	for (int i = 0; i < 5; i++)
		(void)limit_borrow(&s->l, &s->w[i], 1, expires[i]);
	limit_expire(&s->l, 30);
	ck_assert_int_eq(timed_out(s), 2);
	ck_assert_int_eq(timed_out(s), 4);
	ck_assert_int_eq(timed_out(s), -1);
	ck_assert_int_eq(s->l.root.waiting, 2);
	limit_give(&s->l, &s->w[0], 31);
	ck_assert_int_eq(told(s), 1);
}
END_TEST

START_TEST(one_without_patience_expires_instead_of_waiting)
{
	struct scene *s = scene(1, 10);
	ask(s, 0, 1);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[1], 7, 7), LIMIT_WAIT);
	ck_assert_int_eq(s->l.root.waiting, 0);
	ck_assert_int_eq(timed_out(s), 1);
}
END_TEST

START_TEST(expired_waiters_at_the_front_hold_no_place_of_a_full_line)
{
	struct scene *s = scene(1, 2);
	ask(s, 0, 1);
	for (int i = 1; i < 3; i++)
		(void)limit_borrow(&s->l, &s->w[i], 1, 10);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[3], 9, 99), LIMIT_FULL);
	ck_assert_int_eq(limit_borrow(&s->l, &s->w[3], 10, 99), LIMIT_WAIT);
	ck_assert_int_eq(timed_out(s), 1);
	ck_assert_int_eq(timed_out(s), 2);
}
END_TEST

START_TEST(an_expired_waiter_may_be_cancelled_before_it_is_told)
{
	struct scene *s = scene(1, 2);
	ask(s, 0, 1);
	(void)limit_borrow(&s->l, &s->w[1], 1, 10);
	limit_expire(&s->l, 10);
	ck_assert(limit_cancel(&s->l, &s->w[1], 11));
	ck_assert_int_eq(timed_out(s), -1);
	ck_assert_int_eq(s->l.stats.cancelled, 0);
}
END_TEST

START_TEST(statistics_add_up)
{
	struct scene *s = scene(2, 4);
	ask(s, 0, 8); /* 2 hold, 4 wait, 2 find the line full */
	limit_give(&s->l, &s->w[0], 100);
	ck_assert_int_eq(told(s), 2);
	ck_assert(limit_cancel(&s->l, &s->w[3], 101));
	(void)limit_borrow(&s->l, &s->w[8], 102, 103);
	limit_expire(&s->l, 103);
	const struct limit_stats *st = &s->l.stats;
	ck_assert_uint_eq(st->grants, 3);
	ck_assert_uint_eq(st->rejected_full, 2);
	ck_assert_uint_eq(st->rejected_expired, 1);
	ck_assert_uint_eq(st->cancelled, 1);
	ck_assert_int_eq(st->borrowed_max, 2);
	ck_assert_int_eq(st->waiting_max, 4);
	ck_assert_uint_eq(st->wait.total, 3);
	ck_assert_int_eq(st->wait.sum_ns, 98);
	ck_assert_int_eq(s->l.root.waiting, 2);
	ck_assert_int_eq(limit_oldest(&s->l, 104), 100);
}
END_TEST

START_TEST(the_oldest_is_the_first_in_line)
{
	struct scene *s = scene(1, 10);
	ck_assert_int_eq(limit_oldest(&s->l, 99), 0);
	ask(s, 0, 3);
	ck_assert_int_eq(limit_oldest(&s->l, 51), 50);
	ck_assert(limit_cancel(&s->l, &s->w[1], 52));
	ck_assert_int_eq(limit_oldest(&s->l, 52), 50);
	/* A clock that was read a little earlier. */
	ck_assert_int_eq(limit_oldest(&s->l, 0), 0);
}
END_TEST

START_TEST(durations_fall_into_buckets_by_powers_of_two)
{
	static const struct {
		int64_t ns;
		int bucket;
	} cases[] = {
		{ -5, 0 },       { 0, 0 },           { 999, 0 },
		{ 1000, 1 },     { 1999, 1 },        { 2000, 2 },
		{ 3999, 2 },     { 4000, 3 },        { 1000000, 10 },
		{ 1024000, 11 }, { 1000000000, 20 }, { INT64_MAX, LIMIT_BUCKETS - 1 },
	};
	for (size_t i = 0; i < array_len(cases); i++) {
		struct limit_histogram h = { 0 };
		limit_histogram_add(&h, cases[i].ns);
		ck_assert_msg(h.count[cases[i].bucket] == 1, "%lld ns", (long long)cases[i].ns);
		ck_assert_uint_eq(h.total, 1);
	}
	struct limit_histogram h = { .sum_ns = INT64_MAX - 1 };
	limit_histogram_add(&h, 5);
	ck_assert_int_eq(h.sum_ns, INT64_MAX);
}
END_TEST

/* All tokens out and a line of `line`; one is given back each `every` ns,
 * `times` in a row, and asked for again. Returns the moment after. */
static int64_t drain(struct scene *s, int tokens, int line, int64_t every, int times)
{
	int64_t now = 0;
	for (int i = 0; i < tokens + line; i++)
		(void)limit_borrow(&s->l, &s->w[i], now, CLOCK_NEVER);
	int next = 0;
	for (int i = 0; i < times; i++) {
		now += every;
		struct limit_waiter *w = &s->w[next];
		limit_give(&s->l, w, now);
		(void)limit_borrow(&s->l, w, now, CLOCK_NEVER);
		ck_assert_int_ge(told(s), 0);
		next = (next + 1) % (tokens + line);
	}
	return now;
}

START_TEST(retry_after_is_one_second_before_anything_was_measured)
{
	struct scene *s = scene(1, 10);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, 1), 1);
	ask(s, 0, 5);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, 2), 1);
}
END_TEST

START_TEST(retry_after_is_the_line_over_the_measured_rate)
{
	struct scene *s = scene(2, 40);
	int64_t now = drain(s, 2, 40, NS_PER_S / 4, 100);
	ck_assert_double_ge(s->l.root.drain.rate, 3.9);
	ck_assert_double_le(s->l.root.drain.rate, 4.1);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now), 10);
}
END_TEST

START_TEST(retry_after_is_known_within_the_first_second)
{
	struct scene *s = scene(2, 40);
	int64_t now = drain(s, 2, 40, 50 * NS_PER_MS, 8);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now), 2);
}
END_TEST

START_TEST(retry_after_stays_between_1_and_60)
{
	struct scene *s = scene(2, 40);
	int64_t now = drain(s, 2, 40, NS_PER_MS / 10, 30000);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now), 1);
	s = scene(2, 40);
	now = drain(s, 2, 40, 20 * NS_PER_S, 20);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now), 60);
}
END_TEST

START_TEST(an_idle_hour_does_not_change_the_measured_rate)
{
	struct scene *s = scene(2, 10);
	int64_t now = drain(s, 2, 10, NS_PER_S / 4, 100);
	for (int i = 0; i < 12; i++)
		(void)limit_cancel(&s->l, &s->w[i], now);
	for (int i = 0; i < 12; i++) {
		if (s->w[i].state == LIMIT_HOLDING)
			limit_give(&s->l, &s->w[i], now);
	}
	ck_assert_int_eq(s->l.root.borrowed, 0);
	double rate = s->l.root.drain.rate;
	now += 3600 * NS_PER_S;
	for (int i = 0; i < 12; i++)
		(void)limit_borrow(&s->l, &s->w[i], now, CLOCK_NEVER);
	limit_give(&s->l, &s->w[0], now + NS_PER_S / 4);
	ck_assert_double_eq_tol(s->l.root.drain.rate, rate, 0.01);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now + NS_PER_S / 4), 3);
}
END_TEST

START_TEST(a_pool_that_got_stuck_asks_for_more_patience)
{
	struct scene *s = scene(2, 40);
	int64_t now = drain(s, 2, 40, NS_PER_S / 20, 200);
	ck_assert_int_eq(limit_retry_after(&s->l, NULL, now), 2);
	ck_assert_int_gt(limit_retry_after(&s->l, NULL, now + 30 * NS_PER_S), 2);
}
END_TEST

START_TEST(a_million_random_operations_keep_every_promise)
{
	static struct limit_model m;
	uint64_t x = 0x9e3779b97f4a7c15U;
	model_init(&m, 4, 16);
	for (int i = 0; i < 1200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		model_step(&m, (uint8_t)(x >> 32), (uint8_t)(x >> 48));
	}
	/* The run meant something only if each way out was taken often. */
	const struct limit_stats *st = &m.limit.stats;
	ck_assert_uint_gt(st->grants, 10000);
	ck_assert_uint_gt(st->rejected_full, 1000);
	ck_assert_uint_gt(st->rejected_expired, 1000);
	ck_assert_uint_gt(m.cancelled_granted, 100);
	ck_assert_uint_gt(m.cancelled_in_line, 100);
	ck_assert_uint_gt(st->rejected_shed, 1000);
	ck_assert_uint_gt(st->returns, 1000);
	ck_assert_uint_gt(m.naive.newest_first, 1000);
	ck_assert_uint_gt(m.naive.kept_back, 1000);
}
END_TEST

UNIT_MAIN("limit", a_free_token_is_taken_at_once, a_free_token_is_taken_even_without_any_patience,
	  a_token_given_back_goes_to_the_first_in_line,
	  the_token_is_assigned_before_the_waiter_runs,
	  raising_tokens_wakes_the_oldest_first_and_at_once,
	  lowering_tokens_lets_running_work_finish,
	  lowering_then_raising_while_busy_gives_out_no_token_twice, zero_tokens_stop_everyone,
	  infinite_tokens_stop_nobody, nobody_passes_those_who_wait,
	  a_waiter_cancelled_after_its_grant_passes_the_token_on,
	  the_last_one_cancelled_after_its_grant_frees_the_token,
	  a_waiter_cancelled_in_line_leaves_it, a_holder_or_an_idle_one_cannot_be_cancelled,
	  a_full_line_takes_nobody, a_full_line_takes_one_that_was_promised_a_place,
	  who_would_find_the_line_full_is_told_without_asking,
	  without_a_line_only_free_tokens_count, a_shorter_line_sends_nobody_away,
	  an_expired_waiter_is_never_granted, waiters_need_not_expire_in_the_order_of_the_line,
	  one_without_patience_expires_instead_of_waiting,
	  expired_waiters_at_the_front_hold_no_place_of_a_full_line,
	  an_expired_waiter_may_be_cancelled_before_it_is_told, statistics_add_up,
	  the_oldest_is_the_first_in_line, durations_fall_into_buckets_by_powers_of_two,
	  retry_after_is_one_second_before_anything_was_measured,
	  retry_after_is_the_line_over_the_measured_rate,
	  retry_after_is_known_within_the_first_second, retry_after_stays_between_1_and_60,
	  an_idle_hour_does_not_change_the_measured_rate,
	  a_pool_that_got_stuck_asks_for_more_patience,
	  a_million_random_operations_keep_every_promise)
