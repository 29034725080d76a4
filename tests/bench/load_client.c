/*
 * A client thread's loop.
 *
 * Thread: see load_client.h.
 */
#include "load_client.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVENTS = 512 };

#define DRAIN (5 * NS_PER_S)          /* without -g: waiting for answers behind the end */
#define LONGEST_SLEEP (NS_PER_S / 10) /* an interruption is noticed after that */

static atomic_bool is_interrupted;

void client_interrupt(void)
{
	atomic_store(&is_interrupted, true);
}

/* What falls to client `number` when `all` is divided among `threads`. */
static uint64_t share(uint64_t all, unsigned threads, unsigned number)
{
	return all / threads + (number < all % threads);
}

/* ---- arrivals ---- */

/* Evenly spread over 0 ... 1 (xorshift64*), never 0. */
static double random_share(struct client *client)
{
	uint64_t x = client->random;
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	client->random = x;
	return (double)((x * 0x2545F4914F6CDD1DU >> 11) + 1) / 9007199254740993.0;
}

/* Clients take turns when spread evenly; at random each has its part of the rate. */
static void next_arrival(struct client *client, bool is_first)
{
	const struct conf *conf = client->conf;
	if (conf->is_poisson)
		client->due += -log(random_share(client)) * conf->threads;
	else
		client->due += is_first ? client->number : conf->threads;
	client->next_due = clock_add(client->start, rates_moment(conf, client->due));
}

/* A free connection, a closed one, a new one, or NULL when all are busy. */
static struct conn *pick(struct client *client)
{
	struct conn *c = list_first(&client->idle, struct conn, link);
	if (!c)
		c = list_first(&client->unused, struct conn, link);
	if (!c && client->made < client->connections) {
		c = conn_new(client, client->made * client->conf->threads + client->number);
		client->conns[client->made++] = c;
	}
	if (c)
		list_remove(&c->link);
	return c;
}

static void arrive(struct client *client, int64_t now)
{
	struct counts *counts = &client->counts;
	count(&counts->offered, 1);
	count_max(&counts->late_us, (uint64_t)(now - client->next_due) / 1000);
	struct conn *c = pick(client);
	if (!c) {
		count(&counts->errors[ERROR_NO_CONNECTION], 1);
		client->left--;
		return;
	}
	c->next = client->turn;
	client->turn = (client->turn + 1) % (unsigned)client->conf->path_count;
	conn_give(c, 1, client->next_due, now);
}

/* True: there is nothing to be sent any more, not even what was due before the end. */
static bool is_over(const struct client *client, int64_t now)
{
	return client->left == 0 || (now >= client->end && client->next_due >= client->end);
}

static void send_due(struct client *client, int64_t now)
{
	while (client->next_due <= now && client->next_due < client->end && client->left) {
		arrive(client, now);
		next_arrival(client, false);
	}
}

/* ---- time ---- */

static int64_t patience(const struct client *client)
{
	const struct conf *conf = client->conf;
	return conf->give_up ? conf->give_up : conf->timeout;
}

static void expire(struct client *client, int64_t now)
{
	struct conn *c;
	while ((c = list_first(&client->waiting, struct conn, by_clock)) &&
	       c->clock + patience(client) <= now)
		conn_expire(c, now);
	while ((c = list_first(&client->paused, struct conn, link)) && c->wake <= now)
		conn_resume(c, now);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the loop has to go on even if nothing happens. */
static int64_t next_moment(const struct client *client, int64_t now)
{
	int64_t at = now + LONGEST_SLEEP;
	struct conn *c = list_first(&client->waiting, struct conn, by_clock);
	if (c)
		at = earlier(at, c->clock + patience(client));
	c = list_first(&client->paused, struct conn, link);
	if (c)
		at = earlier(at, c->wake);
	if (is_over(client, now))
		return at;
	return earlier(earlier(at, client->end), client->next_due);
}

static bool is_done(const struct client *client, int64_t now)
{
	int64_t drain = client->conf->give_up ? CLOCK_NEVER : DRAIN;
	if (client->flying == 0)
		return is_over(client, now);
	return atomic_load_explicit(&is_interrupted, memory_order_relaxed) ||
	       now >= clock_add(client->end, drain);
}

/* ---- the loop ---- */

static void turn(struct client *client, int64_t now)
{
	struct epoll_event events[EVENTS];
	int64_t sleep = next_moment(client, now) - now;
	struct timespec timeout = clock_timespec(sleep > 0 ? sleep : 0);
	int n = epoll_pwait2(client->epoll, events, EVENTS, &timeout, NULL);
	if (n < 0 && errno != EINTR)
		fatal("epoll_pwait2: %s", strerror(errno));
	for (int i = 0; i < n; i++)
		conn_on_event(events[i].data.ptr, events[i].events, clock_now());
}

static void sleep_until(int64_t when)
{
	struct timespec at = clock_timespec(when);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void start_closed_loop(struct client *client)
{
	for (unsigned i = 0; i < client->connections; i++) {
		client->conns[i] = conn_new(client, i * client->conf->threads + client->number);
		client->made++;
		conn_fill(client->conns[i], clock_now());
	}
}

void client_run(struct client *client)
{
	bool is_open = client->conf->rate_count > 0;
	sleep_until(client->start);
	if (is_open)
		next_arrival(client, true);
	else
		start_closed_loop(client);
	for (int64_t now = clock_now(); !is_done(client, now); now = clock_now()) {
		if (atomic_load_explicit(&is_interrupted, memory_order_relaxed))
			client->end = now;
		if (is_open)
			send_due(client, now);
		turn(client, now);
		expire(client, clock_now());
	}
	count(&client->counts.unfinished, client->flying);
}

void client_init(struct client *client, unsigned number, const struct conf *conf,
		 const struct requests *requests, _Atomic(struct sample *) *samples)
{
	*client = (struct client){
		.conf = conf,
		.requests = requests,
		.samples = samples,
		.number = number,
		.connections = (unsigned)share(conf->connections, conf->threads, number),
		.left = conf->total == UINT64_MAX ? UINT64_MAX / 2
						  : share(conf->total, conf->threads, number),
		.next_due = CLOCK_NEVER,
		.random = (conf->seed + number) * 0x9E3779B97F4A7C15U | 1,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.buf = malloc(READ_SIZE),
		.conns = calloc(conf->connections + 1, sizeof(struct conn *)),
	};
	if (client->epoll < 0)
		fatal("epoll_create1: %s", strerror(errno));
	if (!client->buf || !client->conns)
		fatal("out of memory");
	list_init(&client->waiting);
	list_init(&client->paused);
	list_init(&client->idle);
	list_init(&client->unused);
}

void client_done(struct client *client)
{
	for (unsigned i = 0; i < client->made; i++)
		conn_free(client->conns[i]);
	close(client->epoll);
	free(client->conns);
	free(client->buf);
}
