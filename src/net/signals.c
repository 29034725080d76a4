/*
 * Signals read from a descriptor: none is handled between two instructions of
 * something else, and none is lost while nobody waits.
 *
 * Thread: main.
 */
#include "net/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "net/loop.h"

static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

struct signals {
	const struct signal_actions *actions;
	void *ctx;
	struct loop *loop;
	int fd;
	struct event *event;
	struct event *deadline;
	void (*on_deadline)(void *ctx);
};

static void drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

/* Not blocked any more, both do again what they do to any process: a second one
 * ends it at once. */
static void let_kill(void)
{
	sigset_t both;
	sigemptyset(&both);
	sigaddset(&both, SIGTERM);
	sigaddset(&both, SIGINT);
	must_pt(pthread_sigmask(SIG_UNBLOCK, &both, NULL));
}

static void on_signal(struct signals *s, int number)
{
	if (number == SIGHUP) {
		s->actions->reload(s->ctx);
	} else if (number == SIGUSR1) {
		s->actions->reopen(s->ctx);
	} else {
		let_kill();
		s->actions->stop(s->ctx);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct signals *s = arg;
	struct signalfd_siginfo info;
	(void)what;
	s->loop->now = clock_now();
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		on_signal(s, (int)info.ssi_signo);
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
	sigset_t all;
	if (!s)
		return NULL;
	s->actions = actions;
	s->ctx = ctx;
	s->loop = loop;
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&all);
	for (size_t i = 0; i < array_len(handled); i++)
		sigaddset(&all, handled[i]);
	must_pt(pthread_sigmask(SIG_BLOCK, &all, NULL));
	s->fd = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->fd >= 0) {
		s->deadline = event_new(loop->base, -1, 0, on_timeout, s);
		s->event = event_new(loop->base, s->fd, EV_READ | EV_PERSIST, on_readable, s);
	}
	if (!s->deadline || !s->event || event_add(s->event, NULL) < 0) {
		log_error("cannot wait for signals: %s", s->fd < 0 ? strerror(errno) : "no memory");
		signals_stop(&s);
	}
	return s;
}

/* They stay blocked: one that comes now is too late, and must not kill what is
 * about to end well. */
void signals_stop(struct signals **signals)
{
	struct signals *s = *signals;
	if (!s)
		return;
	drop(&s->event);
	drop(&s->deadline);
	if (s->fd >= 0)
		close(s->fd);
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
