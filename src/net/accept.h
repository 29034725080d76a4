/*
 * Accepting of connections: within connections_max and what the system has,
 * idle ones making room for new ones.
 *
 * Thread: the loop that has the listeners.
 */
#ifndef WEIR_NET_ACCEPT_H
#define WEIR_NET_ACCEPT_H

#include <stdbool.h>

#include "base/assert.h"

struct listener;
struct loop;

/* Main, at boot: accepts from then on. -ENOMEM. */
must_check int accept_start(struct listener *l);

/* Takes what waits already; nothing is accepted unless there is room. */
void accept_all(struct listener *l);

/* A connection has gone: does accepting pause for want of room? */
void accept_go_on(struct loop *loop);

/* No listener is left. */
void accept_stop(struct loop *loop);

#endif
