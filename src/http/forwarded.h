/*
 * What proxies say in headers about the client they pass on: Forwarded (RFC
 * 7239), or X-Forwarded-For, -Proto and -Host.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_FORWARDED_H
#define WEIR_HTTP_FORWARDED_H

#include "base/addr.h"
#include "http/parse.h"

/* Which of them counts; the others are not looked at. In the order of the
 * option's choices. */
enum http_forwarded {
	HTTP_FORWARDED_X,   /* X-Forwarded-... */
	HTTP_FORWARDED_RFC, /* Forwarded */
	HTTP_FORWARDED_OFF,
};

enum http_scheme { HTTP_SCHEME_UNSAID, HTTP_SCHEME_HTTP, HTTP_SCHEME_HTTPS };

struct http_origin {
	struct addr client;
	enum http_scheme scheme;
	struct http_span host; /* valid; at NULL: nobody said */
};

/*
 * `peer` is who sent the request, and is trusted. Elements are looked at from
 * the right, since each proxy adds its own there: the client is the first
 * address that `trusted` does not hold, or the leftmost one. An element that is
 * malformed, or names nobody (`unknown`, `_hidden`, no `for`), ends the walk:
 * the client is the address before it then. Scheme and host are of the leftmost
 * element that was looked at and has them; of X-Forwarded-Proto and -Host the
 * last value alone counts, as nothing says whose the others are.
 */
void http_forwarded_read(const struct http_head *head, enum http_forwarded which,
			 const struct cidr_list *trusted, const struct addr *peer,
			 struct http_origin *ret);

#endif
