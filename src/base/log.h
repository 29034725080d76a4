/*
 * The error log: one line a message, to stderr or a file. Under journald lines
 * start with its `<N>` priority, elsewhere with the time. Control characters
 * never reach a line. While the log thread runs, it writes them; a log that
 * takes nothing loses lines and stalls nobody. Before and after it each line is
 * one write(2).
 *
 * Thread: any, unless said otherwise.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

/* Numbers are syslog's, for the journal. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Boot, before all else: the log is stderr. Chooses the form of lines by asking whether that is
 * the journal. */
void log_init(void);

/* Main: the log goes to `name`, "stderr" or a file, from here on; opens it anew
 * if it was that already. 0, or a negative errno, and all stays as it was. */
must_check int log_open(const char *name);
must_check int log_reopen(void);

/* Main: what log_open was given last. */
const char *log_name(void);

/* Boot: lines go through the log thread, which is started, and ended again
 * when all is written. False: it hangs, and other logs must not be freed. */
must_check int log_start(void);
bool log_stop(void);

/* Lines that could not be written. */
uint64_t log_lost(void);

/* The process ends here: writes what is on its way in all logs, then `text` as a
 * last line. Async-signal-safe. */
void log_last_words(const char *text);

/* RFC 3339 with milliseconds, UTC: 2026-11-23T11:16:11.123Z. Async-signal-safe. */
enum { LOG_TIME_SIZE = 25 };
void log_time(char to[LOG_TIME_SIZE]);

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
