/*
 * The life of a connection: opening, events, time, closing.
 *
 * One edge-triggered event serves reading, writing and closing, so that a
 * connection costs one epoll_ctl in its life. Level-triggered EV_CLOSED would
 * spin, and without EV_READ a reset is never seen.
 *
 * Thread: the loop that accepted it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sys.h"
#include "net/accept.h"
#include "net/access.h"
#include "net/census.h"
#include "net/conn_private.h"
#include "work/background.h"

/* A client that still sends may be given its answer only when it has sent all, however
 * much that is; these are the longest pause, and the longest time in all. */
static const int64_t linger_pause = 2 * NS_PER_S;
static const int64_t linger_time = 30 * NS_PER_S;

/* How long a stop waits for the request of a client that has not sent any yet, and of
 * one whose last answer did not tell of the end: it may just have sent its next. */
static const int64_t fresh_grace = NS_PER_S;
static const int64_t used_grace = 100 * NS_PER_MS;
static const char probe[] = "HTTP/1.1 102 Processing\r\n\r\n";

static void on_event(evutil_socket_t fd, short what, void *arg);

static void leave(struct conn *c)
{
	if (c->seat)
		census_give_seat(c->loop->census, c->seat);
	c->seat = NULL;
}

int conn_open(struct loop *loop, int fd, const struct addr *peer, bool announces)
{
	struct conn *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->magic = CONN_MAGIC;
	c->fd = fd;
	c->loop = loop;
	c->state = announces ? CONN_PROXY : CONN_IDLE;
	c->client = *peer;
	int rc = announces ? 0 : conn_take_seat(c);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->deadline = c->write_deadline = CLOCK_NEVER;
	list_init(&c->pending);
	list_init(&c->idle);
	wheel_timer_init(&c->timer);
	if (event_assign(&c->event, loop->base, fd,
			 EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event, c) < 0 ||
	    event_add(&c->event, NULL) < 0) {
		leave(c);
		free(c);
		return -ENOMEM;
	}
	list_add_last(&loop->conns, &c->link);
	loop->conn_count++;
	count(&loop->tally.accepted, 1);
	conn_set_deadline(c, clock_add(loop->now, loop->gen->header_timeout));
	return 0;
}

static void release(struct conn *c)
{
	event_del(&c->event);
	close(c->fd);
	wheel_clear(&c->timer);
	list_remove(&c->pending);
	list_remove(&c->link);
	list_remove(&c->idle);
	c->loop->conn_count--;
	count(&c->loop->tally.closed, 1);
	loop_drop_spares(c->loop);
	/* A client that went away does not take back what a handler promised. */
	tasks_submit(c->tasks);
	buf_done(&c->in);
	struct loop *loop = c->loop;
	loop_give_buf(loop, &c->out);
	leave(c);
	if (loop->census)
		census_leave(loop->census);
	c->magic = 0;
	free(c);
	accept_go_on(loop);
}

void conn_close(struct conn *c)
{
	must_be(c, CONN_MAGIC);
	must(c->state != CONN_CALL && c->state != CONN_READ);
	if (c->req) {
		tasks_submit(tasks_take(c->req));
		loop_give_request(c->loop, c->req);
	}
	release(c);
}

