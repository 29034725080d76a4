/*
 * The first control character of some bytes, sixteen at a time where the processor
 * can: what ends lines, and what no head may hold.
 *
 * Thread: any; a pure function.
 */
#ifndef WEIR_HTTP_FIND_H
#define WEIR_HTTP_FIND_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline int http_is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Not 0 when one of eight bytes is a control character. The lowest bit is the first
 * one's where the first byte is the lowest; above it, borrows may blur which. */
static inline uint64_t http_controls_in(const char *eight)
{
	const uint64_t ones = UINT64_MAX / 255;
	uint64_t word;
	memcpy(&word, eight, 8);
	uint64_t del = word ^ ones * 0x7f;
	return (((word - ones * 0x20) & ~word) | ((del - ones) & ~del)) & ones * 0x80;
}

/* The offset of the first one, or `len`. */
static inline size_t http_find_control(const char *text, size_t len)
{
	size_t i = 0;
#ifdef __SSE2__
	for (; len - i >= 16; i += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
		/* Saturated, what is below 0x20 and nothing else becomes 0. */
		__m128i low = _mm_cmpeq_epi8(_mm_subs_epu8(bytes, _mm_set1_epi8(0x1f)),
					     _mm_setzero_si128());
		__m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
		int found = _mm_movemask_epi8(_mm_or_si128(low, del));
		if (found)
			return i + (size_t)__builtin_ctz((unsigned)found);
	}
#endif
	for (; len - i >= 8; i += 8) {
		uint64_t found = http_controls_in(text + i);
		if (found && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return i + (size_t)__builtin_ctzll(found) / 8;
		if (found)
			break;
	}
	while (i < len && !http_is_control(text[i]))
		i++;
	return i;
}

#endif
