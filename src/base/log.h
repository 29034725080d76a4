/*
 * The error log: one line a message, one write(2) a line, to stderr. Under
 * journald lines start with its `<N>` priority, elsewhere with the time.
 * Control characters never reach a line.
 *
 * Thread: any. log_init belongs to boot.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdarg.h>

#include "base/assert.h"

/* Numbers are syslog's, for the journal. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Chooses the form of lines by asking whether stderr is the journal. */
void log_init(void);

/* The level of a word such as "info"; -1: there is none of that name. */
int log_level_of(const char *name);

/* Any thread: messages less grave than `level` are dropped; LOG_LEVEL_INFO at start. */
void log_set_level(enum log_level level);

void log_vmsg(enum log_level level, const char *fmt, va_list ap) printf_like(2, 0);
void log_msg(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_error(...) log_msg(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_msg(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_notice(...) log_msg(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
