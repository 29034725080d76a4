/*
 * Fuzz driver of http/range: the first two bytes are the length of the thing,
 * the others the header. What is sent holds each byte once, and all that is
 * sent was asked for or lies in a small gap.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct http_ranges *r, uint64_t length)
{
	uint64_t sum = 0;
	must(r->count > 0 && r->count <= HTTP_RANGES_MAX);
	for (size_t i = 0; i < r->count; i++) {
		const struct http_range *x = &r->list[i];
		must(x->length > 0 && x->first < length && x->length <= length - x->first);
		sum += x->length;
		for (size_t j = 0; j < i; j++) {
			const struct http_range *y = &r->list[j];
			must(x->first >= y->first + y->length + HTTP_RANGE_GAP ||
			     y->first >= x->first + x->length + HTTP_RANGE_GAP);
		}
	}
	must(sum <= length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	uint64_t length = (uint64_t)data[0] << 8 | data[1];
	size_t len = size - 2;
	/* Nothing behind the header may be looked at. */
	char *value = malloc(len ? len : 1);
	must(value);
	memcpy(value, data + 2, len);
	struct http_ranges ranges = { .count = 0 };
	int status = http_range_read(value, len, length, &ranges);
	must(status == 200 || status == 206 || status == 416);
	if (status == 206)
		check(&ranges, length);
	else
		must(ranges.count == 0);
	free(value);
	return 0;
}
