/*
 * UTF-8, one character after the other.
 *
 * Thread: any; pure functions.
 */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* Bytes of the good character at `p`, 0 when it is none. The second byte alone
 * decides about overlong forms, surrogates and the upper end. */
static size_t character(const unsigned char *p, size_t len)
{
	unsigned char lead = p[0];
	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (size > len)
		return 0;
	unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return size;
}

size_t utf8_good(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0;
	while (at < len) {
		size_t size = character(p + at, len - at);
		if (size == 0)
			break;
		at += size;
	}
	return at;
}

void utf8_mask(char *text, size_t len)
{
	unsigned char *p = (unsigned char *)text;
	for (size_t at = 0; at < len;) {
		size_t size = character(p + at, len - at);
		bool is_control = p[at] < 0x20 || p[at] == 0x7f ||
				  (size == 2 && p[at] == 0xc2 && p[at + 1] < 0xa0);
		if (size == 0 || is_control)
			memset(p + at, '?', size ? size : 1);
		at += size ? size : 1;
	}
}
