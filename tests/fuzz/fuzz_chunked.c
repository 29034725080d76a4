/*
 * Fuzz driver of http/chunked: the first byte says how long the pieces are in
 * which the others come; the result is that of one piece.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/chunked.h"

struct decoded {
	int rc;
	size_t used;
	size_t body_len;
	char *body;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decoded decode(const uint8_t *data, size_t size, size_t piece)
{
	struct http_chunked c;
	struct decoded d = { .body = malloc(size + 1) };
	must(d.body);
	http_chunked_init(&c);
	for (size_t at = 0; at < size && d.rc == 0; at += piece) {
		size_t n = piece < size - at ? piece : size - at, body = 0, used = 0;
		char *copy = malloc(n);
		must(copy);
		memcpy(copy, data + at, n);
		d.rc = http_chunked_decode(&c, copy, n, &body, &used);
		must(body <= used && used <= n && (d.rc != 0 || used == n));
		memcpy(d.body + d.body_len, copy, body);
		d.body_len += body;
		d.used += used;
		free(copy);
	}
	return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct decoded whole = decode(data + 1, size - 1, size - 1);
	struct decoded cut = decode(data + 1, size - 1, data[0] % 32 + 1);
	must(whole.rc == cut.rc);
	if (whole.rc >= 0) {
		must(whole.used == cut.used && whole.body_len == cut.body_len);
		must(memcmp(whole.body, cut.body, cut.body_len) == 0);
	}
	free(whole.body);
	free(cut.body);
	return 0;
}
