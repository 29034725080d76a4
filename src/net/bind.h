/*
 * Sockets that listen: of TCP, in the file system, or passed by systemd.
 *
 * Thread: main, or the keeper. Opened sockets are non-blocking.
 */
#ifndef WEIR_NET_BIND_H
#define WEIR_NET_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/assert.h"

struct sockets;

/* Takes over `fd`, for the `i`th loop; it is that loop's alone, or shared. 0, or
 * -ENOMEM: it is closed then. */
must_check int sockets_add(struct sockets *s, size_t i, int fd, bool is_own);

/*
 * Each opens sockets for `count` loops. 0, or a negative errno; *ret_why, when it
 * is set, says more. What was added stays the caller's to close.
 */

/* "HOST:PORT" or "[V6]:PORT": one for each loop (SO_REUSEPORT: the kernel spreads
 * connections). Port 0 takes a free one. */
must_check int bind_tcp_sockets(struct sockets *s, size_t count, const char *address,
				const char **ret_why);

/* One that all share. A file that a dead daemon left is removed. */
must_check int bind_unix_socket(struct sockets *s, size_t count, const char *path, mode_t mode);

/* Those of systemd's of that FileDescriptorName, all of them with "". */
must_check int bind_passed_sockets(struct sockets *s, size_t count, const char *name,
				   const char **ret_why);

/* Has systemd passed any? */
bool bind_is_passed(void);

/* The first port from `port` on that nobody listens to on 127.0.0.1; -1 when
 * a hundred are taken. */
int bind_free_port(int port);

#endif
