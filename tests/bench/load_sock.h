/*
 * Opening of client sockets, and what ends the program when that fails.
 *
 * Thread: any.
 */
#ifndef WEIR_BENCH_LOAD_SOCK_H
#define WEIR_BENCH_LOAD_SOCK_H

#include <stdbool.h>

#include "load_conf.h"

/* As many descriptors as the system lets us have; ends the program when `wanted` are more,
 * else returns how many there may be. */
unsigned sock_raise_limit(unsigned wanted);

/*
 * A socket on its way to the target. `number` chooses the address it comes from.
 * Returns its descriptor or a negative errno: -EAGAIN when the line of a unix
 * socket is full. What no later attempt can better (no descriptors, no ports,
 * a first connection that is refused) ends the program.
 */
int sock_connect(const struct conf *conf, unsigned number, int receive_buffer);

/* How sock_connect() went on, once the socket can be written to: 0 or a negative errno. */
int sock_finish(const struct conf *conf, int fd);

#endif
