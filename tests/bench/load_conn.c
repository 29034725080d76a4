/*
 * A connection's life: given requests, connecting, writing, reading, failing.
 *
 * Thread: the client's.
 */
#include "load_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "load_sock.h"

struct conn *conn_new(struct client *client, unsigned number)
{
	size_t ring = client->conf->pipeline * sizeof(int64_t);
	struct conn *c = calloc(1, sizeof(*c) + ring);
	if (!c)
		fatal("out of memory for connections");
	c->client = client;
	c->number = number;
	c->fd = -1;
	/* Each begins with another path. */
	c->next = number % (unsigned)client->conf->path_count;
	list_init(&c->by_clock);
	list_init(&c->link);
	return c;
}

void conn_free(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->kept);
	free(c->body);
	free(c);
}

static bool is_open_loop(const struct conn *c)
{
	return c->client->conf->rate_count > 0;
}

static void await_from(struct conn *c, int64_t clock)
{
	c->clock = clock;
	list_remove(&c->by_clock);
	list_add_last(&c->client->waiting, &c->by_clock);
}

static void answer_begin(struct conn *c)
{
	answer_init(&c->answer, strcmp(c->client->conf->method, "HEAD") == 0);
	c->body_len = 0;
}

static void conn_close(struct conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = CONN_CLOSED;
	c->out_left = c->kept_len = 0;
	c->write_failed = false;
	list_remove(&c->by_clock);
	list_remove(&c->link);
}

static void pause_for_a_while(struct conn *c, int64_t now)
{
	c->wake = now + CONN_PAUSE;
	list_add_last(&c->client->paused, &c->link);
}

/* Requests that get no answer any more. */
static void drop_flying(struct conn *c, _Atomic uint64_t *counter, int64_t now)
{
	struct client *client = c->client;
	if (c->flying)
		count_max(&client->counts.last_ns, (uint64_t)(now - client->start));
	count(counter, c->flying);
	client->flying -= c->flying;
	c->flying = 0;
}

/* After conn_close() with nothing under way. */
static void go_on(struct conn *c, bool failed, int64_t now)
{
	if (is_open_loop(c))
		list_add_last(&c->client->unused, &c->link);
	else if (failed)
		pause_for_a_while(c, now); /* at once again would be a busy loop of errors */
	else
		conn_fill(c, now);
}

static void fail(struct conn *c, enum load_error error, int64_t now)
{
	drop_flying(c, &c->client->counts.errors[error], now);
	conn_close(c);
	go_on(c, true, now);
}

/* ---- sending ---- */

static void flush(struct conn *c)
{
	while (c->out_left) {
		ssize_t n = send(c->fd, c->out, c->out_left, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			/* The server may have answered before it closed. */
			c->write_failed = true;
			return;
		}
		c->out += n;
		c->out_left -= (size_t)n;
	}
}

