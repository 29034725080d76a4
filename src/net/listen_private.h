/*
 * A listening socket of one loop, shared by listen.c (opening, closing) and
 * accept.c.
 *
 * Thread: its loop's, once it is attached; until then main's.
 */
#ifndef WEIR_NET_LISTEN_PRIVATE_H
#define WEIR_NET_LISTEN_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>

struct event;
struct loop;

struct listener {
	struct listener *next;
	struct loop *loop; /* NULL: not attached */
	const struct sockets *of;
	int fd;
	struct event *event;
	bool is_own; /* no other loop accepts from this socket */
};

#endif
