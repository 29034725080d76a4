/*
 * Fuzz driver of http/proxy: a header is there with its last byte and not
 * before, and is the same whatever lies behind it; what is none stays none.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "http/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing behind the bytes may be looked at. */
static long read_copy(const uint8_t *data, size_t len, struct http_proxy *ret)
{
	char *copy = malloc(len ? len : 1);
	must(copy);
	memcpy(copy, data, len);
	long rc = http_proxy_read(copy, len, ret);
	free(copy);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_proxy whole = { .port = 7 }, part;
	if (size == 0)
		return 0;
	long rc = read_copy(data, size, &whole);
	must(rc == ERR_SYNTAX || (rc >= 0 && rc <= (long)size && rc <= HTTP_PROXY_V2_MAX));
	must(rc > 0 || whole.port == 7);
	must(rc != 0 || size < HTTP_PROXY_V2_MAX);
	bool was_bad = false;
	size_t seen = size < 300 ? size : 300;
	for (size_t len = 0; len < seen; len++) {
		long now = read_copy(data, len, &part);
		must(!was_bad || now == ERR_SYNTAX);
		was_bad = now == ERR_SYNTAX;
		must(!was_bad || rc == ERR_SYNTAX);
		must(now <= 0 || now == rc);
		if (rc > 0)
			must((now > 0) == (len >= (size_t)rc));
	}
	if (rc > 0) {
		must(read_copy(data, (size_t)rc, &part) == rc);
		must(part.source == whole.source && part.port == whole.port);
		must(addr_is_same(&part.client, &whole.client) && part.is_tls == whole.is_tls);
	}
	return 0;
}
