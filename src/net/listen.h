/*
 * Listeners: where connections come from. A TCP address has one socket a loop
 * (SO_REUSEPORT: the kernel spreads connections); a unix socket is shared.
 *
 * Thread: sockets are opened by main at boot; a listener belongs to its loop.
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <stdbool.h>

#include "base/assert.h"
#include "conf/options.h"

struct loop;

/*
 * Opens what a value of `listen` says (conf/address.h) for each of `count` loops
 * and logs where that is. Port 0 takes a free one. False: errs says why.
 */
must_check bool listen_open(struct loop *loops, int count, const struct option_text *value,
			    struct conf_errors *errs);

/* The first port from `port` on that nobody listens to on 127.0.0.1; -1 when
 * a hundred are taken. */
int listen_free_port(int port);

/* On the loop: takes the connections that wait already, then closes. */
void listeners_finish(struct loop *loop);

/* Closes; main, when the loop's thread has ended. */
void listeners_close(struct loop *loop);

#endif
