/*
 * The one daemon of a process: what boot.c starts and stops, reload.c changes
 * meanwhile.
 *
 * Thread: main, unless a field says otherwise.
 */
#ifndef WEIR_DAEMON_H
#define WEIR_DAEMON_H

#include "net/loop.h"
#include "work/route.h"

struct access;
struct admin;
struct notify;
struct reload;
struct sockets;

/* What one value of `listen` opened. */
struct listening {
	struct list link;
	struct sockets *sockets;
};

struct daemon {
	struct conf *conf; /* to begin with; the generation's, once there is one */
	struct conf_errors errs;
	struct host host;
	struct watch *watch;
	struct readers *readers;
	struct census *census;
	struct generation *gen; /* what new requests use */
	struct loop main_loop;
	struct loop *loops;
	int loop_wanted;
	int loop_count;    /* initialised */
	int running_loops; /* with a thread */
	int drained_loops;
	struct list listening; /* the keeper reads it while it builds */
	struct access *access; /* the access log */
	int64_t drain_deadline;
	bool is_leaving;  /* it was told to stop */
	bool is_stopping; /* and has begun to */
	struct notify *notify;
	bool is_late; /* the deadline came first */
	struct signals *signals;
	struct reload *reload;
	struct admin *admin; /* NULL: it listens nowhere */
	struct errand drain_errand;
	_Atomic bool is_drain_asked; /* any thread */
};

/* The logs of d->conf, and their thread; loop_wanted is known. 0, or a status to
 * end with. */
must_check int logs_start(struct daemon *d);
void logs_stop(struct daemon *d);

/* Opens both again; one that cannot be opened is logged, and stays. */
void logs_reopen(struct daemon *d);
void logs_set_level(const struct conf *conf);

/* What of a configuration takes effect outside of its generation: the logs. What
 * cannot be opened is logged, and stays as it was. */
void daemon_apply(struct daemon *d, const struct conf *conf);

#endif
