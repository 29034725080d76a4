/*
 * Answers that are sent while their handler runs: what it writes is taken out
 * of its stream while there is room in `out`, framed, and written. The call
 * keeps the connection in CONN_CALL until it comes home.
 *
 * Thread: the loop that accepted the connection.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "net/access.h"
#include "net/conn_private.h"
#include "net/reply.h"

static int put_head(struct conn *c)
{
	const struct request *req = c->req;
	bool ends_with_it = req->head.minor == 0 && http_status_has_body(req->res.status);
	if (!req->head.keep_alive || c->loop->is_draining || ends_with_it)
		c->closing = true;
	c->stream->head_is_out = true;
	return reply_write_head(&c->out, req, loop_date(c->loop), c->closing);
}

/* What was taken goes into `out`. */
static int put_taken(struct conn *c)
{
	struct stream *s = c->stream;
	size_t len = buf_len(&s->taken);
	int rc = s->head_is_out ? 0 : put_head(c);
	if (rc == 0 && len > 0)
		rc = reply_write_piece(&c->out, c->req, buf_head(&s->taken), len);
	if (rc < 0)
		return rc;
	buf_drop(&s->taken, len);
	s->sent += len;
	return 0;
}

static void no_memory(struct conn *c)
{
	log_error("request %s: out of memory for its answer; connection closed", c->req->id);
	conn_lost(c);
}

/* 1 when something was put into `out`, 0 when not, negative when c was freed. */
static int pump(struct conn *c)
{
	if (buf_len(&c->out) >= CONN_OUT_MAX || !stream_take(c->stream, false))
		return 0;
	if (put_taken(c) == 0)
		return 1;
	no_memory(c);
	return -1;
}

void conn_stream_arrived(struct request *req)
{
	struct conn *c = req->owner;
	if (!c) {
		stream_wake(req->stream); /* its call was cancelled before we knew of it */
		return;
	}
	c->stream = req->stream;
	if (pump(c) >= 0)
		conn_set_dirty(c);
}

bool conn_stream_drained(struct conn *c)
{
	int rc = pump(c);
	/* In the next turn: a worker may be as fast as we are. */
	if (rc > 0)
		conn_set_again(c);
	return rc >= 0;
}

void conn_stream_leave(struct conn *c, int err)
{
	if (c->stream)
		stream_fail(c->stream, err);
	c->stream = NULL;
}

/* The end of an answer that is not whole. What was taken is still sent, but
 * not the last chunk; an answer that ends with its connection ends with a
 * reset, which nobody takes for its end. */
static void end_in_the_middle(struct conn *c, bool ends_with_connection)
{
	struct linger at_once = { .l_onoff = 1 };
	c->closing = true;
	c->state = CONN_IDLE;
	if (ends_with_connection) {
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		conn_close(c);
		return;
	}
	conn_set_deadline(c, CLOCK_NEVER);
	conn_set_dirty(c);
}

void conn_stream_timeout(struct conn *c)
{
	struct request *req = c->req;
	bool ends_with_connection = req->head.minor == 0 && reply_has_body(req);
	log_warn("request %s: handler %s (%s) exceeded its time limit; its answer was cut", req->id,
		 req->route->handler_name, req->route->label);
	req->owner = NULL;
	c->req = NULL;
	conn_stream_leave(c, -ETIMEDOUT);
	end_in_the_middle(c, ends_with_connection);
}

static void cut(struct conn *c)
{
	struct request *req = c->req;
	bool ends_with_connection = req->head.minor == 0 && reply_has_body(req);
	log_error("request %s: handler %s (%s) failed: %s (%d); its answer was cut", req->id,
		  req->route->handler_name, req->route->label, err_text(req->result), req->result);
	conn_end_request(c);
	end_in_the_middle(c, ends_with_connection);
}

void conn_stream_end(struct conn *c)
{
	struct request *req = c->req;
	struct stream *s = c->stream = req->stream;
	bool is_whole = req->result >= 0;
	c->state = CONN_REPLY; /* the call is home */
	(void)stream_take(s, true);
	int rc = put_taken(c);
	if (rc == 0 && is_whole)
		rc = reply_write_end(&c->out, req);
	req->res.len = s->sent;
	if (rc < 0)
		no_memory(c);
	else if (!is_whole)
		cut(c);
	else
		conn_end_request(c);
	if (rc == 0 && is_whole)
		conn_set_dirty(c);
}

void conn_stream_abandoned(struct loop *loop, struct request *req)
{
	const struct stream *s = req->stream;
	if (!s || !s->head_is_out)
		return;
	req->res.len = s->sent;
	if (s->is_lost)
		req->res.status = CONN_STATUS_GONE;
	access_log(loop, req);
}
