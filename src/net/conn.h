/*
 * A client's connection, as the rest of net/ sees it.
 *
 * Thread: the loop that accepted it.
 */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include <stdbool.h>

#include "base/assert.h"
#include "base/list.h"

struct addr;
struct loop;
struct request;
struct wheel_timer;

/* Takes over an accepted socket; `announces`: it begins with a PROXY header. 0,
 * -ENOMEM, or -EUSERS: its client has too many (the socket stays the caller's). */
must_check int conn_open(struct loop *loop, int fd, const struct addr *peer, bool announces);

/* The timer of a connection has come. */
void conn_on_timer(struct wheel_timer *t);

/* Connections that have something to write: writes; the list is empty then. */
void conns_flush(struct list *dirty);

/* Connections whose turn was cut short: lets them go on. */
void conns_go_on(struct list *again);

/* Closes the connection that has been idle for longest. False: none is. */
must_check bool conns_shed(struct loop *loop);

/* The socket of a request's connection. */
int conn_fd(const struct request *req);

/* Closes them all as they are; none has a call. */
void conns_close(struct list *conns);

/* The daemon stops: closes those of the list that wait for nothing, lets the
 * others end their request. */
void conns_drain(struct list *conns);

#endif
