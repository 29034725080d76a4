/*
 * The control plane: status, metrics and changes while the daemon runs, on a
 * loop of its own, so that neither a pool nor an I/O thread can silence it.
 *
 * Thread: stated for each function; handlers run on the control loop.
 */
#ifndef WEIR_ADMIN_ADMIN_H
#define WEIR_ADMIN_ADMIN_H

#include "conf/conf_diff.h"
#include "net/loop.h"
#include "work/route.h"

struct admin;
struct census;

enum admin_state { ADMIN_STARTING, ADMIN_SERVING, ADMIN_DRAINING };

/* What it looks at and acts on. Constant while it runs. */
struct admin_view {
	struct host *host;
	struct loop *main_loop;
	struct loop *loops;
	int loop_count;
	struct readers *readers;
	struct census *census;
	uint64_t (*reload)(void *ctx); /* any thread: returns a ticket */
	void (*drain)(void *ctx);      /* any thread */
	void *ctx;
};

/* Boot. Listens where `conf` says; *ret_admin is NULL when that is nowhere. 0, or
 * a negative errno; errs says more. */
must_check int admin_start(const struct admin_view *view, const struct conf *conf,
			   struct admin **ret_admin, struct conf_errors *errs);

/* Main. */
void admin_stop(struct admin **admin);

/* Main: for /readyz and /status. `admin` may be NULL, here and below. */
void admin_set_state(struct admin *admin, enum admin_state state);

/* Main: how the reload of `ticket` ended. */
struct admin_reload {
	uint64_t ticket;
	bool is_good;
	uint64_t generation;
	const char *message;
	const struct conf_errors *errs;
	const struct conf_changes *changes;
};
void admin_reloaded(struct admin *admin, const struct admin_reload *how);

#endif
