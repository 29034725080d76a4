/*
 * Reloading: the keeper reads the file and builds a whole new generation, with
 * the sockets that it needs besides; main then lets it take effect, and every
 * loop takes it over. Until all of it is good, nothing changes.
 *
 * Thread: main.
 */
#ifndef WEIR_RELOAD_H
#define WEIR_RELOAD_H

#include "conf/conf_diff.h"
#include "daemon.h"

/* How it ended. Valid while reload_fn runs. */
struct reload_report {
	bool is_good;
	uint64_t ticket;                    /* of the last who asked for it */
	uint64_t generation;                /* that serves now */
	const char *message;                /* one line: what came of it */
	const struct conf_errors *errs;     /* what was wrong, sorted; also with !is_good none */
	const struct conf_changes *changes; /* what is other than before; empty with !is_good */
};

typedef void reload_fn(void *ctx, const struct reload_report *report);

/* Boot. `fn` is told of each one's end, on main. */
must_check struct reload *reload_new(struct daemon *d, reload_fn *fn, void *ctx);
void reload_free(struct reload **reload);

/* Any thread: starts a reload, or another one behind the one under way. Returns
 * a ticket: the first report with this one or a later is the answer. */
uint64_t reload_ask(struct reload *r);

/* Opens what `conf` says to listen on and `d` does not have yet. False: errs
 * says why, and nothing is left open. Main at boot, the keeper. */
must_check bool listening_open(struct daemon *d, const struct conf *conf, struct list *ret_new,
			       struct conf_errors *errs);
void listening_free(struct list *listening);

#endif
