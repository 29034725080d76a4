/*
 * A route: methods and pattern bound to a handler of an instance, the pools it
 * runs in, its time limit. A generation holds all that one configuration has.
 *
 * Thread: main builds; immutable afterwards, any thread reads.
 */
#ifndef WEIR_WORK_ROUTE_H
#define WEIR_WORK_ROUTE_H

#include <stdatomic.h>
#include <weir/module.h>

#include "base/clock.h"
#include "base/thread.h"
#include "conf/conf.h"
#include "http/parse.h"
#include "work/front.h"
#include "work/keeper.h"
#include "work/pattern.h"

struct instance;
struct limit_share;
struct pool;
struct redirect;
struct rules;
struct site;
struct stats_entry;

/* A header of a response; in the request's arena, or in the generation's. */
struct response_header {
	struct response_header *next;
	const char *name;
	const char *value;
	size_t name_len, value_len;
};

struct route {
	struct pattern_target target; /* first: what the router leads to */
	const char *label;            /* "GET /notes/{id:int}": thread name, logs */
	const char *handler_name;     /* "notes.read" */
	weir_handler *handler;
	struct instance *inst;
	const struct site *site; /* its files are the answer: there is no handler; else NULL */
	const struct redirect *redirect; /* work/redirect.h: it is the answer; else NULL */
	const struct rules *rules;       /* work/rules.h; NULL: none */
	bool is_inline;
	bool is_live;                       /* it runs before the body is there */
	bool gunzips;                       /* it wants packed bodies unpacked */
	bool compresses;                    /* its answers may be packed */
	struct pool *pool;                  /* of the handler; NULL when inline */
	struct pool *background;            /* of the tasks it leaves */
	struct limit_share *share;          /* of the pool; NULL: all of it */
	int64_t timeout;                    /* ns for the whole call; CLOCK_NEVER */
	int64_t queue_timeout;              /* ns; QUEUE_TIMEOUT_OF_POOL */
	int64_t slow_after;                 /* ns; CLOCK_NEVER */
	int64_t background_slow_after;      /* of its tasks; likewise */
	struct stats_entry *stats;          /* where it is counted; NULL: it only checks */
	const struct response_header *add;  /* to every answer that has none of that name */
	const struct conf_section *section; /* its [route] section; NULL: none */
	struct conf_place place;            /* of its [route] or [module] section */
};

#define QUEUE_TIMEOUT_OF_POOL (-1)

struct conf_changes;
struct pools;
struct watch;

/*
 * One loaded configuration. Requests hold a reference from head to end, so
 * that everything they name stays.
 */
struct generation {
	_Atomic int refs; /* any thread: requests, tasks, loops */
	uint64_t number;  /* 1 is the first of the process; 0: it does not serve yet; host's lock */
	struct list link; /* of the host's; likewise */
	struct conf *conf;
	struct arena arena;
	struct instance **instances;
	size_t instance_count;
	struct route *routes;
	size_t route_count;
	struct site *sites;
	size_t site_count;
	struct router *router;
	struct http_limits limits;
	const struct response_header *add; /* of [server]: what answers without a route get */
	const struct rules *rules;         /* of [server]: likewise; NULL: none */
	bool has_rules;                    /* they, or some route, have something to say */
	struct front front;
	uint64_t body_max; /* bytes */
	uint64_t compress_min;
	size_t write_buffer;
	int64_t gunzip_ratio_max;
	const char *compress_types;
	uint64_t body_memory;
	const char *spool_dir;
	int64_t header_timeout, body_timeout, write_timeout, keepalive_timeout; /* ns */
	struct host *host;      /* constant; NULL: it only checks */
	struct keeper_job end;  /* once nothing refers to it */
	_Atomic int held;       /* states of its instances on workers, and one until `end` */
	_Atomic bool has_ended; /* workers give back what they keep for its instances */
};

/* What generations of a running daemon live with; outlives them. */
struct host {
	struct mutex lock;
	struct list generations GUARDED_BY(lock); /* older ones first */
	struct generation *current GUARDED_BY(lock);
	uint64_t published GUARDED_BY(lock);
	/* Constant: */
	struct pools *pools;
	struct keeper *keeper;
	struct stats *stats;
};

/*
 * Builds a generation out of `conf`, which it takes over (also when it fails):
 * loads the modules, checks them and, in a `host`, initialises them and gives
 * routes their pools, making those that are missing. `host` NULL: only
 * checking. NULL: errs says why. Boot, or the keeper.
 */
struct generation *generation_new(struct conf *conf, struct host *host, struct conf_errors *errs);

