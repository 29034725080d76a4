/*
 * Buffers, waits and letters between a handler that streams and its loop. The
 * worker waits without a limit of its own: the loop watches the client and
 * both deadlines, and always ends the wait.
 *
 * Thread: see stream.h.
 */
#include "work/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "work/request.h"

#define STREAM_MAGIC 0x57e2ea30U

static void deliver_stream(struct mail *m)
{
	struct stream *s = container_of(m, struct stream, mail);
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	s->is_posted = false;
	mutex_unlock(&s->lock);
	s->req->on_stream(s->req);
}

struct stream *stream_new(struct request *req)
{
	struct stream *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->magic = STREAM_MAGIC;
	s->req = req;
	s->mail.deliver = deliver_stream;
	s->body_deadline = CLOCK_NEVER;
	s->down_max = req->gen->write_buffer;
	mutex_init(&s->lock, LOCK_STREAM);
	cond_init(&s->moved);
	return s;
}

void stream_free(struct stream **stream) NO_LOCK_ANALYSIS
{
	struct stream *s = *stream;
	if (!s)
		return;
	must_be(s, STREAM_MAGIC);
	must(!s->is_posted);
	buf_done(&s->down);
	buf_done(&s->taken);
	buf_done(&s->up);
	cond_done(&s->moved);
	mutex_done(&s->lock);
	s->magic = 0;
	free(s);
	*stream = NULL;
}

void stream_expect_body(struct stream *s, size_t up_max) NO_LOCK_ANALYSIS
{
	s->is_live = true;
	s->is_coming = true;
	s->is_paused = true;
	s->up_max = up_max ? up_max : 1;
}

/* ---- worker ---- */

/* Posting with the lock held: the loop clears is_posted under it. */
static void post(struct stream *s) REQUIRES(s->lock)
{
	if (s->is_posted)
		return;
	s->is_posted = true;
	mailbox_post(s->req->home, &s->mail);
}

/* A loop that was offered `down` takes it when it has room, so that one letter
 * does. */
static void offer(struct stream *s) REQUIRES(s->lock)
{
	if (s->is_offered)
		return;
	s->is_offered = true;
	post(s);
}

/* Why waiting would be in vain. A loop that lost its client before it knew of
 * the stream could only mark the call. */
static int trouble(struct stream *s) REQUIRES(s->lock)
{
	const struct request *req = s->req;
	if (s->error == 0 && atomic_load_explicit(&req->call.cancelled, memory_order_relaxed))
		return clock_now() >= req->deadline ? -ETIMEDOUT : -EPIPE;
	return s->error;
}

static int append(struct stream *s, const char *data, size_t len) REQUIRES(s->lock)
{
	if (buf_add(&s->down, data, len) < 0)
		return -ENOMEM;
	if (buf_len(&s->down) >= STREAM_DOWN_SEND || buf_len(&s->down) >= s->down_max)
		offer(s);
	return 0;
}

int stream_write(struct stream *s, const char *data, size_t len)
{
	int rc;
	must_be(s, STREAM_MAGIC);
	if (s->has_no_body)
		len = 0;
	mutex_lock(&s->lock);
	while ((rc = trouble(s)) == 0 && len > 0) {
		size_t room = s->down_max - buf_len(&s->down);
		size_t n = len < room ? len : room;
		if (n == 0) {
			cond_wait(&s->moved, &s->lock);
			continue;
		}
		rc = append(s, data, n);
		if (rc < 0)
			break;
		data += n;
		len -= n;
	}
	mutex_unlock(&s->lock);
	return rc;
}

int stream_flush(struct stream *s)
{
	int rc;
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	if (buf_len(&s->down) > 0 || !s->has_begun)
		offer(s);
	while ((rc = trouble(s)) == 0 && s->is_offered)
		cond_wait(&s->moved, &s->lock);
	mutex_unlock(&s->lock);
	return rc;
}

/* Lets a loop that has paused read on. */
static void ask(struct stream *s) REQUIRES(s->lock)
{
	if (!s->is_paused)
		return;
	s->is_paused = false;
	post(s);
}

/* What is there already; 0 when nothing is. */
static size_t read_up(struct stream *s, char *to, size_t size) REQUIRES(s->lock)
{
	size_t n = buf_len(&s->up) < size ? buf_len(&s->up) : size;
	if (n == 0)
		return 0;
	memcpy(to, buf_head(&s->up), n);
	buf_drop(&s->up, n);
	if (buf_len(&s->up) <= s->up_max / 2 && !s->up_ended && s->up_error == 0)
		ask(s);
	return n;
}

ssize_t stream_read(struct stream *s, char *to, size_t size)
{
	ssize_t rc;
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	while ((rc = trouble(s)) == 0) {
		rc = (ssize_t)read_up(s, to, size);
		if (rc == 0)
			rc = s->up_error;
		if (rc != 0 || s->up_ended || size == 0)
			break;
		ask(s);
		cond_wait(&s->moved, &s->lock);
	}
	mutex_unlock(&s->lock);
	return rc;
}

bool stream_body_failed(struct stream *s)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	int error = s->up_error;
	mutex_unlock(&s->lock);
	return error != 0 && error != -ENOMEM;
}

bool stream_withdraw(struct stream *s)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	bool has_begun = s->has_begun;
	if (!has_begun) {
		s->is_offered = false;
		buf_done(&s->down);
	}
	mutex_unlock(&s->lock);
	return !has_begun;
}

/* ---- loop ---- */

bool stream_take(struct stream *s, bool all)
{
	must_be(s, STREAM_MAGIC);
	must(buf_len(&s->taken) == 0);
	mutex_lock(&s->lock);
	bool takes = s->is_offered || all;
	if (takes) {
		struct buf empty = s->taken;
		s->taken = s->down;
		s->down = empty;
		s->is_offered = false;
		s->has_begun = true;
		cond_signal(&s->moved);
	}
	mutex_unlock(&s->lock);
	return takes;
}

bool stream_wants_input(struct stream *s)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	bool wants = !s->is_paused;
	mutex_unlock(&s->lock);
	return wants;
}

int stream_feed(struct stream *s, const char *data, size_t len, bool is_end)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	int rc = buf_add(&s->up, data, len) < 0 ? -ENOMEM : 0;
	if (rc == 0) {
		s->up_ended = is_end;
		s->is_paused = buf_len(&s->up) >= s->up_max;
		rc = s->is_paused;
	}
	cond_signal(&s->moved);
	mutex_unlock(&s->lock);
	return rc;
}

void stream_fail_body(struct stream *s, int err)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	s->up_error = err;
	cond_signal(&s->moved);
	mutex_unlock(&s->lock);
}

void stream_fail(struct stream *s, int err)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	if (s->error == 0)
		s->error = err;
	cond_signal(&s->moved);
	mutex_unlock(&s->lock);
}

void stream_wake(struct stream *s)
{
	must_be(s, STREAM_MAGIC);
	mutex_lock(&s->lock);
	cond_signal(&s->moved);
	mutex_unlock(&s->lock);
}