static void connect_it(struct conn *c, int64_t now)
{
	answer_begin(c);
	int fd = sock_connect(c->client->conf, c->number, 0);
	if (fd == -EAGAIN) {
		/* The requests it was given stay with it, and so does their clock. */
		pause_for_a_while(c, now);
		return;
	}
	if (fd < 0) {
		fail(c, ERROR_CONNECT, now);
		return;
	}
	c->fd = fd;
	c->state = CONN_CONNECTING;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.ptr = c };
	if (epoll_ctl(c->client->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
		fatal("epoll_ctl: %s", strerror(errno));
}

void conn_give(struct conn *c, unsigned n, int64_t since, int64_t now)
{
	struct client *client = c->client;
	const struct conf *conf = client->conf;
	const size_t *offset = client->requests->offset;
	if (c->flying == 0) {
		c->oldest = c->next;
		await_from(c, since);
	}
	c->out = client->requests->bytes + offset[c->next];
	c->out_left = offset[c->next + n] - offset[c->next];
	c->next = (c->next + n) % (unsigned)conf->path_count;
	for (unsigned i = 0; i < n; i++)
		c->since[(c->since_at + c->flying + i) % conf->pipeline] = since;
	c->flying += n;
	client->flying += n;
	client->left -= n;
	if (c->state == CONN_CLOSED)
		connect_it(c, now);
	else
		flush(c);
}

void conn_fill(struct conn *c, int64_t now)
{
	struct client *client = c->client;
	uint64_t n = client->conf->pipeline - c->flying;
	if (n > client->left)
		n = client->left;
	if (n == 0 || c->out_left || now >= client->end)
		return;
	count(&client->counts.offered, n);
	conn_give(c, (unsigned)n, now, now);
}

/* ---- bodies ---- */

static bool is_good(const struct conf *conf, int status)
{
	return conf->expected_status ? status == conf->expected_status : status / 100 == 2;
}

static void body_begin(struct conn *c)
{
	const struct conf *conf = c->client->conf;
	c->body_len = 0;
	c->differs = false;
	c->checks = !conf->takes_any_body && is_good(conf, c->answer.status);
	c->sample = c->checks ? atomic_load(&c->client->samples[c->oldest]) : NULL;
}

static void collect(struct conn *c, struct answer_piece piece)
{
	if (c->body_len + piece.len > COLLECT_MAX)
		fatal("the answer of %s is larger than can be compared: -x takes it as it is",
		      c->client->conf->paths[c->oldest]);
	if (c->body_len + piece.len > c->body_have) {
		c->body_have = 2 * (c->body_len + piece.len);
		c->body = realloc(c->body, c->body_have);
		if (!c->body)
			fatal("out of memory for an answer");
	}
	memcpy(c->body + c->body_len, piece.data, piece.len);
}

static void body_piece(struct conn *c, struct answer_piece piece)
{
	const struct sample *s = c->sample;
	if (!c->checks)
		return;
	if (!s)
		collect(c, piece);
	else if (piece.len > s->len - (c->body_len < s->len ? c->body_len : s->len) ||
		 memcmp(s->bytes + c->body_len, piece.data, piece.len) != 0)
		c->differs = true;
	c->body_len += piece.len;
}

/* The first good body of a path becomes what others are compared with. */
static void publish(struct conn *c)
{
	struct sample *mine = malloc(sizeof(*mine) + c->body_len), *other = NULL;
	if (!mine)
		fatal("out of memory for an answer");
	mine->len = c->body_len;
	if (c->body_len)
		memcpy(mine->bytes, c->body, c->body_len);
	free(c->body);
	c->body = NULL;
	c->body_have = 0;
	if (atomic_compare_exchange_strong(&c->client->samples[c->oldest], &other, mine))
		return;
	c->differs = mine->len != other->len || memcmp(mine->bytes, other->bytes, mine->len) != 0;
	free(mine);
}

static void body_end(struct conn *c)
{
	if (!c->checks)
		return;
	if (!c->sample)
		publish(c);
	else if (c->body_len != c->sample->len)
		c->differs = true;
	if (c->differs)
		count(&c->client->counts.errors[ERROR_WRONG_BODY], 1);
}

/* ---- answers ---- */

static void count_answer(struct conn *c, int64_t now)
{
	struct client *client = c->client;
	struct counts *counts = &client->counts;
	int64_t took = now - c->since[c->since_at];
	count(&counts->answered, 1);
	count(&counts->status[c->answer.status], 1);
	count_max(&counts->last_ns, (uint64_t)(now - client->start));
	if (is_good(client->conf, c->answer.status)) {
		count(&counts->good, 1);
		hist_add(counts, (uint64_t)took / 1000);
	} else if (client->conf->expected_status) {
		count(&counts->errors[ERROR_WRONG_STATUS], 1);
	}
	body_end(c);
}

/* A whole answer is there. False: the connection is not what it was, stop reading. */
static bool answered(struct conn *c, int64_t now)
{
	struct client *client = c->client;
	count_answer(c, now);
	c->oldest = (c->oldest + 1) % (unsigned)client->conf->path_count;
	c->since_at = (c->since_at + 1) % client->conf->pipeline;
	c->flying--;
	client->flying--;
	/* Answered before the request was sent whole: the rest of it is not wanted any more. */
	if (!c->answer.keeps || (c->flying == 0 && c->out_left)) {
		c->next = c->oldest;
		client->left += c->flying;
		drop_flying(c, &client->counts.resent, now);
		conn_close(c);
		go_on(c, false, now);
		return false;
	}
	answer_begin(c);
	list_remove(&c->by_clock);
	if (c->flying)
		await_from(c, now);
	return true;
}

/* What waits for its rest, at the front of the next read. */
static bool keep(struct conn *c, const char *data, size_t len)
{
	c->kept_len = len;
	if (len == 0)
		return true;
	if (len > KEPT_MAX)
		return false;
	if (!c->kept)
		c->kept = malloc(KEPT_MAX);
	if (!c->kept)
		fatal("out of memory for answers");
	memcpy(c->kept, data, len);
	return true;
}

/* False: the connection is not what it was, stop reading. */
static bool eat(struct conn *c, const char *data, size_t len, int64_t now)
{
	while (len > 0) {
		struct answer_piece piece;
		bool was_head = c->answer.state == ANSWER_HEAD;
		/* Bytes nobody asked for end an idle connection. */
		ssize_t n = c->flying ? answer_eat(&c->answer, data, len, &piece) : -1;
		if (n == 0)
			break;
		if (n < 0) {
			fail(c, ERROR_BAD_ANSWER, now);
			return false;
		}
		if (was_head && c->answer.state != ANSWER_HEAD)
			body_begin(c);
		if (piece.len)
			body_piece(c, piece);
		data += n;
		len -= (size_t)n;
		if (c->answer.state == ANSWER_DONE && !answered(c, now))
			return false;
	}
	if (keep(c, data, len))
		return true;
	fail(c, ERROR_BAD_ANSWER, now);
	return false;
}

static void ended(struct conn *c, bool by_error, int64_t now)
{
	if (!by_error && c->flying && answer_ends_here(&c->answer))
		answered(c, now);
	else if (c->write_failed)
		fail(c, ERROR_WRITE, now);
	else
		fail(c, by_error ? ERROR_READ : ERROR_CLOSED, now);
}

/* A short read has emptied the socket, unless its end was announced: that is told only once. */
static void receive(struct conn *c, bool to_the_end, int64_t now)
{
	struct client *client = c->client;
	size_t kept, room;
	ssize_t n;
	do {
		kept = c->kept_len;
		room = READ_SIZE - kept;
		if (kept)
			memcpy(client->buf, c->kept, kept);
		n = recv(c->fd, client->buf + kept, room, 0);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ended(c, n < 0, now);
			return;
		}
		count(&client->counts.bytes, (uint64_t)n);
		if (!eat(c, client->buf, kept + (size_t)n, now))
			return;
	} while (n < 0 || (size_t)n == room || to_the_end);
	if (!is_open_loop(c))
		conn_fill(c, now);
	else if (c->flying == 0 && list_is_empty(&c->link))
		list_add_first(&client->idle, &c->link);
}

