/*
 * What the files of the control plane share.
 *
 * Thread: the control loop's, unless said otherwise.
 */
#ifndef WEIR_ADMIN_ADMIN_PRIVATE_H
#define WEIR_ADMIN_ADMIN_PRIVATE_H

#include <jansson.h>

#include "admin/admin.h"
#include "base/thread.h"
#include "net/pulse.h"
#include "work/pool.h"
#include "work/stats.h"

struct admin {
	struct admin_view view; /* constant */
	struct loop loop;
	struct list sockets;                        /* main's */
	struct errand end;                          /* main's */
	gid_t group;                                /* constant; (gid_t)-1: none */
	int64_t began;                              /* constant; wall clock, seconds */
	_Atomic int state;                          /* enum admin_state; main writes */
	_Atomic uint64_t reloads_good, reloads_bad; /* main writes */
	struct census *census;                      /* its own connections */
	struct pulse *pulse;
	struct mutex lock;
	char *last_reload GUARDED_BY(lock); /* JSON; NULL: there was none */
};

/* Of the handler's instance. */
static inline struct admin *admin_of(struct weir_request *req)
{
	return weir_data(req);
}

/* A string, or null. JSON holds UTF-8 alone: other bytes, as the names of files and
 * what modules say may have, become '?'. NULL: memory was out. */
json_t *admin_text(const char *text);

/* Sends `what`, and drops it; NULL: memory was out. */
int admin_json(struct weir_response *res, int status, json_t *what);

/* An error as {"error": TEXT}. */
int admin_refuse(struct weir_response *res, int status, const char *text);

/* Is the request from a control socket? Only /healthz, /readyz and /metrics are
 * for others. */
bool admin_is_local(struct weir_request *req);

/* May its peer change anything? Root, the daemon's own user, the group. */
bool admin_may_change(struct weir_request *req);

/* The user behind a control socket; -1 when it cannot be told. */
int64_t admin_peer_uid(struct weir_request *req);

/* What differs between two configurations. */
json_t *admin_changes(const struct conf_changes *changes);

/* "serving" and the like. */
const char *admin_state_name(const struct admin *a);

/* Totals of all I/O threads. */
struct admin_totals {
	uint64_t accepted, closed, bytes_in, bytes_out;
};
struct admin_totals admin_totals(const struct admin *a);

weir_handler admin_healthz, admin_readyz, admin_metrics;             /* metrics.c */
weir_handler admin_status, admin_calls, admin_modules, admin_config; /* status.c */
weir_handler admin_set_option, admin_reload_post, admin_reload_get;  /* change.c */
weir_handler admin_diff, admin_drain, admin_log_level;

#endif
