/*
 * Both ways between a client and a handler that runs: what it writes is taken
 * out of its stream while there is room in `out`, framed, and written; of a
 * live body so much is read as it asks for. The call keeps the connection in
 * CONN_CALL until it comes home.
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

/* ---- live bodies ---- */

void conn_stream_begin_body(struct conn *c)
{
	struct request *req = c->req;
	struct stream *s = stream_new(req);
	if (!s) {
		conn_refuse(c, 500, NULL);
		return;
	}
	stream_expect_body(s, (size_t)req->gen->body_memory);
	c->body_left = req->head.length;
	if (req->head.chunked)
		http_chunked_init(&c->chunked);
	req->stream = c->stream = s;
	conn_dispatch(c);
}

static void set_deadlines(struct conn *c)
{
	struct stream *s = c->stream;
	const struct request *req = c->req;
	s->body_deadline =
		s->is_reading ? clock_add(c->loop->now, req->gen->body_timeout) : CLOCK_NEVER;
	conn_set_deadline(c, s->body_deadline < req->deadline ? s->body_deadline : req->deadline);
}

/* The handler asks for (more of) the body. A client that waits to be asked is
 * asked now: a handler may refuse without reading. */
static void read_on(struct conn *c)
{
	struct stream *s = c->stream;
	if (!s->is_coming || s->is_reading || !stream_wants_input(s))
		return;
	s->is_reading = true;
	pace_begin(&c->body_pace, c->loop->now);
	if (!s->said_go_on && c->req->head.expect == HTTP_EXPECT_CONTINUE && buf_len(&c->in) == 0 &&
	    !s->head_is_out)
		conn_say_go_on(c);
	s->said_go_on = true;
	set_deadlines(c);
}

/* The rest will not be read. It may be there already, with the end of input
 * behind it: closing now would reset the connection under the answer. */
static void forsake_body(struct conn *c, struct stream *s)
{
	s->is_coming = s->is_reading = false;
	c->was_refused = true;
	c->peer_ended = false;
	c->readable = true;
}

void conn_stream_break(struct conn *c, int status, int err)
{
	struct stream *s = c->stream;
	forsake_body(c, s);
	s->refusal = (uint16_t)status;
	stream_fail_body(s, err);
	set_deadlines(c);
}

/* Body bytes are moved to the start of `data`. 1 at the body's end, 0, or a
 * negative HTTP status. */
static int unframe(struct conn *c, char *data, size_t len, size_t *ret_body, size_t *ret_used)
{
	if (c->req->head.chunked)
		return http_chunked_decode(&c->chunked, data, len, ret_body, ret_used);
	size_t n = len < c->body_left ? len : (size_t)c->body_left;
	c->body_left -= n;
	*ret_body = *ret_used = n;
	return c->body_left == 0;
}

size_t conn_stream_receive(struct conn *c, char *data, size_t len)
{
	struct stream *s = c->stream;
	size_t body, used;
	int rc = unframe(c, data, len, &body, &used);
	if (rc < 0) {
		conn_stream_break(c, -rc, -EBADMSG);
		return len;
	}
	if (!conn_keeps_pace(c, len)) {
		conn_stream_break(c, 408, -ETIMEDOUT);
		return len;
	}
	s->received += body;
	uint64_t coming = c->req->head.chunked ? http_chunked_announced(&c->chunked) : 0;
	if (s->received > c->req->gen->body_max || coming > c->req->gen->body_max - s->received) {
		conn_stream_break(c, 413, -EMSGSIZE);
		return len;
	}
	int fed = stream_feed(s, data, body, rc == 1);
	if (fed < 0) {
		conn_stream_break(c, 500, -ENOMEM);
		return len;
	}
	s->is_coming = rc == 0;
	s->is_reading = rc == 0 && fed == 0;
	set_deadlines(c);
	return used;
}

