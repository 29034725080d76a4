/*
 * Listeners: where connections come from. What one value of `listen` opened is
 * `struct sockets`; each loop has its part of them.
 *
 * Thread: stated for each function.
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "net/bind.h"

struct loop;
struct sockets;

/*
 * Main: opens what a value of `listen` says (conf/address.h) for `loops` loops
 * and logs where that is. Files of unix sockets have `mode`. NULL: errs says why.
 */
must_check struct sockets *sockets_open(const struct option_text *value, size_t loops, mode_t mode,
					struct conf_errors *errs);

/* Main, keeper: is it the address of that value of `listen`? */
bool sockets_are_of(const struct sockets *s, const char *value);

/* Main: if it is, what the value says besides takes effect. */
void sockets_keep(struct sockets *s, const char *value);

/* On the loop, or main before it runs: the `i`th part accepts from now on. */
void sockets_attach(struct sockets *s, size_t i, struct loop *loop);

/* On the loop: takes the connections that wait already, then closes its part. */
void sockets_detach(struct sockets *s, struct loop *loop);

/* Main: removes the file of a unix socket, unless another daemon has put its own
 * there; so that who comes now is not kept waiting for nothing. */
void sockets_unlink(struct sockets *s);

/* Main, when no loop has a part of them any more. */
void sockets_free(struct sockets **s);

/* On the loop: sockets_detach of all. */
void listeners_finish(struct loop *loop);

/* Closes; main, when the loop's thread has ended. */
void listeners_close(struct loop *loop);

/* A connection begins with a PROXY header. Any thread. */
bool sockets_announce(const struct sockets *s);

#endif
