/*
 * Idle and slow connections.
 *
 * Thread: its own; main while they are opened and after it was stopped.
 */
#include "load_hold.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "load_answer.h"
#include "load_sock.h"

enum {
	AT_ONCE = 256, /* connecting at the same time: the server's backlog is not the matter */
	EVENTS = 256,
	TICK_MS = 100,
	TICKS = 10,          /* a second: each tick has a tenth of the slow ones */
	SLOW_BODY = 1 << 20, /* announced, never to be finished */
	SMALL_BUFFER = 4096, /* so that a slow reader's server feels it */
};

enum held_state {
	HELD_CLOSED,     /* not opened yet, or over */
	HELD_CONNECTING, /* waits for its socket to be writable */
	HELD_ASKING,     /* idle ones: waits for its one answer */
	HELD,            /* as it is meant to be */
};

struct held {
	enum hold_kind kind;
	enum held_state state;
	int fd;
	int64_t since;
	size_t sent;
	struct answer answer;
};

struct hold {
	const struct conf *conf;
	struct held *all;
	unsigned count, opened, busy; /* busy: connecting or asking */
	int epoll;
	unsigned tick;
	int64_t next_tick;
	char *text[HOLD_KINDS]; /* what each sends, at once or slowly */
	struct hold_result results[HOLD_KINDS];
	pthread_t thread;
	atomic_bool is_stopping;
};

const char *hold_name(enum hold_kind kind)
{
	static const char *const NAMES[] = { "idle", "slow_head", "slow_body", "slow_read" };
	return NAMES[kind];
}

/* ---- the end of one ---- */

static void settle(struct hold *h, struct held *c, enum held_state state)
{
	if (c->state == HELD_CONNECTING || c->state == HELD_ASKING)
		h->busy--;
	c->state = state;
	if (state == HELD)
		c->since = clock_now();
}

static void closed(struct hold *h, struct held *c)
{
	struct hold_result *r = &h->results[c->kind];
	double seconds = (double)(clock_now() - c->since) / 1e9;
	settle(h, c, HELD_CLOSED);
	close(c->fd);
	c->fd = -1;
	if (r->closed == 0 || seconds < r->first_closed)
		r->first_closed = seconds;
	if (seconds > r->last_closed)
		r->last_closed = seconds;
	r->closed++;
}

/* ---- what each does ---- */

/* The next `n` bytes of its text. */
static void send_some(struct hold *h, struct held *c, size_t n)
{
	const char *text = h->text[c->kind];
	size_t len = strlen(text);
	/* A slow one never ends: it repeats its last byte. */
	const char *from = c->sent < len ? text + c->sent : text + len - 1;
	ssize_t sent = send(c->fd, from, n, MSG_NOSIGNAL);
	if (sent > 0)
		c->sent += (size_t)sent;
	else if (sent < 0 && errno != EAGAIN && errno != EINTR)
		closed(h, c);
}

static void held_connected(struct hold *h, struct held *c)
{
	int rc = sock_finish(h->conf, c->fd);
	if (rc < 0)
		fatal("%s connection %u: %s", hold_name(c->kind), (unsigned)(c - h->all) + 1,
		      strerror(-rc));
	h->results[c->kind].opened++;
	settle(h, c, HELD);
	const char *text = h->text[c->kind];
	if (c->kind == HOLD_IDLE) {
		c->state = HELD_ASKING;
		h->busy++;
	}
	size_t at_once = strlen(text);
	if (c->kind == HOLD_SLOW_HEAD)
		at_once = 1; /* so that a request has begun */
	else if (c->kind == HOLD_SLOW_BODY)
		at_once = (size_t)(strstr(text, "\r\n\r\n") + 4 - text);
	send_some(h, c, at_once);
}

/* The first answer of an idle one: peeked at, taken when it can be parsed. */
static void take_answer(struct hold *h, struct held *c)
{
	char data[16 * 1024];
	ssize_t n;
	while ((n = recv(c->fd, data, sizeof(data), MSG_PEEK)) > 0) {
		ssize_t taken = 0, step = 1;
		while (step > 0 && taken < n && c->answer.state != ANSWER_DONE) {
			struct answer_piece piece;
			step = answer_eat(&c->answer, data + taken, (size_t)(n - taken), &piece);
			taken += step > 0 ? step : 0;
		}
		if (step < 0)
			fatal("idle connection: the answer is not HTTP");
		if (taken > 0)
			taken = recv(c->fd, data, (size_t)taken, 0);
		if (c->answer.state == ANSWER_DONE) {
			settle(h, c, HELD);
			return;
		}
		if (taken <= 0)
			return;
	}
	if (n == 0 || errno != EAGAIN)
		closed(h, c);
}

/* What comes to one that expects nothing: an error answer, an end. */
static void take_rest(struct hold *h, struct held *c)
{
	char data[4096];
	struct hold_result *r = &h->results[c->kind];
	ssize_t n;
	while ((n = recv(c->fd, data, sizeof(data), 0)) > 0) {
		struct answer a;
		struct answer_piece piece;
		answer_init(&a, false);
		if (answer_eat(&a, data, (size_t)n, &piece) > 0) {
			r->answered++;
			r->status[a.status]++;
		}
	}
	if (n == 0 || errno != EAGAIN)
		closed(h, c);
}

