/*
 * What `listen` says: an address, and words behind it.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_CONF_ADDRESS_H
#define WEIR_CONF_ADDRESS_H

#include <stdbool.h>

enum { ADDRESS_TEXT_SIZE = 272 }; /* the longest host name and a port */

struct address {
	/* "HOST:PORT", "[IPV6]:PORT", "unix:/PATH", "systemd", "systemd:NAME" */
	char text[ADDRESS_TEXT_SIZE];
	bool is_unix;
	bool is_passed;    /* systemd has opened it */
	bool announces;    /* "proxy": connections begin with a PROXY header */
	const char *error; /* what is wrong with it; NULL: nothing */
};

/* Takes a value apart; the path of a unix socket may have spaces in it. */
struct address address_read(const char *value);

/* The NAME of passed sockets; "" means all. */
const char *address_name(const struct address *a);

#endif
