/*
 * The PROXY protocol, version 1 (a line) and 2 (binary): what a proxy sends
 * before anything else to say whose connection it passes on.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_PROXY_H
#define WEIR_HTTP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum {
	HTTP_PROXY_V1_MAX = 107,  /* bytes of a line, its CR LF included */
	HTTP_PROXY_V2_MAX = 4096, /* bytes of a binary header with all that is in it */
};

enum http_proxy_source {
	HTTP_PROXY_SELF,    /* LOCAL: the proxy speaks for itself */
	HTTP_PROXY_UNKNOWN, /* a client that it cannot or will not name */
	HTTP_PROXY_CLIENT,  /* `client` */
};

struct http_proxy {
	enum http_proxy_source source;
	struct addr client;
	uint16_t port;
	bool is_tls; /* version 2: the client spoke TLS to the proxy */
};

/*
 * Reads the header that begins at buf[0]. Returns its length once it is there
 * as a whole, 0 when more must come, ERR_SYNTAX as soon as it is certain that
 * it is none (also when it is longer than the bounds above). *ret is untouched
 * but for the first.
 */
must_check long http_proxy_read(const char *buf, size_t len, struct http_proxy *ret);

#endif