/*
 * One with the handlers of `desc`, which are part of the daemon and inline, on
 * their own routes; `conf` names it in its only [module] section. The rest as
 * generation_new without a host. Boot.
 */
struct generation *generation_builtin(struct conf *conf, const struct weir_module *desc, void *data,
				      struct conf_errors *errs);

/* Main: the settings of its pools take effect, and bounds and reserves of its
 * routes and modules; those of former generations end. */
void generation_apply(const struct generation *gen, struct pools *pools);

/*
 * Any thread. With the last reference nothing can call its modules any more:
 * workers then give back their data of its instances, and the keeper ends it
 * (fini, unloading). Without a host it ends at once.
 */
struct generation *generation_ref(struct generation *gen);
void generation_unref(struct generation **gen);

/* Boot. */
void host_init(struct host *host);
void host_done(struct host *host);

/* Main: it has its number, and is the current one from now on. */
void generation_publish(struct generation *gen);

/* Any thread: a reference to the one that new requests use; NULL: none yet. */
struct generation *generation_current(struct host *host);

/* Any thread: those that serve or have served and have not ended, older ones
 * first. fn() is called under a lock: it takes none, and keeps nothing. */
void generations_each(struct host *host, void (*fn)(void *ctx, const struct generation *gen),
		      void *ctx);

/* For generation.c: it is complete; it never came to life, or has ended. */
void generation_enlist(struct generation *gen);
void generation_free(struct generation *gen);

/* Any thread, with a reference: the options of an instance (conf_set_of). */
const struct option_set *generation_set_of(void *gen, const char *instance);

/* Worker: it keeps, or no longer keeps, something for an instance of `gen`. */
void generation_hold(struct generation *gen);
void generation_let_go(struct generation *gen);

/* A route's handler by its name "INSTANCE.NAME", or NULL. */
struct handler_ref {
	weir_handler *handler;
	struct instance *inst;
	bool is_inline, is_live, gunzips;
	const char *name;
};
bool generation_handler(const struct generation *gen, const char *name, struct handler_ref *ret);

/* ---- headers added to answers (headers.c) ---- */

/* While building: reads the add_header lines of server, routes and static files.
 * -ENOMEM, else 0 (also when errs grew). */
must_check int headers_build(struct generation *gen, struct conf_errors *errs);

/* ---- shares of pools (shares.c) ---- */

/* While building: does what routes and modules reserve fit? Makes their shares
 * of `pools` (NULL: only checking). -ENOMEM, else 0 (also when errs grew). */
must_check int shares_build(struct generation *gen, struct pools *pools, struct conf_errors *errs);

/* The [pool] section that a route's handler runs in. */
const struct conf_section *route_pool_section(const struct generation *gen, const struct route *r);

/* ---- pools by name ---- */

/* Nanoseconds of a duration option; CLOCK_NEVER of `inf` and `off`. */
int64_t conf_ns(int64_t ms);

/* Boot: one pool for every [pool] section. NULL when memory is out. */
must_check struct pools *pools_new(const struct conf *conf);

/* The keeper, boot: makes the pools of `conf` that are not there yet. -ENOMEM. */
must_check int pools_add(struct pools *pools, const struct conf *conf);

/* Main: gives every pool that `conf` has the settings it has there. Others keep
 * theirs for what still runs in them, and no thread once it has ended. */
void pools_apply(struct pools *pools, const struct conf *conf);

/*
 * Any thread: sets a live option of a pool until the next reload, checked as in
 * the file. 0; -ENOENT: there is no such pool or live option; -EINVAL: the value
 * cannot be; -ENOMEM. `why` is one line for the user.
 */
must_check int pools_set_option(struct pools *pools, const struct conf *conf, const char *pool,
				const char *option, const char *value, char *why, size_t size);

/* Any thread: has a pool another value of an option than its section says? Then
 * the text of it. */
bool pools_option_differs(const struct pools *pools, const struct conf_section *s, size_t index,
			  char *text, size_t size);

/* Any thread: adds what was set at run time and will be as in `is` again, which
 * takes the place of `was`. */
void pools_add_overrides(const struct pools *pools, const struct conf *was, const struct conf *is,
			 struct conf_changes *changes);

/* Boot and stop: who looks after them. */
void pools_set_watch(struct pools *pools, struct watch *watch);

/* Any thread. */
struct pool *pools_find(const struct pools *pools, const char *name);
struct pool *pools_at(const struct pools *pools, size_t i); /* NULL behind the last */

void pools_free(struct pools **pools);

#endif
