/*
 * The daemon's life: from a configuration to serving, and to the end.
 *
 * Thread: main.
 */
#ifndef WEIR_BOOT_H
#define WEIR_BOOT_H

#include "conf/conf.h"

/* Exit statuses; weir(8) lists them. */
enum {
	EXIT_USAGE = 64,
	EXIT_SYSTEM = 71,
	EXIT_CONFIG = 78,
};

/* Serves `conf`, which it takes over, until a signal says stop. `shows_routes`
 * prints them once it listens. Returns the exit status; errors go to stderr. */
int boot_serve(struct conf *conf, bool shows_routes);

#endif
