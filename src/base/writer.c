/*
 * The turns of the log thread.
 *
 * Thread: its own; see writer.h.
 */
#include "base/writer.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sink.h"
#include "base/thread.h"

enum { LAST_MS = 1000, HANG_S = 4 };

/* What it does; who has lines to write asks whether it must be woken. */
enum sleep {
	AWAKE,   /* it will look by itself, or was told */
	WAITING, /* for the moment when lines are due, or a file */
	IDLE,    /* nothing is to be written */
};

static struct {
	struct sink *sinks[WRITER_SINKS_MAX]; /* constant while it runs */
	size_t count;
	int event;
	pthread_t thread;
	_Atomic int sleep;
	_Atomic bool runs;
	_Atomic bool stopping;
	_Atomic bool is_crashing;
	_Atomic bool is_at_work; /* on its sinks */
} writer = { .event = -1 };

void writer_add(struct sink *s)
{
	must(writer.count < WRITER_SINKS_MAX && !atomic_load(&writer.runs));
	writer.sinks[writer.count++] = s;
}

void writer_wake(void)
{
	uint64_t one = 1;
	if (!atomic_load(&writer.runs))
		return;
	atomic_store(&writer.sleep, AWAKE);
	ssize_t ignored = write(writer.event, &one, sizeof(one));
	(void)ignored; /* full: it will wake all the same */
}

void writer_tell(bool is_urgent)
{
	int sleep = atomic_load(&writer.sleep);
	if (sleep == IDLE || (sleep == WAITING && is_urgent))
		writer_wake();
}

/* Falls asleep only when a look after saying so finds nothing new: whoever puts
 * a line later sees that it sleeps. */
static bool may_sleep(bool is_idle)
{
	atomic_store(&writer.sleep, is_idle ? IDLE : WAITING);
	for (size_t i = 0; i < writer.count; i++) {
		if (sink_has_news(writer.sinks[i]))
			return false;
	}
	return true;
}

/* From a crash on the sinks are another thread's. */
static void begin_work(void)
{
	atomic_store(&writer.is_at_work, true);
	if (!atomic_load(&writer.is_crashing))
		return;
	atomic_store(&writer.is_at_work, false);
	for (;;)
		(void)poll(NULL, 0, -1);
}

static void end_work(void)
{
	atomic_store(&writer.is_at_work, false);
}

static void rest(int64_t until)
{
	struct pollfd fds[WRITER_SINKS_MAX + 1] = { { .fd = writer.event, .events = POLLIN } };
	nfds_t count = 1;
	int wait = -1;
	uint64_t ignored;
	for (size_t i = 0; i < writer.count; i++) {
		if (sink_is_blocked(writer.sinks[i]))
			fds[count++] =
				(struct pollfd){ .fd = writer.sinks[i]->fd, .events = POLLOUT };
	}
	if (until != CLOCK_NEVER) {
		int64_t left = until - clock_now();
		wait = left > 0 ? (int)((left + NS_PER_MS - 1) / NS_PER_MS) : 0;
	}
	bool sleeps = may_sleep(until == CLOCK_NEVER);
	end_work();
	if (sleeps && poll(fds, count, wait) > 0 && fds[0].revents) {
		ssize_t n = read(writer.event, &ignored, sizeof(ignored));
		(void)n;
	}
	atomic_store(&writer.sleep, AWAKE);
	begin_work();
}

static void *writer_main(void *arg)
{
	(void)arg;
	thread_set_kind(THREAD_LOG);
	thread_set_name("weir-log");
	begin_work();
	while (!atomic_load(&writer.stopping)) {
		int64_t next = CLOCK_NEVER, now = clock_now();
		for (size_t i = 0; i < writer.count; i++) {
			int64_t at = sink_turn(writer.sinks[i], now);
			next = at < next ? at : next;
		}
		rest(next);
	}
	/* The last is the error log: others may have something to say in it. */
	for (size_t i = 0; i < writer.count; i++) {
		sink_drain(writer.sinks[i], LAST_MS);
		sink_finish(writer.sinks[i]);
	}
	end_work();
	return NULL;
}

int writer_start(void)
{
	atomic_store(&writer.stopping, false);
	atomic_store(&writer.sleep, AWAKE);
	if (writer.event < 0)
		writer.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer.event < 0)
		return -errno;
	int rc = thread_start(&writer.thread, 0, writer_main, NULL);
	atomic_store(&writer.runs, rc == 0);
	return rc;
}

bool writer_stop(void)
{
	if (!atomic_load(&writer.runs))
		return true;
	atomic_store(&writer.stopping, true);
	writer_wake();
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HANG_S;
	if (pthread_timedjoin_np(writer.thread, NULL, &until) != 0)
		return false;
	/* Its event stays: handlers that are left behind may still log. */
	atomic_store(&writer.runs, false);
	writer.count = 0;
	return true;
}

void writer_last_words(void)
{
	struct timespec ms = { .tv_nsec = NS_PER_MS };
	bool is_first = !atomic_exchange(&writer.is_crashing, true);
	bool is_own = thread_kind() == THREAD_LOG;
	if (!atomic_load(&writer.runs) || !is_first)
		return;
	/* It may hang in a disk; then lines are lost. */
	for (int i = 0; i < LAST_MS / 4 && !is_own && atomic_load(&writer.is_at_work); i++)
		(void)nanosleep(&ms, NULL);
	if (is_own || atomic_load(&writer.is_at_work))
		return;
	for (size_t i = 0; i < writer.count; i++)
		sink_drain(writer.sinks[i], LAST_MS / 4);
}
