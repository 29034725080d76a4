/*
 * Addresses of clients and ranges of them. An IPv4 address that comes as an
 * IPv6 one (::ffff:192.0.2.1) is the IPv4 address, here and nowhere else, so
 * that no rule can be passed by in the other form.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_BASE_ADDR_H
#define WEIR_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct sockaddr;

enum addr_kind {
	ADDR_UNIX, /* the other end of a unix socket: it has no address */
	ADDR_V4,
	ADDR_V6,
};

struct addr {
	enum addr_kind kind;
	uint8_t bytes[16]; /* network order; 4 of ADDR_V4, the others 0 */
};

enum { ADDR_TEXT_SIZE = 48 };

struct addr addr_of_socket(const struct sockaddr *from);
struct addr addr_v4(const uint8_t bytes[4]);
struct addr addr_v6(const uint8_t bytes[16]); /* IPv4-mapped: ADDR_V4 */

/* "192.0.2.1" or "2001:db8::1": no brackets, port, zone or space. 0, or
 * ERR_SYNTAX. */
must_check int addr_parse(const char *text, size_t len, struct addr *ret);

/* "192.0.2.1", "2001:db8::1", "unix". Returns `to`, of ADDR_TEXT_SIZE bytes. */
const char *addr_text(const struct addr *a, char *to);

bool addr_is_same(const struct addr *a, const struct addr *b);

/* All addresses that have the first `bits` bits of `base`. */
struct cidr {
	struct addr base;
	unsigned bits; /* 32 or 128: that one address */
};

/* "10.0.0.0/8", "2001:db8::/32", a single address, or "unix". 0, ERR_SYNTAX,
 * or ERR_RANGE: the prefix is too long, or bits behind it are set. */
must_check int cidr_parse(const char *text, struct cidr *ret);

bool cidr_holds(const struct cidr *c, const struct addr *a);

struct cidr_list {
	struct cidr *list;
	size_t count;
};

/* Does any of them? */
bool cidr_list_holds(const struct cidr_list *l, const struct addr *a);

#endif
