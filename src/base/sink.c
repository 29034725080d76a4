/*
 * From rings to a file.
 *
 * Thread: stated in sink.h.
 */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/writer.h"

enum { ROUNDS_MAX = 32 }; /* of one turn: other logs want theirs */

static const int64_t quiet_time = NS_PER_S / 2; /* without a loss, and it is over */

#define OPEN_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

void sink_init(struct sink *s, const char *name, struct ring *rings, size_t count, int64_t delay)
{
	s->name = name;
	s->rings = rings;
	s->ring_count = count;
	s->delay = delay;
	atomic_init(&s->next_fd, SINK_KEEP);
	s->fd = -1;
	s->due = CLOCK_NEVER;
}

/* ---- the file ---- */

/* A pipe or terminal is opened anew, so that not to block is the log's own
 * property and not that of everyone who shares stderr. A file would get a
 * second offset that way, and a socket cannot be opened. */
static int open_stderr(void)
{
	struct stat st;
	bool is_shared =
		fstat(STDERR_FILENO, &st) < 0 || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode);
	int fd = is_shared ? -1
			   : open("/proc/self/fd/2", (OPEN_FLAGS & ~O_NOFOLLOW) & ~O_CREAT, 0640);
	return fd < 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3) : fd;
}

int sink_open(const char *name, int *ret_fd)
{
	int fd = strcmp(name, "stderr") == 0 ? open_stderr() : open(name, OPEN_FLAGS, 0640);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

void sink_switch(struct sink *s, int fd)
{
	int before = atomic_exchange(&s->next_fd, fd);
	if (before >= 0)
		close(before);
	writer_wake();
}

static void learn(struct sink *s)
{
	struct stat st;
	bool known = fstat(s->fd, &st) == 0;
	s->is_socket = known && S_ISSOCK(st.st_mode);
	s->is_asked = known && !s->is_socket && !S_ISREG(st.st_mode) &&
		      !(fcntl(s->fd, F_GETFL) & O_NONBLOCK);
}

static ssize_t write_some(struct sink *s, const char *data, size_t len)
{
	if (s->is_socket)
		return send(s->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (s->is_asked) {
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };
		if (poll(&p, 1, 0) <= 0) {
			errno = EAGAIN;
			return -1;
		}
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	return write(s->fd, data, len);
}

/* ---- losing ---- */

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t lines = 0;
	for (const char *end = data + len; (data = memchr(data, '\n', (size_t)(end - data)));) {
		data++;
		lines++;
	}
	return lines;
}

static void drop_out(struct sink *s)
{
	s->is_torn |= s->out_at > 0 && s->out[s->out_at - 1] != '\n';
	atomic_fetch_add(&s->lost, count_lines(s->out + s->out_at, s->out_len - s->out_at));
	s->out_at = s->out_len = 0;
}

static void say_lost(const struct sink *s)
{
	log_notice("%s: is written again; %llu lines were lost", s->name,
		   (unsigned long long)(s->lost_seen - s->lost_before));
}

/* When to look again whether it is over. */
static int64_t report(struct sink *s, int64_t now)
{
	uint64_t lost = atomic_load(&s->lost);
	bool is_good = s->err == 0 && s->fd >= 0;
	if (lost != s->lost_seen) {
		if (!s->is_losing) {
			s->is_losing = true;
			s->lost_before = s->lost_seen;
			if (!s->is_silent)
				log_error("%s: lines are lost: %s", s->name,
					  s->err && s->err != EAGAIN
						  ? strerror(s->err)
						  : "it does not take them fast enough");
		}
		s->lost_seen = lost;
		s->over_at = clock_add(now, quiet_time);
	} else if (s->is_losing && is_good && now >= s->over_at) {
		s->is_losing = false;
		atomic_store(&s->has_lost, false);
		say_lost(s);
	}
	return s->is_losing && is_good ? s->over_at : CLOCK_NEVER;
}

/* ---- lines in ---- */

void sink_put(struct sink *s, struct ring *r, const char *line, size_t len)
{
	if (ring_put(r, line, len))
		return;
	atomic_fetch_add(&s->lost, 1);
	if (!atomic_exchange(&s->has_lost, true))
		writer_wake();
}

static bool ring_is_urgent(const struct sink *s, const struct ring *r)
{
	return s->delay == 0 || ring_len(r) > r->size / 4;
}

void sink_tell(struct sink *s, const struct ring *r)
{
	if (!atomic_load(&s->is_stuck))
		writer_tell(ring_is_urgent(s, r));
}

static bool is_empty(const struct sink *s)
{
	for (size_t i = 0; i < s->ring_count; i++) {
		if (ring_len(&s->rings[i]) > 0)
			return false;
	}
	return true;
}

static bool is_urgent(const struct sink *s)
{
	if (atomic_load(&s->is_stuck))
		return false;
	for (size_t i = 0; i < s->ring_count; i++) {
		if (ring_len(&s->rings[i]) > 0 && ring_is_urgent(s, &s->rings[i]))
			return true;
	}
	return false;
}

/* ---- lines out ---- */

/* False: the file takes no more. What it cannot take at all is lost. */
static bool flush_out(struct sink *s)
{
	while (s->out_at < s->out_len) {
		if (s->fd < 0)
			break; /* nobody wants them any more */
		ssize_t n = write_some(s, s->out + s->out_at, s->out_len - s->out_at);
		if (n < 0 && errno == EINTR)
			continue;
		s->err = n > 0 ? 0 : errno;
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0) {
			drop_out(s);
			return true;
		}
		s->out_at += (size_t)n;
	}
	if (s->out_len > 0)
		s->is_torn = false;
	s->out_at = s->out_len = 0;
	return true;
}

