/*
 * The one parser of each kind of number that people write: whole numbers,
 * yes and no, sizes and durations with their units. Strict: no space, no
 * sign but a minus of a whole number, no fraction, nothing left over.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_BASE_PARSE_H
#define WEIR_BASE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"

/* All return 0, ERR_SYNTAX (not of the form), or ERR_RANGE (more than an
 * int64_t holds); those with units also ERR_UNIT: none or an unknown one. */

must_check int parse_int(const char *text, int64_t *ret_value);

/* yes/no, true/false, on/off, 1/0. */
must_check int parse_bool(const char *text, bool *ret_value);

/* Bytes: B K M G, each 1024 of the one before. 0 needs no unit. */
must_check int parse_size(const char *text, int64_t *ret_bytes);

/* Milliseconds: ms s m h d. 0 needs no unit. */
must_check int parse_duration(const char *text, int64_t *ret_ms);

#define PARSE_SIZE_UNITS "B, K, M, G"
#define PARSE_DURATION_UNITS "ms, s, m, h, d"

enum { UNIT_TEXT_SIZE = 32 };

/* And back, in the largest unit that loses nothing. Not negative. Returns `to`,
 * which has UNIT_TEXT_SIZE bytes. */
const char *size_text(int64_t bytes, char *to);
const char *duration_text(int64_t ms, char *to);

#endif
