/*
 * From responses to bytes: small ones are collected in `out` and written once
 * a turn; large bodies and files go straight from where they are.
 *
 * Thread: the loop that accepted the connection.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "base/log.h"
#include "base/sys.h"
#include "net/access.h"
#include "net/conn_private.h"
#include "net/reply.h"
#include "work/background.h"

/* The response is on its way: the request's memory goes back. */
void conn_end_request(struct conn *c)
{
	struct request *req = c->req;
	tally_request(c->loop, req);
	access_log(c->loop, req);
	tasks_append(&c->tasks, tasks_take(req));
	c->req = NULL;
	c->stream = NULL;
	c->served++;
	c->allow = 0;
	loop_give_request(c->loop, req);
	c->state = CONN_IDLE;
	list_remove(&c->idle);
	list_add_last(&c->loop->idle, &c->idle);
	conn_await_request(c);
}

/* A handler's handed-over bytes may be large or small; small ones join `out`. */
static bool joins_out(const struct request *req)
{
	return !reply_has_body(req) || req->res.kind == BODY_NONE || req->res.len == 0 ||
	       (req->res.kind == BODY_BYTES && req->res.len <= CONN_COPY_MAX);
}

void conn_respond(struct conn *c)
{
	struct request *req = c->req;
	conn_stream_unread(c);
	if (conn_is_last(c))
		c->closing = true;
	bool joins = joins_out(req);
	loop_take_buf(c->loop, &c->out);
	int rc = reply_write_head(&c->out, req, loop_date(c->loop), c->closing);
	if (rc == 0 && joins && reply_has_body(req) && req->res.len > 0)
		rc = buf_add(&c->out, req->res.data, req->res.len);
	else if (rc == 0 && !joins)
		joins = conn_takes_file(c);
	if (rc < 0) {
		/* Not even an error fits: half an answer must not be taken for one. */
		log_error("request %s: out of memory for its answer; connection closed", req->id);
		c->closing = true;
		buf_done(&c->out);
		joins = true;
	}
	c->sent = c->ready = 0;
	if (joins) {
		conn_end_request(c);
	} else {
		c->state = CONN_REPLY;
		conn_set_deadline(c, CLOCK_NEVER);
	}
	conn_set_dirty(c);
}

static ssize_t send_bytes(struct conn *c)
{
	struct iovec iov[2];
	int n = 0;
	if (buf_len(&c->out) > 0)
		iov[n++] = (struct iovec){ buf_head(&c->out), buf_len(&c->out) };
	if (c->state == CONN_REPLY && c->req->res.kind == BODY_BYTES) {
		const struct response *res = &c->req->res;
		iov[n++] = (struct iovec){
			(char *)(uintptr_t)res->data + c->sent,
			(size_t)(res->len - c->sent),
		};
	}
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	bool more = c->state == CONN_REPLY && c->req->res.kind == BODY_FILE;
	int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	/* The kernel is quicker to take one piece than a list of one. */
	return n == 1 ? sys_send(c->fd, iov->iov_base, iov->iov_len, flags)
		      : sendmsg(c->fd, &msg, flags);
}

/* Accounts for what the kernel took. */
static void took(struct conn *c, size_t n)
{
	size_t from_out = n < buf_len(&c->out) ? n : buf_len(&c->out);
	buf_drop(&c->out, from_out);
	c->written += n;
	count(&c->loop->tally.bytes_out, n);
	c->sent += n - from_out;
}

static bool has_output(const struct conn *c)
{
	return buf_len(&c->out) > 0 || (c->state == CONN_REPLY && c->sent < c->req->res.len);
}

/* Bytes that the client's system has still to acknowledge; -1: ours does not say. */
static int count_unsent(const struct conn *c)
{
	int unsent;
	return ioctl(c->fd, SIOCOUTQ, &unsent) < 0 ? -1 : unsent;
}

/* Those that it has; as before, when ours does not say. */
static uint64_t count_taken(const struct conn *c)
{
	int unsent = count_unsent(c);
	return unsent < 0 || (uint64_t)unsent > c->written ? c->taken
							   : c->written - (uint64_t)unsent;
}

bool conn_is_taken(const struct conn *c)
{
	return !has_output(c) && count_unsent(c) <= 0;
}

/* What it took since it was last looked at; *ret_fast: is write_rate_min kept? */
static uint64_t look(struct conn *c, bool *ret_fast)
{
	const struct generation *gen = c->loop->gen;
	uint64_t taken = count_taken(c), more = taken > c->taken ? taken - c->taken : 0;
	c->taken += more;
	*ret_fast = pace_add(&c->write_pace, more, c->loop->now, gen->write_timeout,
			     gen->front.write_rate_min);
	return more;
}

/* The client has write_timeout to take something; whatever it takes gives it as long
 * again, unless it takes too little. */
void conn_await_client(struct conn *c, bool moved)
{
	int64_t when = clock_add(c->loop->now, c->loop->gen->write_timeout);
	bool is_fast = true;
	if (c->write_deadline == CLOCK_NEVER) {
		c->taken = count_taken(c);
		pace_begin(&c->write_pace, c->loop->now);
	} else if (moved) {
		(void)look(c, &is_fast);
	} else {
		return;
	}
	c->is_slow = !is_fast;
	conn_set_write_deadline(c, is_fast ? when : c->loop->now);
}

/* A socket counts as writable again only when a good part of its buffer, which
 * may hold megabytes, is free: a slow client is not a stuck one. */
bool conn_is_taking(struct conn *c)
{
	bool is_fast;
	return look(c, &is_fast) > 0 && is_fast && !c->is_slow;
}

bool conn_flush(struct conn *c)
{
	bool moved = false;
	while (has_output(c)) {
		bool is_file = buf_len(&c->out) == 0 && c->req->res.kind == BODY_FILE;
		if (is_file && !conn_file_is_ready(c))
			return true;
		ssize_t n = is_file ? conn_send_file(c) : send_bytes(c);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			conn_await_client(c, moved); /* the socket is full */
			return true;
		}
		if (n < 0) {
			conn_lost(c);
			return false;
		}
		took(c, (size_t)n);
		moved = true;
		if (is_file && has_output(c)) {
			conn_set_again(c);
			return true;
		}
	}
	if (c->state == CONN_REPLY)
		conn_end_request(c);
	c->write_deadline = CLOCK_NEVER;
	if (c->stream && !conn_stream_drained(c))
		return false;
	if (buf_len(&c->out) == 0 && !c->stream) /* idle ones have no memory but their own */
		loop_give_buf(c->loop, &c->out);
	struct task *tasks = c->tasks;
	c->tasks = NULL;
	tasks_submit(tasks);
	return true;
}
