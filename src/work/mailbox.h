/*
 * The door from workers to a loop: any thread posts, the loop's thread takes
 * everything at once, each time before it would wait. The descriptor becomes
 * readable with the first letter that finds the loop waiting, so that a burst of
 * results costs one system call, and none when the loop is awake.
 *
 * Thread: mailbox_post any; everything else the loop that owns the mailbox.
 */
#ifndef WEIR_WORK_MAILBOX_H
#define WEIR_WORK_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/assert.h"

/* Part of what is posted. From mailbox_post until deliver() runs it belongs to
 * the mailbox. */
struct mail {
	struct mail *next;
	void (*deliver)(struct mail *m); /* runs on the loop; owns the letter from there on */
};

struct mailbox {
	_Atomic(struct mail *) last; /* shared: newest first */
	_Atomic int state;           /* shared: enum mailbox_state */
	int fd;                      /* eventfd; written by posters, read by the loop */
};

enum mailbox_state {
	MAILBOX_AWAKE,  /* its loop will look before it waits */
	MAILBOX_ASLEEP, /* it waits for the descriptor, or is about to */
	MAILBOX_CALLED, /* somebody writes the descriptor */
};

/* Asleep at first. 0, or a negative errno. */
must_check int mailbox_init(struct mailbox *box);
void mailbox_done(struct mailbox *box);

/* Never blocks, never fails, takes no memory. */
void mailbox_post(struct mailbox *box, struct mail *m);

/* Awake, before waiting for the descriptor. False: there are letters, do not wait. */
must_check bool mailbox_sleep(struct mailbox *box);

/* The descriptor is readable: it is no more. */
void mailbox_hear(struct mailbox *box);

/* Awake: delivers what was posted, in the order of posting. Returns how many. */
int mailbox_take(struct mailbox *box);

#endif
