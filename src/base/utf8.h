/*
 * Is it UTF-8, and fit to be shown? By RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stddef.h>

/* Bytes at the start of `text` that are whole, good characters: `len` when all
 * are, else where the first bad one begins. */
size_t utf8_good(const char *text, size_t len);

/* Puts a '?' in the place of each byte that is none of a good character, or of one
 * that moves terminals: C0, DEL, and C1 (U+0080 to U+009F). */
void utf8_mask(char *text, size_t len);

#endif
