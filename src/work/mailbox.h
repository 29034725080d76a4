/*
 * The door from workers to a loop: any thread posts, the loop's thread takes
 * everything at once. The descriptor becomes readable with the first letter
 * and is written no more until the loop has looked, so that a burst of results
 * costs one system call.
 *
 * Thread: mailbox_post any; everything else the loop that owns the mailbox.
 */
#ifndef WEIR_WORK_MAILBOX_H
#define WEIR_WORK_MAILBOX_H

#include <stdatomic.h>

#include "base/assert.h"

/* Part of what is posted. From mailbox_post until deliver() runs it belongs to
 * the mailbox. */
struct mail {
	struct mail *next;
	void (*deliver)(struct mail *m); /* runs on the loop; owns the letter from there on */
};

struct mailbox {
	_Atomic(struct mail *) last; /* shared: newest first */
	int fd;                      /* eventfd; written by posters, read by the loop */
};

/* 0, or a negative errno. */
must_check int mailbox_init(struct mailbox *box);
void mailbox_done(struct mailbox *box);

/* Never blocks, never fails, takes no memory. */
void mailbox_post(struct mailbox *box, struct mail *m);

/* Delivers what was posted, in the order of posting. Returns how many. */
int mailbox_take(struct mailbox *box);

#endif