static void on_event(struct hold *h, struct held *c, uint32_t events)
{
	if (c->state == HELD_CONNECTING) {
		held_connected(h, c);
		return;
	}
	if (c->state == HELD_ASKING) {
		take_answer(h, c);
		/* Also the end that came with it. */
		if (c->state != HELD || !(events & EPOLLRDHUP))
			return;
	}
	if (c->state != HELD)
		return;
	if (c->kind != HOLD_SLOW_READ)
		take_rest(h, c);
	else if (events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP))
		closed(h, c);
}

static void slow_step(struct hold *h, struct held *c)
{
	char byte;
	if (c->kind != HOLD_SLOW_READ)
		send_some(h, c, 1);
	else if (recv(c->fd, &byte, 1, 0) == 0)
		closed(h, c);
}

static void slow_steps(struct hold *h)
{
	for (unsigned i = h->tick % TICKS; i < h->count; i += TICKS) {
		if (h->all[i].state == HELD && h->all[i].kind != HOLD_IDLE)
			slow_step(h, &h->all[i]);
	}
	h->tick++;
}

/* ---- opening, running ---- */

static void wait_events(struct hold *h, int timeout)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(h->epoll, events, EVENTS, timeout);
	if (n < 0 && errno != EINTR)
		fatal("epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		on_event(h, events[i].data.ptr, events[i].events);
	if (clock_now() < h->next_tick)
		return;
	h->next_tick = clock_now() + TICK_MS * NS_PER_MS;
	slow_steps(h);
}

/* False: the server's line is full, later. */
static bool open_one(struct hold *h, struct held *c, unsigned number)
{
	int rc = sock_connect(h->conf, number, c->kind == HOLD_SLOW_READ ? SMALL_BUFFER : 0);
	if (rc == -EAGAIN)
		return false;
	if (rc < 0)
		fatal("%s connection %u: %s", hold_name(c->kind), number + 1, strerror(-rc));
	c->fd = rc;
	c->state = HELD_CONNECTING;
	c->since = clock_now();
	h->busy++;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
				  .data.ptr = c };
	if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		fatal("epoll_ctl: %s", strerror(errno));
	return true;
}

static void open_all(struct hold *h)
{
	int64_t end = clock_now() + h->conf->timeout;
	while (h->opened < h->count || h->busy) {
		while (h->opened < h->count && h->busy < AT_ONCE &&
		       open_one(h, &h->all[h->opened], h->opened))
			h->opened++;
		wait_events(h, 10);
		if (clock_now() > end)
			fatal("only %u of %u connections could be opened in time (--timeout)",
			      h->opened - h->busy, h->count);
	}
}

static void *hold_run(void *arg)
{
	struct hold *h = arg;
	while (!atomic_load(&h->is_stopping))
		wait_events(h, TICK_MS / 2);
	return NULL;
}

/* The text that connections of each kind send. */
static void make_texts(struct hold *h)
{
	static const char *const ENDS[] = {
		[HOLD_IDLE] = "\r\n",
		[HOLD_SLOW_HEAD] = "X-Slow: ",
		[HOLD_SLOW_BODY] = "Content-Length: 1048576\r\n\r\n",
		[HOLD_SLOW_READ] = "\r\n",
	};
	for (int i = 0; i < HOLD_KINDS; i++) {
		const char *method = i == HOLD_SLOW_BODY ? "POST" : "GET";
		char *head = request_head(h->conf, method, h->conf->paths[0]);
		if (asprintf(&h->text[i], "%s%s%s", head, ENDS[i],
			     i == HOLD_SLOW_HEAD || i == HOLD_SLOW_BODY ? "a" : "") < 0)
			fatal("out of memory");
		free(head);
	}
}

struct hold *hold_start(const struct conf *conf)
{
	struct hold *h = calloc(1, sizeof(*h));
	if (!h)
		fatal("out of memory");
	h->conf = conf;
	for (int i = 0; i < HOLD_KINDS; i++)
		h->count += conf->hold[i];
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	h->all = calloc(h->count + 1, sizeof(*h->all));
	if (!h->all || h->epoll < 0)
		fatal("cannot hold connections: %s", strerror(errno));
	unsigned at = 0;
	for (int kind = 0; kind < HOLD_KINDS; kind++)
		for (unsigned i = 0; i < conf->hold[kind]; i++)
			h->all[at++] = (struct held){ .kind = (enum hold_kind)kind, .fd = -1 };
	make_texts(h);
	open_all(h);
	int rc = pthread_create(&h->thread, NULL, hold_run, h);
	if (rc != 0)
		fatal("cannot start a thread: %s", strerror(rc));
	return h;
}

void hold_stop(struct hold **h_at, struct hold_result *ret_results)
{
	struct hold *h = *h_at;
	atomic_store(&h->is_stopping, true);
	pthread_join(h->thread, NULL);
	memcpy(ret_results, h->results, sizeof(h->results));
	for (unsigned i = 0; i < h->count; i++) {
		if (h->all[i].fd >= 0)
			close(h->all[i].fd);
	}
	for (int i = 0; i < HOLD_KINDS; i++)
		free(h->text[i]);
	close(h->epoll);
	free(h->all);
	free(h);
	*h_at = NULL;
}