void conn_will_reset(struct conn *c)
{
	struct linger at_once = { .l_onoff = 1 };
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

/* Nobody takes its answer. */
static void log_gone(struct conn *c)
{
	c->req->res.status = CONN_STATUS_GONE;
	c->req->res.len = c->state == CONN_REPLY ? c->sent : 0; /* what it took of it */
	tally_request(c->loop, c->req);
	access_log(c->loop, c->req);
}

/* `err` is what a handler that streams is told. */
static void lose(struct conn *c, int err)
{
	must_be(c, CONN_MAGIC);
	bool is_away = (c->state == CONN_CALL && !conn_abandon(c)) ||
		       (c->state == CONN_READ && !conn_abandon_read(c));
	if (is_away) {
		c->req = NULL; /* it comes home by itself */
		if (c->stream)
			c->stream->is_lost = true;
		conn_stream_leave(c, err);
	}
	if (c->req)
		log_gone(c);
	c->state = CONN_LINGER;
	conn_close(c);
}

void conn_lost(struct conn *c)
{
	lose(c, -EPIPE);
}

static void set_timer(struct conn *c)
{
	int64_t when = c->deadline < c->write_deadline ? c->deadline : c->write_deadline;
	loop_set_timer(c->loop, &c->timer, when);
}

void conn_set_deadline(struct conn *c, int64_t when)
{
	c->deadline = when;
	set_timer(c);
}

void conn_set_write_deadline(struct conn *c, int64_t when)
{
	c->write_deadline = when;
	set_timer(c);
}

void conn_set_dirty(struct conn *c)
{
	list_remove(&c->pending);
	list_add_last(&c->loop->dirty, &c->pending);
}

void conn_set_again(struct conn *c)
{
	if (list_is_empty(&c->pending))
		list_add_last(&c->loop->again, &c->pending);
}

/* ---- reading ---- */

static bool wants_input(const struct conn *c)
{
	return c->state == CONN_LINGER || conn_is_receiving(c) ||
	       (!c->closing && c->state <= CONN_BODY &&
		buf_len(&c->out) < c->loop->gen->write_buffer);
}

static void parse_kept(struct conn *c)
{
	c->cut_short = false;
	buf_drop(&c->in, conn_parse(c, buf_head(&c->in), buf_len(&c->in)));
	if (buf_len(&c->in) == 0)
		buf_done(&c->in);
}

/* Bytes were lost: what is being answered still is, nothing after it. */
static void out_of_memory(struct conn *c)
{
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		conn_refuse(c, 500, NULL);
	else if (conn_awaits_body(c))
		conn_stream_break(c, 500, -ENOMEM);
	c->closing = true;
}

static void linger_on(struct conn *c)
{
	int64_t end = clock_add(c->began, c->loop->is_draining ? linger_pause : linger_time);
	int64_t pause_end = clock_add(c->loop->now, linger_pause);
	conn_set_deadline(c, pause_end < end ? pause_end : end);
}

/* Bytes go through the loop's buffer: a connection has memory of its own only
 * while it holds an incomplete head. */
static void take_input(struct conn *c, char *data, size_t len)
{
	if (c->state == CONN_LINGER) {
		linger_on(c);
		return;
	}
	size_t used = buf_len(&c->in) == 0 ? conn_parse(c, data, len) : 0;
	if (used < len && buf_add(&c->in, data + used, len - used) < 0) {
		out_of_memory(c);
		return;
	}
	if (used == 0 && buf_len(&c->in) > len)
		parse_kept(c);
}

/* The client will send no more: with nothing begun and nothing to write, that
 * is the end. */
static void end_of_input(struct conn *c)
{
	c->peer_ended = true;
	c->readable = false;
	c->closing = true;
	if (c->state == CONN_BODY) {
		log_gone(c);
		loop_give_request(c->loop, c->req);
		c->req = NULL;
	}
	if (c->state == CONN_HEAD || c->state == CONN_BODY)
		c->state = CONN_LINGER; /* the rest of this request will never come */
}

/* False: the connection is gone. */
static bool read_some(struct conn *c)
{
	size_t size;
	char *room = conn_body_room(c, &size), *to = room ? room : c->loop->read_buf;
	ssize_t n = sys_recv(c->fd, to, room ? size : (size = LOOP_READ_SIZE), 0);
	if (n > 0) {
		count(&c->loop->tally.bytes_in, (uint64_t)n);
		c->readable = (size_t)n == size || c->end_is_near;
		if (room)
			conn_body_came(c, (size_t)n);
		else
			take_input(c, to, (size_t)n);
		/* A reset behind these bytes came in the same event, and nothing will
		 * be written that would meet it: only another read does. */
		if (c->state == CONN_PROXY || c->state == CONN_HEAD || c->state == CONN_BODY ||
		    c->state == CONN_LINGER || conn_is_receiving(c))
			c->readable = true;
		return true;
	}
	if (n == 0 && conn_is_receiving(c)) {
		conn_lost(c);
		return false;
	}
	if (n == 0) {
		end_of_input(c);
		return true;
	}
	if (errno == EAGAIN)
		c->readable = false;
	else if (errno != EINTR) {
		conn_lost(c);
		return false;
	}
	return true;
}

/* Closing a socket with unread bytes in it resets the connection, and the
 * client may lose the answer: end our side first and drop what still comes. */
static void start_linger(struct conn *c)
{
	c->state = CONN_LINGER;
	buf_done(&c->in);
	shutdown(c->fd, SHUT_WR);
	c->began = c->loop->now;
	linger_on(c);
}

static bool is_answering(const struct conn *c)
{
	return c->state == CONN_CALL || c->state == CONN_READ || c->state == CONN_REPLY;
}

/* It is to be closed, and everything is written; is this the end? */
static bool is_end(struct conn *c)
{
	if (buf_len(&c->out) > 0 || is_answering(c))
		return false;
	bool is_unread = c->readable || c->was_refused || buf_len(&c->in) > 0;
	if (c->state != CONN_LINGER && is_unread && !c->peer_ended)
		start_linger(c);
	return c->state != CONN_LINGER || c->peer_ended;
}

static inline bool is_over(struct conn *c)
{
	return c->closing && is_end(c);
}

bool conn_advance(struct conn *c)
{
	for (int i = 0; i < CONN_READS_MAX; i++) {
		if (c->cut_short && wants_input(c))
			parse_kept(c);
		if (is_over(c) || !c->readable || c->cut_short || !wants_input(c))
			break;
		if (!read_some(c))
			return false;
	}
	if (is_over(c)) {
		conn_close(c);
		return false;
	}
	if ((c->readable || c->cut_short) && wants_input(c))
		conn_set_again(c);
	return true;
}

/* ---- events ---- */

/* An HTTP/1.1 client that ended its sending while its call waits in line has
 * either gone or half-closed and listens. Both look the same until something
 * is sent: an interim answer is harmless to the one and makes the other's
 * system answer with a reset. */
static void conn_probe(struct conn *c)
{
	if (c->state != CONN_CALL || c->was_probed || buf_len(&c->out) > 0 ||
	    c->req->head.minor == 0 || !pool_is_waiting(&c->req->call))
		return;
	c->was_probed = true;
	if (buf_add(&c->out, probe, sizeof(probe) - 1) == 0)
		conn_set_dirty(c);
}

/* While a call waits or runs nothing is read, so trouble is asked for. False:
 * the connection is gone. */
static bool check_client(struct conn *c, short what)
{
	int err = 0;
	socklen_t len = sizeof(err);
	/* A unix socket tells a close from a half-close by itself. */
	struct pollfd state = { .fd = c->fd };
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err != 0 ||
	    (poll(&state, 1, 0) > 0 && (state.revents & POLLHUP))) {
		conn_lost(c);
		return false;
	}
	if (what & EV_CLOSED) {
		c->peer_ended = true;
		conn_probe(c);
	}
	return true;
}

