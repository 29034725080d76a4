/*
 * What systemd is told: ready, reloading, stopping, a line of status, and that
 * every loop still turns. Without systemd (NOTIFY_SOCKET) nothing happens, and no
 * timer runs.
 *
 * Thread: main.
 */
#ifndef WEIR_NET_NOTIFY_H
#define WEIR_NET_NOTIFY_H

#include <stdint.h>

#include "base/assert.h"

struct loop;
struct notify;
struct pools;

/* Boot, when the loops are there. NULL when memory is out. */
must_check struct notify *notify_start(struct loop *main_loop, struct loop *loops, int count,
				       struct pools *pools);
void notify_stop(struct notify **notify);

/* It listens, or a reload has ended. */
void notify_ready(struct notify *n);
void notify_reloading(struct notify *n);

/* It stops, which takes until `deadline` at the most. */
void notify_stopping(struct notify *n, int64_t deadline);

#endif
