/*
 * Whole connections without a network: a loop with routes of its own, and one
 * end of a socketpair for the test to write to.
 *
 *   *    / to /a/b/c     200 with nothing in it; deeper paths have no route
 *   GET  /get/only/one/way       200
 *   *    /wait           blocking, in a pool without tokens: waits for ever
 *
 * Thread: one, which turns the loop itself.
 */
#ifndef WEIR_TESTS_CONN_RIG_H
#define WEIR_TESTS_CONN_RIG_H

#include <stdbool.h>
#include <stddef.h>

/* Once, before anything else. */
void rig_start(void);

/* A new connection; the client's end, non-blocking. */
int rig_connect(void);

/* Lets the loop do what there is to do. */
void rig_turn(void);

/* Connections that the loop has. */
size_t rig_count(void);

struct rig_answers {
	int status[2048]; /* in order; 1xx left out */
	int count;
	bool is_closed; /* the daemon will send no more */
	bool is_broken; /* what came was no answer */
	char kept[1 << 20];
	size_t len;
};

/* Reads what has come; adds the statuses. */
void rig_read(int fd, struct rig_answers *a);

/* Closes the client's end and waits until the loop has forgotten it. */
void rig_close(int fd);

#endif