static void go_on(struct conn *c)
{
	list_remove(&c->pending);
	if (conn_flush(c))
		(void)conn_advance(c);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	(void)fd;
	must_be(c, CONN_MAGIC);
	loop_wake(c->loop);
	if (what & (EV_READ | EV_CLOSED))
		c->readable = true;
	c->end_is_near |= (what & EV_CLOSED) != 0;
	bool is_deaf = is_answering(c) && !conn_is_receiving(c);
	if (is_deaf && (what & (EV_READ | EV_CLOSED)) && !check_client(c, what))
		return;
	if ((what & EV_WRITE) && buf_len(&c->out) + (c->state == CONN_REPLY) > 0 && !conn_flush(c))
		return;
	/* All that came is answered: written now, while its memory is in the processor's
	 * cache, not at the end of the turn. */
	if (conn_advance(c) && buf_len(&c->out) > 0 && !c->readable && !c->cut_short)
		go_on(c);
}

void conns_flush(struct list *dirty)
{
	struct conn *c;
	while ((c = list_first(dirty, struct conn, pending)) != NULL)
		go_on(c);
}

void conns_go_on(struct list *again)
{
	struct conn *c;
	while ((c = list_first(again, struct conn, pending)) != NULL) {
		list_remove(&c->pending);
		/* Its call waits in line: did the client go in the event that brought it? */
		if (c->state != CONN_CALL || check_client(c, c->end_is_near ? EV_CLOSED : 0))
			go_on(c);
	}
}

