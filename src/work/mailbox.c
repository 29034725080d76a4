/*
 * A stack that many push and one empties; the eventfd is written by the one
 * who finds it empty and its loop asleep.
 *
 * Thread: see mailbox.h.
 */
#include "work/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	box->fd = fd;
	atomic_init(&box->last, NULL);
	atomic_init(&box->state, MAILBOX_ASLEEP);
	return 0;
}

void mailbox_done(struct mailbox *box)
{
	close(box->fd);
	box->fd = -1;
}

static void call(struct mailbox *box)
{
	uint64_t one = 1;
	ssize_t n;
	do {
		n = write(box->fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
	/* A full counter (EAGAIN) is readable all the same. */
	must(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

/* In one order that all threads see, here and in mailbox_sleep: either the loop
 * sees the letter before it waits, or who posts sees that it may wait. */
void mailbox_post(struct mailbox *box, struct mail *m)
{
	struct mail *last = atomic_load_explicit(&box->last, memory_order_relaxed);
	do {
		m->next = last;
	} while (!atomic_compare_exchange_weak_explicit(&box->last, &last, m, memory_order_seq_cst,
							memory_order_relaxed));
	int asleep = MAILBOX_ASLEEP;
	if (!last && atomic_load(&box->state) == MAILBOX_ASLEEP &&
	    atomic_compare_exchange_strong(&box->state, &asleep, MAILBOX_CALLED))
		call(box);
}

bool mailbox_sleep(struct mailbox *box)
{
	atomic_store(&box->state, MAILBOX_ASLEEP);
	return !atomic_load(&box->last);
}

void mailbox_hear(struct mailbox *box)
{
	uint64_t count;
	ssize_t n = read(box->fd, &count, sizeof(count));
	must(n == (ssize_t)sizeof(count) || errno == EAGAIN || errno == EINTR);
	atomic_store_explicit(&box->state, MAILBOX_AWAKE, memory_order_relaxed);
}

int mailbox_take(struct mailbox *box)
{
	/* Who called may not have written yet: the loop hears of it later, for nothing. */
	if (atomic_exchange(&box->state, MAILBOX_AWAKE) == MAILBOX_CALLED)
		mailbox_hear(box);

	struct mail *m = atomic_exchange_explicit(&box->last, NULL, memory_order_acquire);
	struct mail *first = NULL;
	while (m) {
		struct mail *next = m->next;
		m->next = first;
		first = m;
		m = next;
	}
	int delivered = 0;
	while (first) {
		struct mail *next = first->next;
		first->deliver(first);
		first = next;
		delivered++;
	}
	return delivered;
}