/* False: there is nothing. */
static bool refill(struct sink *s)
{
	size_t len = s->is_torn;
	s->out[0] = '\n';
	for (size_t i = 0; i < s->ring_count; i++) {
		struct ring *r = &s->rings[(s->next_ring + i) % s->ring_count];
		len += ring_take(r, s->out + len, sizeof(s->out) - len);
	}
	if (len == (size_t)s->is_torn)
		return false;
	s->next_ring++;
	s->out_len = len;
	return true;
}

static void take_over(struct sink *s)
{
	int next = atomic_exchange(&s->next_fd, SINK_KEEP);
	if (next == SINK_KEEP)
		return;
	/* What came before belongs to the old one, unless that is in trouble. */
	for (int i = 0; i < ROUNDS_MAX && s->fd >= 0 && s->err == 0 && flush_out(s); i++) {
		if (!refill(s))
			break;
	}
	if (s->out_len > 0 && s->fd >= 0)
		drop_out(s);
	if (s->fd > STDERR_FILENO)
		close(s->fd);
	s->fd = next == SINK_CLOSE ? -1 : next;
	s->is_torn = false;
	s->err = 0;
	atomic_store(&s->is_stuck, false);
	if (s->fd >= 0)
		learn(s);
}

bool sink_is_blocked(const struct sink *s)
{
	return s->fd >= 0 && s->out_at < s->out_len;
}

bool sink_has_news(const struct sink *s)
{
	return !sink_is_blocked(s) && !is_empty(s) && (s->due == CLOCK_NEVER || is_urgent(s));
}

int64_t sink_turn(struct sink *s, int64_t now)
{
	take_over(s);
	bool waits = !is_empty(s);
	int64_t again = CLOCK_NEVER;
	if (waits && s->due == CLOCK_NEVER)
		s->due = clock_add(now, s->delay);
	if (sink_is_blocked(s) || (waits && (now >= s->due || is_urgent(s)))) {
		int rounds = 0;
		bool is_taken = flush_out(s);
		bool more = true;
		while (is_taken && more && rounds++ < ROUNDS_MAX && refill(s)) {
			/* What comes while it writes waits for others again: to run
			 * after each line would take time from who makes them. */
			more = s->out_len > SINK_OUT_SIZE / 2;
			is_taken = flush_out(s);
		}
		atomic_store(&s->is_stuck, !is_taken);
		s->due = is_taken && rounds > ROUNDS_MAX ? now : CLOCK_NEVER;
	}
	if (!sink_is_blocked(s))
		again = s->due;
	int64_t look = report(s, now);
	return look < again ? look : again;
}

/* ---- at once ---- */

static bool await(const struct sink *s, int64_t until)
{
	int64_t left = until - clock_now();
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	return left > 0 && poll(&p, 1, (int)((left + NS_PER_MS - 1) / NS_PER_MS)) > 0;
}

void sink_drain(struct sink *s, int ms)
{
	int64_t until = clock_add(clock_now(), ms * NS_PER_MS);
	take_over(s);
	do {
		while (!flush_out(s)) {
			if (!await(s, until)) {
				drop_out(s);
				break;
			}
		}
	} while (refill(s));
}

void sink_finish(struct sink *s)
{
	(void)report(s, clock_now());
	if (s->is_losing)
		log_notice("%s: %llu lines were lost", s->name,
			   (unsigned long long)(s->lost_seen - s->lost_before));
	s->is_losing = false;
}

void sink_write_now(struct sink *s, const char *line, size_t len, int ms)
{
	int64_t until = 0;
	while (len > 0) {
		ssize_t n = write_some(s, line, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			until = until ? until : clock_add(clock_now(), ms * NS_PER_MS);
			if (await(s, until))
				continue;
		}
		if (n <= 0) {
			atomic_fetch_add(&s->lost, 1);
			return;
		}
		line += n;
		len -= (size_t)n;
	}
}