/* ---- what happens to it ---- */

static void connected(struct conn *c, int64_t now)
{
	int rc = sock_finish(c->client->conf, c->fd);
	if (rc < 0) {
		fail(c, ERROR_CONNECT, now);
		return;
	}
	c->state = CONN_OPEN;
	count(&c->client->counts.connections, 1);
	if (!is_open_loop(c)) {
		/* A closed loop measures answers, not connecting. */
		for (unsigned i = 0; i < c->flying; i++)
			c->since[(c->since_at + i) % c->client->conf->pipeline] = now;
		await_from(c, now);
	}
	flush(c);
}

void conn_on_event(struct conn *c, uint32_t events, int64_t now)
{
	if (c->state == CONN_CONNECTING) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			connected(c, now);
		if (c->state != CONN_OPEN)
			return;
	} else if (events & EPOLLOUT && !c->write_failed) {
		flush(c);
	}
	bool to_the_end = events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP);
	if (c->write_failed || to_the_end || events & EPOLLIN)
		receive(c, to_the_end, now);
}

void conn_expire(struct conn *c, int64_t now)
{
	struct counts *counts = &c->client->counts;
	bool gives_up = c->client->conf->give_up > 0;
	drop_flying(c, gives_up ? &counts->given_up : &counts->errors[ERROR_TIMEOUT], now);
	conn_close(c);
	go_on(c, false, now);
}

void conn_resume(struct conn *c, int64_t now)
{
	list_remove(&c->link);
	if (c->flying)
		connect_it(c, now);
	else
		conn_fill(c, now);
}
