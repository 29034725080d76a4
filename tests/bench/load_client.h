/*
 * A client thread: one epoll loop over its connections, and the moments at
 * which it sends (closed or open loop), gives up, and ends.
 *
 * Thread: client_init() and client_done() main; client_run() its own.
 */
#ifndef WEIR_BENCH_LOAD_CLIENT_H
#define WEIR_BENCH_LOAD_CLIENT_H

#include "load_conn.h"

/* Its share of connections, requests and rate follows from its number. */
void client_init(struct client *client, unsigned number, const struct conf *conf,
		 const struct requests *requests, _Atomic(struct sample *) *samples);
void client_done(struct client *client);

/* Until all is done; client->start and ->end are set. */
void client_run(struct client *client);

/* Ends the run early: what is under way counts as unfinished. From a signal handler, too. */
void client_interrupt(void);

#endif
