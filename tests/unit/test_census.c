/*
 * net/census: how many connections there are, and whose.
 *
 * Thread: several take seats; else one.
 */
#include "net/census.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "unit.h"

static struct addr address(const char *text)
{
	struct addr a;
	ck_assert_int_eq(addr_parse(text, strlen(text), &a), 0);
	return a;
}

static int take(struct census *cs, const char *text, size_t max, struct census_client **ret)
{
	struct addr a = address(text);
	return census_take_seat(cs, &a, max, ret);
}

START_TEST(connections_are_bounded_in_all)
{
	struct census *cs = census_new();
	ck_assert(census_enter(cs, 2));
	ck_assert(census_enter(cs, 2));
	ck_assert(!census_enter(cs, 2));
	ck_assert(!census_enter(cs, 1));
	ck_assert(census_enter(cs, 0));
	census_leave(cs);
	census_leave(cs);
	ck_assert(census_enter(cs, 2));
	ck_assert(!census_enter(cs, 2));
	census_free(&cs);
	ck_assert_ptr_null(cs);
}
END_TEST

START_TEST(each_client_is_bounded_by_itself)
{
	struct census *cs = census_new();
	struct census_client *a[3], *b, *c = NULL;
	ck_assert_int_eq(take(cs, "192.0.2.1", 2, &a[0]), 0);
	ck_assert_int_eq(take(cs, "::ffff:192.0.2.1", 2, &a[1]), 0);
	ck_assert_int_eq(take(cs, "192.0.2.1", 2, &c), -EUSERS);
	ck_assert_ptr_null(c);
	ck_assert_int_eq(take(cs, "192.0.2.2", 2, &b), 0);
	census_give_seat(cs, a[0]);
	ck_assert_int_eq(take(cs, "192.0.2.1", 2, &a[0]), 0);
	/* A bound that was lowered meanwhile. */
	ck_assert_int_eq(take(cs, "192.0.2.1", 1, &c), -EUSERS);
	ck_assert_int_eq(take(cs, "192.0.2.1", 3, &a[2]), 0);
	for (int i = 0; i < 3; i++)
		census_give_seat(cs, a[i]);
	census_give_seat(cs, b);
	census_free(&cs);
}
END_TEST

START_TEST(an_ipv6_client_is_its_64)
{
	struct census *cs = census_new();
	struct census_client *a, *b, *c;
	ck_assert_int_eq(take(cs, "2001:db8:0:1::1", 1, &a), 0);
	ck_assert_int_eq(take(cs, "2001:db8:0:1:ffff:ffff:ffff:ffff", 1, &b), -EUSERS);
	ck_assert_int_eq(take(cs, "2001:db8:0:2::1", 1, &b), 0);
	/* Not the IPv4 address of the same first bytes. */
	ck_assert_int_eq(take(cs, "32.1.13.184", 1, &c), 0);
	census_give_seat(cs, a);
	census_give_seat(cs, b);
	census_give_seat(cs, c);
	census_free(&cs);
}
END_TEST

START_TEST(many_clients_find_their_seats)
{
	enum { CLIENTS = 5000 };
	struct census *cs = census_new();
	struct census_client **seats = calloc(2 * CLIENTS, sizeof(struct census_client *)), *none;
	for (int i = 0; i < 2 * CLIENTS; i++) {
		char text[32];
		snprintf(text, sizeof(text), "10.%d.%d.1", i % CLIENTS / 250, i % CLIENTS % 250);
		ck_assert_int_eq(take(cs, text, 2, &seats[i]), 0);
		ck_assert(i < CLIENTS || take(cs, text, 2, &none) == -EUSERS);
	}
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_ptr_eq(seats[i], seats[i + CLIENTS]);
		census_give_seat(cs, seats[i]);
		census_give_seat(cs, seats[i + CLIENTS]);
	}
	free(seats);
	census_free(&cs);
}
END_TEST

static void *come_and_go(void *arg)
{
	struct census *cs = arg;
	for (int i = 0; i < 20000; i++) {
		struct addr a = address(i % 3 ? "192.0.2.1" : "192.0.2.2");
		struct census_client *seat;
		if (!census_enter(cs, 3))
			continue;
		if (census_take_seat(cs, &a, 2, &seat) == 0)
			census_give_seat(cs, seat);
		else
			census_turned_away(cs, CENSUS_TOO_MANY, &a, i);
		census_leave(cs);
	}
	return NULL;
}

START_TEST(threads_leave_nothing_behind)
{
	struct census *cs = census_new();
	pthread_t threads[4];
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < array_len(threads); i++)
		ck_assert_int_eq(thread_start(&threads[i], 0, come_and_go, cs), 0);
	for (size_t i = 0; i < array_len(threads); i++)
		pthread_join(threads[i], NULL);
	ck_assert(census_enter(cs, 1));
	census_free(&cs);
}
END_TEST

START_TEST(trouble_lasts_until_a_second_after_the_last)
{
	struct census *cs = census_new();
	log_set_level(LOG_LEVEL_ERROR);
	ck_assert(census_is_calm(cs, 5));
	census_trouble(cs, "a test", NS_PER_S);
	ck_assert(!census_is_calm(cs, NS_PER_S));
	census_trouble(cs, "a test", 2 * NS_PER_S - 1);
	ck_assert(!census_is_calm(cs, 2 * NS_PER_S));
	ck_assert(census_is_calm(cs, 3 * NS_PER_S));
	ck_assert(census_is_calm(cs, 3 * NS_PER_S));
	census_free(&cs);
}
END_TEST

START_TEST(who_is_turned_away_is_counted)
{
	struct census *cs = census_new();
	struct addr a = address("192.0.2.1");
	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < 5; i++)
		census_turned_away(cs, CENSUS_NO_HEADER, &a, 1);
	ck_assert_uint_eq(census_count(cs, CENSUS_NO_HEADER), 5);
	ck_assert_uint_eq(census_count(cs, CENSUS_SHED), 0);
	census_free(&cs);
}
END_TEST

UNIT_MAIN("census", connections_are_bounded_in_all, each_client_is_bounded_by_itself,
	  an_ipv6_client_is_its_64, many_clients_find_their_seats, threads_leave_nothing_behind,
	  trouble_lasts_until_a_second_after_the_last, who_is_turned_away_is_counted)
