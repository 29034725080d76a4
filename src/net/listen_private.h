/*
 * A listening socket of one loop, shared by listen.c (opening, closing) and
 * accept.c.
 *
 * Thread: its loop's.
 */
#ifndef WEIR_NET_LISTEN_PRIVATE_H
#define WEIR_NET_LISTEN_PRIVATE_H

#include <stdbool.h>

struct event;
struct loop;

struct listener {
	struct listener *next;
	struct loop *loop;
	int fd;
	struct event *event;
	char *unlink_path; /* of a unix socket, at the loop that removes it; else NULL */
	bool is_tcp;
	bool announces; /* a PROXY header comes first */
};

#endif
