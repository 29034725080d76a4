/*
 * Closing of idle connections where others need their room.
 *
 * Thread: the loop that has the connections.
 */
#include <sys/socket.h>

#include "net/census.h"
#include "net/conn_private.h"

enum { LOOK_MAX = 64 }; /* of those that a client is just about to use again, or to read from */

/* Everything is answered and taken, and nothing more has come, or is wanted. */
static bool is_unused(const struct conn *c)
{
	char byte;
	if (c->state == CONN_LINGER)
		return true;
	return c->state == CONN_IDLE && !c->closing && c->skip == 0 && buf_len(&c->in) == 0 &&
	       buf_len(&c->out) == 0 && recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

bool conns_shed(struct loop *loop)
{
	int looked = 0;
	list_each (&loop->idle, struct conn, idle, c) {
		if (is_unused(c)) {
			if (loop->census)
				census_turned_away(loop->census, CENSUS_SHED, &c->client,
						   loop->now);
			conn_close(c);
			return true;
		}
		if (++looked == LOOK_MAX)
			break;
	}
	return false;
}