void conn_stream_tick(struct conn *c)
{
	if (c->stream && c->loop->now >= c->stream->body_deadline)
		conn_stream_break(c, 408, -ETIMEDOUT);
	else if (c->stream)
		conn_set_deadline(c, c->stream->body_deadline < c->req->deadline
					     ? c->stream->body_deadline
					     : c->req->deadline);
	else
		conn_set_deadline(c, c->req->deadline);
}

/* A small rest is on its way and may be dropped as it comes: the connection
 * lives on. Whoever waits to be asked for it may never send it. */
static bool can_skip(const struct conn *c)
{
	const struct http_head *head = &c->req->head;
	bool ends = c->closing || !head->keep_alive || c->loop->is_draining;
	bool is_sent = head->expect == HTTP_EXPECT_NONE || c->stream->said_go_on;
	return head->has_length && c->body_left <= CONN_DISCARD_MAX && is_sent && !ends;
}

void conn_stream_unread(struct conn *c)
{
	struct stream *s = c->stream;
	if (!s || !s->is_coming)
		return;
	if (can_skip(c)) {
		s->is_coming = s->is_reading = false;
		c->skip = c->body_left;
		return;
	}
	c->closing = true;
	forsake_body(c, s);
}

/* What was wrong with the body is told in the place of any good answer, so that
 * half a body is not taken for a whole one; a handler's own refusal stands. */
int conn_stream_refusal(struct conn *c)
{
	struct request *req = c->req;
	const struct stream *s = req->stream;
	if (!s || s->refusal == 0)
		return 0;
	c->closing = true;
	bool has_begun = req->res.kind == BODY_STREAM && s->head_is_out;
	bool is_refused = req->result >= 0 && req->res.status >= 400;
	if (has_begun || is_refused)
		return 0;
	req->res.headers = NULL;
	req->res.headers_end = &req->res.headers;
	return s->refusal;
}

/* ---- streamed answers ---- */

static int put_head(struct conn *c)
{
	const struct request *req = c->req;
	bool ends_with_it = req->head.minor == 0 && http_status_has_body(req->res.status);
	if (conn_is_last(c) || ends_with_it)
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
	if (buf_len(&c->out) >= c->loop->gen->write_buffer || !stream_take(c->stream, false))
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
	if (pump(c) < 0)
		return;
	read_on(c);
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
	struct stream *s = c->stream;
	c->stream = NULL;
	if (!s)
		return;
	if (s->is_coming) {
		c->closing = true;
		forsake_body(c, s);
	}
	stream_fail(s, err);
}

/* The end of an answer that is not whole. What was taken is still sent, but
 * not the last chunk; an answer that ends with its connection ends with a
 * reset, which nobody takes for its end. */
static void end_in_the_middle(struct conn *c, bool ends_with_connection)
{
	c->closing = true;
	c->state = CONN_IDLE;
	if (ends_with_connection) {
		conn_will_reset(c);
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
	char note[TRACE_NOTE_SIZE];
	log_warn("request %s%s: handler %s (%s) exceeded its time limit; its answer was cut",
		 req->id, request_trace_note(req, false, note), req->route->handler_name,
		 req->route->label);
	req->owner = NULL;
	c->req = NULL;
	conn_stream_leave(c, -ETIMEDOUT);
	end_in_the_middle(c, ends_with_connection);
}

static void cut(struct conn *c)
{
	struct request *req = c->req;
	const char *why = req->result < 0 ? err_text(req->result) : "its body did not come whole";
	bool ends_with_connection = req->head.minor == 0 && reply_has_body(req);
	char note[TRACE_NOTE_SIZE];
	log_error("request %s%s: handler %s (%s) failed: %s (%d); its answer was cut", req->id,
		  request_trace_note(req, true, note), req->route->handler_name, req->route->label,
		  why, req->result);
	conn_end_request(c);
	end_in_the_middle(c, ends_with_connection);
}

void conn_stream_end(struct conn *c)
{
	struct request *req = c->req;
	struct stream *s = c->stream = req->stream;
	bool is_whole = req->result >= 0 && (s->refusal == 0 || req->res.status >= 400);
	conn_stream_unread(c);
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