/* ---- time ---- */

static bool is_before_request(const struct conn *c)
{
	return c->state == CONN_PROXY || c->state == CONN_IDLE;
}

static bool is_idle(const struct conn *c)
{
	return is_before_request(c) && buf_len(&c->out) == 0;
}

/* A request may have come that no event has told of yet. False: it has, or the
 * connection is gone. */
static bool look_again(struct conn *c)
{
	c->readable = true;
	return conn_advance(c) && is_idle(c);
}

void conn_await_request(struct conn *c)
{
	const struct loop *loop = c->loop;
	int64_t time = loop->gen->keepalive_timeout;
	if (loop->is_draining)
		time = c->served == 0 ? fresh_grace : used_grace;
	conn_set_deadline(c, clock_add(loop->now, time));
}

/* Its last answer may be the kernel's alone by now, in part: it is not idle while it takes
 * that, and no client to keep it for when it does not. */
static void end_idle(struct conn *c)
{
	if (conn_is_taken(c) || c->loop->is_draining) {
		conn_lost(c);
		return;
	}
	conn_await_client(c, false);
	conn_await_request(c);
}

/* The client's time for taking is over. */
static bool may_go_on_taking(struct conn *c)
{
	if (conn_is_taken(c))
		c->write_deadline = CLOCK_NEVER;
	else if (conn_is_taking(c))
		c->write_deadline = clock_add(c->loop->now, c->loop->gen->write_timeout);
	else
		return false;
	return true;
}

void conn_on_timer(struct wheel_timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);
	must_be(c, CONN_MAGIC);
	if (c->loop->now >= c->write_deadline && !may_go_on_taking(c)) {
		/* Else the kernel would keep what is unsent, megabytes maybe, and try for
		 * minutes. */
		conn_will_reset(c);
		lose(c, -ETIMEDOUT);
		return;
	}
	if (c->loop->now < c->deadline) {
		set_timer(c);
		return;
	}
	switch (c->state) {
	case CONN_PROXY:
		conn_proxy_timeout(c);
		break;
	case CONN_CALL:
		conn_call_timeout(c);
		break;
	case CONN_READ:
		conn_read_timeout(c);
		break;
	case CONN_HEAD:
	case CONN_BODY:
		conn_refuse(c, 408, NULL);
		break;
	case CONN_REPLY:
		break; /* has a write deadline alone */
	case CONN_IDLE:
		if (!is_idle(c)) /* it takes its answer still */
			conn_await_request(c);
		else if (look_again(c))
			end_idle(c);
		break;
	case CONN_LINGER:
		conn_lost(c);
	}
}

/* ---- stopping ---- */

static void drain_one(struct conn *c)
{
	if (c->skip > 0) { /* what is left of its body is nothing to wait for */
		c->closing = c->was_refused = true;
		conn_set_again(c);
		return;
	}
	/* A request that came or comes is answered with the close. Whoever was not told so
	 * with the last answer, which may not be written yet, may be sending the next request. */
	if (is_before_request(c) && (!is_idle(c) || look_again(c)))
		conn_await_request(c);
}

void conns_drain(struct list *conns)
{
	list_each (conns, struct conn, link, c)
		drain_one(c);
}

void conns_close(struct list *conns)
{
	list_each (conns, struct conn, link, c)
		conn_close(c);
}

int conn_fd(const struct request *req)
{
	const struct conn *c = req->owner;
	return c->fd;
}
