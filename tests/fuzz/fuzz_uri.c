/*
 * Fuzz driver of http/uri: what a path becomes has no dot segment, no control
 * character and no more bytes than it had; decoding in place does the same.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_segments(const char *path, size_t len)
{
	must(len > 0 && path[0] == '/' && path[len] == '\0');
	for (size_t i = 0; i < len;) {
		const char *segment = path + i + 1;
		const char *slash = memchr(segment, '/', len - i - 1);
		size_t n = slash ? (size_t)(slash - segment) : len - i - 1;
		must(!(n == 1 && segment[0] == '.'));
		must(!(n == 2 && segment[0] == '.' && segment[1] == '.'));
		i += n + 1;
	}
}

static void walk_pairs(const char *text, size_t len)
{
	struct http_span name, value;
	size_t pos = 0, seen = 0;
	while (http_pair_next(text, len, &pos, &name, &value)) {
		must(name.at >= text && name.at + name.len <= text + len);
		must(!value.at || value.at + value.len <= text + len);
		seen++;
	}
	must(seen <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *raw = (const char *)data;
	char *to = malloc(size + 1), *same = malloc(size + 1);
	must(to && same);
	long n = http_path_normalize(raw, size, to);
	must(n == -400 || (n > 0 && n <= (long)size));
	if (n > 0)
		check_segments(to, (size_t)n);
	memcpy(same, raw, size);
	must(http_path_normalize(same, size, same) == n);
	must(n < 0 || memcmp(same, to, (size_t)n + 1) == 0);
	for (int plus = 0; plus < 2; plus++) {
		n = http_percent_decode(raw, size, plus, to);
		must(n == -400 || (n >= 0 && n <= (long)size && to[n] == '\0'));
	}
	walk_pairs(raw, size);
	free(to);
	free(same);
	return 0;
}
