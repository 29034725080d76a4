/*
 * The mailbox: order, wake-ups, many posters at once.
 */
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "unit.h"
#include "work/mailbox.h"

enum { POSTERS = 4, LETTERS = 5000 };

struct letter {
	struct mail mail;
	int poster;
	int number;
};

static struct mailbox box;
static struct letter letters[POSTERS][LETTERS];
static int last_of[POSTERS];
static int delivered;

static void deliver(struct mail *m)
{
	struct letter *l = container_of(m, struct letter, mail);
	ck_assert_int_eq(l->number, last_of[l->poster] + 1);
	last_of[l->poster] = l->number;
	delivered++;
}

static void prepare(void)
{
	ck_assert_int_eq(mailbox_init(&box), 0);
	delivered = 0;
	for (int p = 0; p < POSTERS; p++) {
		last_of[p] = -1;
		for (int i = 0; i < LETTERS; i++)
			letters[p][i] = (struct letter){ { NULL, deliver }, p, i };
	}
}

static bool is_readable(int timeout_ms)
{
	struct pollfd pfd = { .fd = box.fd, .events = POLLIN };
	return poll(&pfd, 1, timeout_ms) == 1;
}

START_TEST(letters_arrive_in_the_order_of_posting)
{
	prepare();
	for (int i = 0; i < 100; i++)
		mailbox_post(&box, &letters[0][i].mail);
	ck_assert(is_readable(0));
	ck_assert_int_eq(mailbox_take(&box), 100);
	ck_assert(!is_readable(0));
	ck_assert(mailbox_sleep(&box));
	mailbox_post(&box, &letters[1][0].mail);
	ck_assert(is_readable(0));
	ck_assert(!mailbox_sleep(&box));
	mailbox_done(&box);
}
END_TEST

START_TEST(a_burst_writes_the_descriptor_once)
{
	uint64_t count;
	prepare();
	for (int i = 0; i < 100; i++)
		mailbox_post(&box, &letters[0][i].mail);
	ck_assert_int_eq(read(box.fd, &count, sizeof(count)), sizeof(count));
	ck_assert_uint_eq(count, 1);
	mailbox_take(&box);
	mailbox_done(&box);
}
END_TEST

START_TEST(who_is_awake_is_not_called)
{
	prepare();
	mailbox_take(&box);
	mailbox_post(&box, &letters[0][0].mail);
	ck_assert(!is_readable(0));
	ck_assert(!mailbox_sleep(&box));
	ck_assert_int_eq(mailbox_take(&box), 1);
	ck_assert(!is_readable(0));
	mailbox_done(&box);
}
END_TEST

START_TEST(what_was_heard_is_readable_no_more)
{
	prepare();
	mailbox_post(&box, &letters[0][0].mail);
	mailbox_hear(&box);
	ck_assert(!is_readable(0));
	ck_assert_int_eq(mailbox_take(&box), 1);
	ck_assert(mailbox_sleep(&box));
	mailbox_done(&box);
}
END_TEST

static void *post_all(void *arg)
{
	struct letter *mine = arg;
	for (int i = 0; i < LETTERS; i++)
		mailbox_post(&box, &mine[i].mail);
	return NULL;
}

START_TEST(no_letter_is_lost_when_many_post_while_one_takes)
{
	pthread_t threads[POSTERS];
	prepare();
	for (int p = 0; p < POSTERS; p++)
		ck_assert_int_eq(pthread_create(&threads[p], NULL, post_all, letters[p]), 0);
	while (delivered < POSTERS * LETTERS) {
		if (mailbox_sleep(&box)) {
			ck_assert(is_readable(10000));
			mailbox_hear(&box);
		}
		mailbox_take(&box);
	}
	for (int p = 0; p < POSTERS; p++)
		pthread_join(threads[p], NULL);
	ck_assert_int_eq(mailbox_take(&box), 0);
	mailbox_done(&box);
}
END_TEST

UNIT_MAIN("mailbox", letters_arrive_in_the_order_of_posting, a_burst_writes_the_descriptor_once,
	  who_is_awake_is_not_called, what_was_heard_is_readable_no_more,
	  no_letter_is_lost_when_many_post_while_one_takes)
