/*
 * Accepting, and what is done where there is no room. The oldest idle
 * connection of the loop is closed; has it none, the other loops are asked one
 * after the other; is there none at all, accepting pauses until a connection
 * goes, or for a moment. Listening sockets stay level-triggered, so without the
 * pause the loop would spin.
 *
 * Thread: see accept.h; find_room runs on each loop in turn.
 */
#include "net/accept.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/census.h"
#include "net/conn.h"
#include "net/listen.h"
#include "net/listen_private.h"
#include "net/loop.h"

enum {
	ACCEPT_BATCH = 64, /* a turn; others have to get their turn too */
	SHARED_BATCH = 1,  /* likewise; the other loops are to have some */
	PAUSE_MS = 100,
};

/* ---- pausing ---- */

static void arm_timer(struct loop *loop)
{
	struct timeval tv = { .tv_usec = PAUSE_MS * 1000 };
	if (event_add(loop->accept_timer, &tv) == 0)
		return;
	/* Nothing would end the pause: rather spin. */
	accept_go_on(loop);
}

static void pause_accepting(struct loop *loop)
{
	loop->accept_is_paused = true;
	for (struct listener *l = loop->listeners; l; l = l->next)
		(void)(l->event && event_del(l->event));
	arm_timer(loop);
}

void accept_go_on(struct loop *loop)
{
	if (!loop->accept_is_paused)
		return;
	loop->accept_is_paused = false;
	for (struct listener *l = loop->listeners; l; l = l->next) {
		if (l->event && event_add(l->event, NULL) < 0)
			log_error("cannot go on accepting connections: out of memory");
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	(void)fd;
	(void)what;
	loop->now = clock_now();
	accept_go_on(loop);
	if (!census_is_calm(loop->census, loop->now))
		arm_timer(loop);
}

/* ---- room ---- */

/* On the loops after the one that asks, and at last on that one. */
static void find_room(struct loop *here, void *arg)
{
	struct loop *asker = arg;
	if (here == asker) {
		asker->asks_for_room = false;
		if (asker->room_was_made)
			accept_go_on(asker);
		return;
	}
	asker->room_was_made = conns_shed(here);
	loop_post(asker->room_was_made ? asker : here->next, &asker->room, find_room, asker);
}

static void ask_others(struct loop *loop)
{
	if (loop->asks_for_room || !loop->next || loop->next == loop)
		return;
	loop->asks_for_room = true;
	loop->room_was_made = false;
	loop_post(loop->next, &loop->room, find_room, loop);
}

/* True: an idle connection was closed. Else accepting pauses. */
static bool make_room(struct loop *loop)
{
	if (conns_shed(loop))
		return true;
	pause_accepting(loop);
	ask_others(loop);
	return false;
}

/* A system that has no descriptor left says so also when nobody waits. */
static bool is_awaited(const struct listener *l)
{
	struct pollfd state = { .fd = l->fd, .events = POLLIN };
	return poll(&state, 1, 0) > 0;
}

/* ---- accepting ---- */

/* connections_max connections are there. True: try again. */
static bool be_full(struct listener *l, size_t max)
{
	struct loop *loop = l->loop;
	char why[64];
	if (!is_awaited(l))
		return false;
	if (make_room(loop))
		return true;
	snprintf(why, sizeof(why), "connections_max, %zu, is reached", max);
	census_trouble(loop->census, why, loop->now);
	return false;
}

/* Likewise. What a client did to its connection meanwhile is no trouble.
 * `was_taken`: it was there, and is lost. */
static bool be_refused(struct listener *l, int err, bool was_taken)
{
	struct loop *loop = l->loop;
	if (err == ECONNABORTED || err == EINTR || err == EPROTO)
		return true;
	bool is_short = err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
	if (!is_short || (!was_taken && !is_awaited(l)))
		return false;
	census_trouble(loop->census, strerror(err), loop->now);
	if (!make_room(loop))
		return false;
	arm_timer(loop); /* tells of the end of the trouble */
	return true;
}

/* Only who is trusted may say who its client is; a unix socket's folder has
 * decided that already. */
static bool may_announce(const struct listener *l, const struct addr *peer)
{
	if (!sockets_announce(l->of) || peer->kind == ADDR_UNIX ||
	    cidr_list_holds(&l->loop->gen->front.trusted, peer))
		return true;
	census_turned_away(l->loop->census, CENSUS_NOT_TRUSTED, peer, l->loop->now);
	return false;
}

/* While connections had to wait, some clients have given up: their requests are
 * there still, and would be run for nobody. */
static bool gave_up(const struct loop *loop, int fd)
{
	struct pollfd state = { .fd = fd };
	return event_pending(loop->accept_timer, EV_TIMEOUT, NULL) && poll(&state, 1, 0) > 0 &&
	       (state.revents & (POLLERR | POLLHUP));
}

/* 0, -EPERM, -ECONNABORTED, or as conn_open. */
static int open_one(struct listener *l, int fd, const struct addr *peer)
{
	int one = 1;
	if (!may_announce(l, peer))
		return -EPERM;
	if (gave_up(l->loop, fd))
		return -ECONNABORTED;
	if (peer->kind != ADDR_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return conn_open(l->loop, fd, peer, sockets_announce(l->of));
}

/* True: there may be more. */
static bool accept_one(struct listener *l)
{
	struct loop *loop = l->loop;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	size_t max = loop->gen->front.connections_max;
	if (!census_enter(loop->census, max))
		return be_full(l, max);
	int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int rc = fd < 0 ? -errno : 0;
	if (rc == 0) {
		struct addr peer = addr_of_socket((struct sockaddr *)&from);
		rc = open_one(l, fd, &peer);
	}
	if (rc == 0)
		return true;
	census_leave(loop->census);
	if (fd >= 0)
		close(fd);
	return rc == -EPERM || rc == -EUSERS || be_refused(l, -rc, fd >= 0);
}

void accept_all(struct listener *l)
{
	while (accept_one(l))
		;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct listener *l = arg;
	(void)fd;
	(void)what;
	int batch = l->is_own ? ACCEPT_BATCH : SHARED_BATCH;
	l->loop->now = clock_now();
	for (int i = 0; i < batch && accept_one(l); i++)
		;
}

int accept_start(struct listener *l)
{
	struct loop *loop = l->loop;
	if (!loop->accept_timer)
		loop->accept_timer = event_new(loop->base, -1, 0, on_timer, loop);
	l->event = event_new(loop->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
	if (!l->event || !loop->accept_timer)
		return -ENOMEM;
	return loop->accept_is_paused || event_add(l->event, NULL) == 0 ? 0 : -ENOMEM;
}

void accept_stop(struct loop *loop)
{
	if (loop->accept_timer)
		event_free(loop->accept_timer);
	loop->accept_timer = NULL;
	loop->accept_is_paused = false;
}
