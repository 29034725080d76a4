/*
 * sd_notify(3), at its moments and by a timer of the main loop.
 *
 * Thread: main.
 */
#include "net/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/pulse.h"
#include "work/route.h"

enum { STATUS_SIZE = 160, STATUS_EVERY_S = 5 };

/* systemd gives up on a stop that shows no progress; each sign of life asks for
 * so much more. */
static const int64_t extension = 15 * NS_PER_S;

struct notify {
	struct loop *main_loop;
	struct loop *loops;
	int count;
	struct pools *pools;
	struct pulse *pulse;
	struct event *status_timer, *watchdog_timer; /* NULL: nobody listens */
	int64_t watchdog; /* ns within which a sign of life is wanted; 0: none */
	int64_t deadline; /* of the stop; 0: it does not stop */
	int64_t looked_at;
	uint64_t requests;
	char last[STATUS_SIZE];
	bool was_stalled;
};

/* ---- status ---- */

static uint64_t count_requests(const struct notify *n)
{
	uint64_t sum = 0;
	for (int i = 0; i < n->count; i++)
		sum += counted(&n->loops[i].tally.requests);
	return sum;
}

static void write_status(struct notify *n, char *to, size_t size)
{
	int64_t total = 0, borrowed = 0, waiting = 0, oldest = 0, now = clock_now();
	struct pool *p;
	char limit[24] = "inf", line[64] = "";
	for (size_t i = 0; (p = pools_at(n->pools, i)) != NULL; i++) {
		struct pool_stats s;
		pool_get_stats(p, &s);
		total = clock_add(total, s.total);
		borrowed += s.borrowed;
		waiting += s.waiting;
		oldest = s.oldest_wait > oldest ? s.oldest_wait : oldest;
	}
	if (total != LIMIT_INF)
		snprintf(limit, sizeof(limit), "%" PRId64, total);
	if (waiting > 0)
		snprintf(line, sizeof(line), " (oldest %lld ms)", (long long)(oldest / NS_PER_MS));
	uint64_t requests = count_requests(n);
	double seconds = (double)(now - n->looked_at) / NS_PER_S;
	double rate = n->looked_at && seconds > 0 ? (double)(requests - n->requests) / seconds : 0;
	n->looked_at = now;
	n->requests = requests;
	snprintf(to, size, "%s%" PRId64 "/%s tokens, %" PRId64 " waiting%s, %.0f req/s",
		 n->deadline ? "stopping: " : "", borrowed, limit, waiting, line, rate);
}

static void tell_status(struct notify *n)
{
	char text[STATUS_SIZE];
	write_status(n, text, sizeof(text));
	if (n->deadline && clock_now() < n->deadline)
		(void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%lld", (long long)extension / 1000);
	if (strcmp(text, n->last) == 0)
		return;
	memcpy(n->last, text, sizeof(text));
	(void)sd_notifyf(0, "STATUS=%s", text);
}

static void set_timer(struct event *timer, int64_t ns)
{
	struct timeval tv = { .tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / 1000 };
	if (event_add(timer, &tv) < 0)
		log_error("cannot set a timer for systemd: out of memory");
}

static void on_status(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;
	(void)fd;
	(void)what;
	tell_status(n);
	set_timer(n->status_timer, STATUS_EVERY_S * NS_PER_S);
}

/* ---- watchdog ---- */

/* Without a word systemd ends the daemon and starts it again: right when a loop
 * is held up for good, as its clients get no answer. */
static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct notify *n = arg;
	(void)fd;
	(void)what;
	int stalled = pulse_stalled(n->pulse, n->watchdog / 2);
	if (stalled < 0)
		(void)sd_notify(0, "WATCHDOG=1");
	else if (!n->was_stalled)
		log_error("I/O thread %d does not turn: an inline handler holds it up; systemd's "
			  "watchdog is not answered any more",
			  stalled);
	n->was_stalled = stalled >= 0;
	set_timer(n->watchdog_timer, n->watchdog / 4);
}

/* ---- moments ---- */

void notify_ready(struct notify *n)
{
	if (!n->status_timer)
		return;
	(void)sd_notify(0, "READY=1");
	tell_status(n);
}

void notify_reloading(struct notify *n)
{
	if (n->status_timer)
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
				 (long long)clock_now() / 1000);
	n->last[0] = '\0';
}

void notify_stopping(struct notify *n, int64_t deadline)
{
	if (!n->status_timer)
		return;
	n->deadline = deadline;
	(void)sd_notify(0, "STOPPING=1");
	tell_status(n);
}

struct notify *notify_start(struct loop *main_loop, struct loop *loops, int count,
			    struct pools *pools)
{
	struct notify *n = calloc(1, sizeof(*n));
	uint64_t us = 0;
	if (!n)
		return NULL;
	*n = (struct notify){
		.main_loop = main_loop, .loops = loops, .count = count, .pools = pools
	};
	if (!getenv("NOTIFY_SOCKET"))
		return n;
	n->pulse = pulse_new(loops, count);
	n->status_timer = event_new(main_loop->base, -1, 0, on_status, n);
	n->watchdog_timer = event_new(main_loop->base, -1, 0, on_watchdog, n);
	if (!n->pulse || !n->status_timer || !n->watchdog_timer) {
		notify_stop(&n);
		return NULL;
	}
	set_timer(n->status_timer, STATUS_EVERY_S * NS_PER_S);
	if (sd_watchdog_enabled(0, &us) > 0) {
		n->watchdog = (int64_t)us * 1000;
		set_timer(n->watchdog_timer, n->watchdog / 4);
	}
	return n;
}

void notify_stop(struct notify **notify)
{
	struct notify *n = *notify;
	if (!n)
		return;
	if (n->status_timer)
		event_free(n->status_timer);
	if (n->watchdog_timer)
		event_free(n->watchdog_timer);
	pulse_free(&n->pulse);
	free(n);
	*notify = NULL;
}
