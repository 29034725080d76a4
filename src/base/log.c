/*
 * The error log.
 *
 * Thread: any; a line is built on the caller's stack and handed over whole, so
 * lines of threads do not mix.
 */
#include "base/log.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sink.h"
#include "base/thread.h"
#include "base/utf8.h"
#include "base/writer.h"

enum { LINE_MAX_BYTES = 2048, LINES_SIZE = 128 * 1024, WAIT_MS = 1000 };

static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_bool to_journal;
static atomic_bool is_running; /* the log thread */
static bool is_hanging;        /* it could not be ended; main's */
static char file[PATH_MAX] = "stderr";
static char lines[LINES_SIZE];
static struct ring ring;
static struct mutex lock; /* of who puts into it; while the log thread runs */
static struct sink sink = { .fd = STDERR_FILENO };

/* systemd names the journal's stream as DEVICE:INODE; stderr may have been
 * redirected since, so both must match. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	unsigned long long dev, ino;
	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_init(void)
{
	ring_init(&ring, lines, sizeof(lines));
	sink_init(&sink, "error log", &ring, 1, 0);
	sink.fd = STDERR_FILENO;
	sink.is_silent = true;
	atomic_store(&to_journal, stderr_is_journal());
}

int log_open(const char *new_name)
{
	int fd;
	int rc = strlen(new_name) < sizeof(file) ? sink_open(new_name, &fd) : -ENAMETOOLONG;
	if (rc < 0)
		return rc;
	if (new_name != file)
		snprintf(file, sizeof(file), "%s", new_name);
	bool is_stderr = strcmp(file, "stderr") == 0;
	atomic_store(&to_journal, is_stderr && stderr_is_journal());
	sink_switch(&sink, fd);
	if (!atomic_load(&is_running))
		sink_drain(&sink, 0);
	return 0;
}

int log_reopen(void)
{
	return log_open(file);
}

const char *log_name(void)
{
	return file;
}

int log_start(void)
{
	mutex_init(&lock, LOCK_LOG);
	writer_add(&sink);
	int rc = writer_start();
	atomic_store(&is_running, rc == 0);
	if (rc < 0)
		mutex_done(&lock);
	return rc;
}

bool log_stop(void)
{
	if (!atomic_load(&is_running))
		return !is_hanging;
	is_hanging = !writer_stop();
	if (is_hanging)
		return false;
	/* Lines from here on go directly; those that came meanwhile, now. */
	atomic_store(&is_running, false);
	mutex_lock(&lock);
	sink_drain(&sink, WAIT_MS);
	mutex_unlock(&lock);
	return true;
}

uint64_t log_lost(void)
{
	return sink_lost(&sink);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARN:
		return "warning";
	case LOG_LEVEL_NOTICE:
		return "notice";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "error";
}

int log_level_of(const char *name)
{
	for (enum log_level level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		if (strcmp(level_name(level), name) == 0)
			return (int)level;
	}
	return -1;
}

static char *put_number(char *to, int64_t n, int digits)
{
	for (int i = digits - 1; i >= 0; i--, n /= 10)
		to[i] = (char)('0' + n % 10);
	return to + digits;
}

/* Days since 1970 as a date of the Gregorian calendar; gmtime is not safe in a
 * signal handler. */
static char *put_date(char *to, int64_t days)
{
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	to = put_number(to, yoe + era * 400 + (month <= 2), 4);
	*to++ = '-';
	to = put_number(to, month, 2);
	*to++ = '-';
	return put_number(to, doy - (153 * mp + 2) / 5 + 1, 2);
}

void log_time(char to[LOG_TIME_SIZE])
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	int64_t second = ts.tv_sec % 86400;
	to = put_date(to, ts.tv_sec / 86400);
	*to++ = 'T';
	to = put_number(to, second / 3600, 2);
	*to++ = ':';
	to = put_number(to, second / 60 % 60, 2);
	*to++ = ':';
	to = put_number(to, second % 60, 2);
	*to++ = '.';
	to = put_number(to, ts.tv_nsec / 1000000, 3);
	*to++ = 'Z';
	*to = '\0';
}

/* Async-signal-safe; `size` is more than a prefix. */
static size_t put_prefix(char *line, enum log_level level)
{
	char *to = line;
	if (atomic_load_explicit(&to_journal, memory_order_relaxed)) {
		*to++ = '<';
		*to++ = (char)('0' + (int)level);
		*to++ = '>';
		return (size_t)(to - line);
	}
	log_time(to);
	to += LOG_TIME_SIZE - 1;
	*to++ = ' ';
	to = stpcpy(to, level_name(level));
	*to++ = ':';
	*to++ = ' ';
	return (size_t)(to - line);
}

static void hand_over(const char *line, size_t len)
{
	if (!atomic_load_explicit(&is_running, memory_order_acquire)) {
		sink_write_now(&sink, line, len, WAIT_MS);
		return;
	}
	mutex_lock(&lock);
	sink_put(&sink, &ring, line, len);
	mutex_unlock(&lock);
	sink_tell(&sink, &ring);
}

void log_vmsg(enum log_level level, const char *fmt, va_list ap)
{
	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	char line[LINE_MAX_BYTES];
	size_t at = put_prefix(line, level);
	int len = vsnprintf(line + at, sizeof(line) - at - 1, fmt, ap);
	if (len < 0)
		return;
	size_t end = at + (size_t)len;
	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	/* What clients or modules put into a message must not forge lines. */
	utf8_mask(line + at, end - at);
	line[end++] = '\n';
	hand_over(line, end);
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, fmt, ap);
	va_end(ap);
}

void log_last_words(const char *text)
{
	char line[LINE_MAX_BYTES];
	size_t at = put_prefix(line, LOG_LEVEL_ERROR);
	size_t len = strnlen(text, sizeof(line) - at - 1);
	writer_last_words();
	memcpy(line + at, text, len);
	utf8_mask(line + at, len);
	line[at + len] = '\n';
	sink_write_now(&sink, line, at + len + 1, WAIT_MS);
}
