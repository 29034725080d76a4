/*
 * Error log lines to stderr.
 *
 * Thread: any; a line is built on the caller's stack and written by one
 * write(2), so lines of threads do not mix and no lock is held.
 */
#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048 };

static atomic_int max_level = LOG_LEVEL_INFO;
static bool to_journal; /* written by boot, before any other thread */

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
	to_journal = stderr_is_journal();
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

static size_t put_prefix(char *line, size_t size, enum log_level level)
{
	if (to_journal)
		return (size_t)snprintf(line, size, "<%d>", (int)level);
	struct timespec ts;
	struct tm tm;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(line + len, size - len, ".%03ldZ %s: ", ts.tv_nsec / 1000000,
				      level_name(level));
}

/* What clients or modules put into a message must not forge lines or move a
 * terminal's cursor. */
static void mask_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f)
			text[i] = '?';
	}
}

void log_vmsg(enum log_level level, const char *fmt, va_list ap)
{
	if ((int)level > atomic_load_explicit(&max_level, memory_order_relaxed))
		return;
	char line[LINE_MAX_BYTES];
	size_t at = put_prefix(line, sizeof(line), level);
	int len = vsnprintf(line + at, sizeof(line) - at - 1, fmt, ap);
	if (len < 0)
		return;
	size_t end = at + (size_t)len;
	if (end > sizeof(line) - 2)
		end = sizeof(line) - 2;
	mask_controls(line + at, end - at);
	line[end++] = '\n';
	/* A log that cannot be written has nowhere to say so. */
	ssize_t ignored = write(STDERR_FILENO, line, end);
	(void)ignored;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	log_vmsg(level, fmt, ap);
	va_end(ap);
}
