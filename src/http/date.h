/*
 * HTTP dates: "Sun, 06 Nov 1994 08:49:37 GMT".
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/assert.h"

enum { HTTP_DATE_LEN = 29 };

/* Writes 29 bytes and a NUL. */
void http_date_write(time_t when, char to[HTTP_DATE_LEN + 1]);

/* Reads any of the three forms of RFC 9110 5.6.7. 0, or ERR_SYNTAX. */
must_check int http_date_read(const char *text, size_t len, time_t *ret_when);

#endif
