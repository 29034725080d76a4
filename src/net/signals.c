/*
 * Signals through libevent.
 *
 * Thread: main.
 */
#include "net/signals.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "net/loop.h"

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

struct signals {
	const struct signal_actions *actions;
	void *ctx;
	struct loop *loop;
	struct event *events[array_len(handled)];
	struct event *deadline;
	void (*on_deadline)(void *ctx);
};

static void drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct signals *s = arg;
	(void)what;
	s->loop->now = clock_now();
	if (number == SIGHUP) {
		s->actions->reload(s->ctx);
	} else if (number == SIGUSR1) {
		s->actions->reopen(s->ctx);
	} else {
		/* Without their events both signals do again what they do to any
		 * process: a second one ends it at once. */
		drop(&s->events[0]);
		drop(&s->events[1]);
		s->actions->stop(s->ctx);
	}
}

static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct signals *s = arg;
	(void)fd;
	(void)what;
	s->on_deadline(s->ctx);
}

struct signals *signals_start(struct loop *loop, const struct signal_actions *actions, void *ctx)
{
	struct signals *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->actions = actions;
	s->ctx = ctx;
	s->loop = loop;
	signal(SIGPIPE, SIG_IGN);
	bool good = (s->deadline = event_new(loop->base, -1, 0, on_timeout, s)) != NULL;
	for (size_t i = 0; good && i < array_len(handled); i++) {
		s->events[i] = evsignal_new(loop->base, handled[i], on_signal, s);
		good = s->events[i] && event_add(s->events[i], NULL) == 0;
	}
	if (!good)
		signals_stop(&s);
	return s;
}

void signals_stop(struct signals **signals)
{
	struct signals *s = *signals;
	if (!s)
		return;
	for (size_t i = 0; i < array_len(handled); i++)
		drop(&s->events[i]);
	drop(&s->deadline);
	free(s);
	*signals = NULL;
}

void signals_set_deadline(struct signals *s, int64_t ms, void (*fn)(void *ctx))
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	s->on_deadline = fn;
	if (ms != INT64_MAX && event_add(s->deadline, &tv) < 0)
		log_error("cannot set the deadline of stopping");
}
