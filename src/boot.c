/*
 * Boot list, running, stopping. Each step has a start and a stop; they are
 * started in order and stopped in reverse.
 *
 * Stopping goes in stages: listeners take what waits and close; connections
 * end their request; pools run what was promised; then everything is undone.
 * What is still at work when drain_timeout is over is named in the log, and
 * the process ends without it: threads cannot be stopped from outside.
 *
 * Thread: main, which runs a loop of its own for signals and stages.
 */
#include "boot.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/err.h"
#include "base/log.h"
#include "daemon.h"
#include "net/census.h"
#include "net/listen.h"
#include "net/notify.h"
#include "net/signals.h"
#include "work/background.h"
#include "work/crash.h"
#include "work/module.h"
#include "work/pool.h"
#include "work/reader.h"
#include "work/site.h"
#include "work/stats.h"
#include "reload.h"
#include "work/watch.h"

/* ---- stages of stopping ---- */

static void one_drained(struct loop *main_loop, void *arg)
{
	struct daemon *d = arg;
	if (++d->drained_loops == d->running_loops)
		loop_stop(main_loop);
}

/* On an I/O thread. */
static void tell_drained(struct loop *loop, void *ctx)
{
	struct daemon *d = ctx;
	loop_post(&d->main_loop, &loop->report, one_drained, d);
}

static void start_drain(struct loop *loop, void *arg)
{
	loop_drain(loop, tell_drained, arg);
}

static void on_deadline(void *ctx)
{
	struct daemon *d = ctx;
	d->is_late = true;
	loop_stop(&d->main_loop);
}

/* The delay is over. */
static void on_delay(void *ctx)
{
	struct daemon *d = ctx;
	int64_t ms = conf_int(&d->conf->server, SERVER_DRAIN_TIMEOUT);
	log_notice("stopping: finishing what was accepted, for at most %lld ms", (long long)ms);
	d->is_stopping = true;
	tasks_announce_stop();
	d->drain_deadline = clock_add(clock_now(), ms == WEIR_INF ? CLOCK_NEVER : ms * NS_PER_MS);
	notify_stopping(d->notify, d->drain_deadline);
	signals_set_deadline(d->signals, ms, on_deadline);
	list_each (&d->listening, struct listening, link, l)
		sockets_unlink(l->sockets);
	for (int i = 0; i < d->running_loops; i++)
		loop_post(&d->loops[i], &d->loops[i].errand, start_drain, d);
}

static void begin_stop(struct daemon *d)
{
	int64_t ms = conf_int(&d->conf->server, SERVER_DRAIN_DELAY);
	if (d->is_leaving)
		return;
	d->is_leaving = true;
	admin_set_state(d->admin, ADMIN_DRAINING);
	if (ms == 0) {
		on_delay(d);
		return;
	}
	log_notice("stopping in %lld ms: not ready any more", (long long)ms);
	notify_stopping(d->notify, clock_add(clock_now(), ms * NS_PER_MS));
	signals_set_deadline(d->signals, ms, on_delay);
}

static void on_stop(void *ctx)
{
	begin_stop(ctx);
}

static void on_reopen(void *ctx)
{
	logs_reopen(ctx);
}

static void on_reload(void *ctx)
{
	struct daemon *d = ctx;
	reload_ask(d->reload);
}

static void name_leftover(void *ctx, const struct call *call)
{
	const char *pool = ctx;
	bool runs = call->started > 0;
	int64_t since = runs ? call->started : call->submitted;
	const char *what = runs                       ? "still runs"
			   : call->state == CALL_IDLE ? "has not begun"
						      : "still waits";
	log_warn("request %s: %s %s in pool \"%s\" after %lld ms; ended with the daemon", call->id,
		 call->name, what, pool, (long long)((clock_now() - since) / NS_PER_MS));
}

static bool drain_until(struct daemon *d, int64_t deadline)
{
	bool all = true;
	struct pool *p;
	for (size_t i = 0; (p = pools_at(d->host.pools, i)) != NULL; i++)
		all = pool_drain(p, deadline) && all;
	all = readers_drain(d->readers, deadline) && all;
	return keeper_drain(d->host.keeper, deadline) && all;
}

/* Background tasks may take long: systemd would take silence for a stop that hangs, so
 * the main loop's timers go on. */
static bool drain_pools(struct daemon *d)
{
	static const int64_t step = NS_PER_S / 2;
	int64_t deadline = d->is_late ? 0 : d->drain_deadline, soon;
	bool all;
	do {
		soon = clock_add(clock_now(), step);
		soon = soon < deadline ? soon : deadline;
		all = drain_until(d, soon);
		if (!all)
			loop_turn(&d->main_loop, false);
	} while (!all && soon < deadline);
	return all && !d->is_late;
}

/* Handlers that do not return cannot be undone around them. */
static _Noreturn void leave_behind(struct daemon *d)
{
	struct pool *p;
	log_warn("drain_timeout is over");
	for (size_t i = 0; (p = pools_at(d->host.pools, i)) != NULL; i++)
		pool_each_call(p, name_leftover, (void *)(uintptr_t)pool_name(p));
	if (!readers_drain(d->readers, 0))
		log_warn(
			"a disk did not answer: files are still being read; ended with the daemon");
	if (!keeper_drain(d->host.keeper, 0))
		log_warn("a module's init, check or fini still runs; ended with the daemon");
	(void)log_stop();
	_exit(EXIT_SUCCESS);
}

/* ---- the boot list ---- */

static int cpu_count(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return count < 64 ? count : 64;
}

static int io_threads(const struct conf *conf)
{
	int64_t wanted = conf_int(&conf->server, SERVER_IO_THREADS);
	return wanted == WEIR_AUTO ? cpu_count() : (int)wanted;
}

static int start_logs(struct daemon *d)
{
	d->loop_wanted = io_threads(d->conf);
	return logs_start(d);
}

static int start_pools(struct daemon *d)
{
	d->host.pools = pools_new(d->conf);
	if (!d->host.pools)
		log_error("cannot make pools: out of memory");
	return d->host.pools ? 0 : EXIT_SYSTEM;
}

static void stop_pools(struct daemon *d)
{
	pools_free(&d->host.pools);
}

static int start_watch(struct daemon *d)
{
	d->watch = watch_start(d->host.pools);
	if (!d->watch)
		log_error("cannot start the watch: %s", strerror(errno));
	return d->watch ? 0 : EXIT_SYSTEM;
}

static void stop_watch(struct daemon *d)
{
	watch_stop(&d->watch);
}

static int start_readers(struct daemon *d)
{
	d->readers = readers_new();
	if (!d->readers)
		log_error("cannot make readers: out of memory");
	return d->readers ? 0 : EXIT_SYSTEM;
}

static void stop_readers(struct daemon *d)
{
	readers_free(&d->readers);
}

static int start_census(struct daemon *d)
{
	d->census = census_new();
	if (!d->census)
		log_error("cannot count clients: out of memory");
	return d->census ? 0 : EXIT_SYSTEM;
}

static void stop_census(struct daemon *d)
{
	census_free(&d->census);
}

static int start_stats(struct daemon *d)
{
	d->host.stats = stats_new((size_t)d->loop_wanted);
	if (!d->host.stats)
		log_error("cannot count: out of memory");
	return d->host.stats ? 0 : EXIT_SYSTEM;
}

static void stop_stats(struct daemon *d)
{
	stats_free(&d->host.stats);
}

static int start_keeper(struct daemon *d)
{
	d->host.keeper = keeper_start();
	if (!d->host.keeper)
		log_error("cannot start the keeper: %s", strerror(errno));
	return d->host.keeper ? 0 : EXIT_SYSTEM;
}

static void stop_keeper(struct daemon *d)
{
	keeper_stop(&d->host.keeper);
}

static int start_modules(struct daemon *d)
{
	d->gen = generation_new(d->conf, &d->host, &d->errs);
	if (!d->gen) {
		d->conf = NULL;
		return EXIT_CONFIG;
	}
	generation_publish(d->gen);
	generation_apply(d->gen, d->host.pools);
	return 0;
}

static void stop_modules(struct daemon *d)
{
	generation_unref(&d->gen);
	d->conf = NULL; /* it was the generation's */
}

static int start_loops(struct daemon *d)
{
	int count = d->loop_wanted;
	struct stats_entry *no_route = stats_entry(d->host.stats, "none", "");
	uint32_t id_prefix;
	if (getrandom(&id_prefix, sizeof(id_prefix), GRND_NONBLOCK) != sizeof(id_prefix))
		id_prefix = (uint32_t)clock_now() ^ (uint32_t)getpid();
	d->loops = calloc((size_t)count, sizeof(*d->loops));
	int rc = d->loops ? loop_init(&d->main_loop, -1, NULL, id_prefix) : -ENOMEM;
	for (int i = 0; rc == 0 && i < count; i++) {
		rc = loop_init(&d->loops[i], i, d->gen, id_prefix);
		d->loop_count = i + 1;
		d->loops[i].access = d->access;
		d->loops[i].readers = d->readers;
		d->loops[i].keeper = d->host.keeper;
		d->loops[i].census = d->census;
		d->loops[i].tally.no_route = no_route;
		d->loops[i].next = &d->loops[(i + 1) % count];
	}
	if (rc < 0)
		log_error("cannot make event loops: %s", strerror(-rc));
	return rc < 0 ? EXIT_SYSTEM : 0;
}

static void stop_loops(struct daemon *d)
{
	for (int i = 0; i < d->loop_count; i++)
		loop_done(&d->loops[i]);
	if (d->loops)
		loop_done(&d->main_loop);
	free(d->loops);
	d->loops = NULL;
}

static int start_signals(struct daemon *d)
{
	static const struct signal_actions actions = {
		.stop = on_stop,
		.reload = on_reload,
		.reopen = on_reopen,
	};
	d->signals = signals_start(&d->main_loop, &actions, d);
	return d->signals ? 0 : EXIT_SYSTEM;
}

static void stop_signals(struct daemon *d)
{
	signals_stop(&d->signals);
}

static void on_reloaded(void *ctx, const struct reload_report *report)
{
	struct daemon *d = ctx;
	struct admin_reload how = {
		.ticket = report->ticket,
		.is_good = report->is_good,
		.generation = report->generation,
		.message = report->message,
		.errs = report->errs,
		.changes = report->changes,
	};
	admin_reloaded(d->admin, &how);
	if (!d->is_leaving)
		notify_ready(d->notify);
}

static int start_reload(struct daemon *d)
{
	d->reload = reload_new(d, on_reloaded, d);
	if (!d->reload)
		log_error("cannot prepare reloads: out of memory");
	return d->reload ? 0 : EXIT_SYSTEM;
}

static void stop_reload(struct daemon *d)
{
	reload_free(&d->reload);
}

static uint64_t ask_reload(void *ctx)
{
	struct daemon *d = ctx;
	return reload_ask(d->reload);
}

static void drain_asked(struct loop *main_loop, void *arg)
{
	(void)main_loop;
	begin_stop(arg);
}

static void ask_drain(void *ctx)
{
	struct daemon *d = ctx;
	if (!atomic_exchange(&d->is_drain_asked, true))
		loop_post(&d->main_loop, &d->drain_errand, drain_asked, d);
}

static int start_notify(struct daemon *d)
{
	d->notify = notify_start(&d->main_loop, d->loops, d->loop_count, d->host.pools);
	if (!d->notify)
		log_error("cannot tell systemd anything: out of memory");
	return d->notify ? 0 : EXIT_SYSTEM;
}

static void stop_notify(struct daemon *d)
{
	notify_stop(&d->notify);
}

static int start_admin(struct daemon *d)
{
	const struct admin_view view = {
		.host = &d->host,
		.main_loop = &d->main_loop,
		.loops = d->loops,
		.loop_count = d->loop_count,
		.readers = d->readers,
		.census = d->census,
		.reload = ask_reload,
		.drain = ask_drain,
		.ctx = d,
	};
	int rc = admin_start(&view, d->conf, &d->admin, &d->errs);
	if (rc < 0 && d->errs.count == 0)
		log_error("cannot start the control plane: %s", strerror(-rc));
	return rc < 0 ? EXIT_SYSTEM : 0;
}

static void stop_admin(struct daemon *d)
{
	admin_stop(&d->admin);
}

static int start_listeners(struct daemon *d)
{
	struct list opened;
	list_init(&opened);
	bool good = listening_open(d, d->conf, &opened, &d->errs);
	list_each (&opened, struct listening, link, l) {
		for (int i = 0; i < d->loop_count; i++)
			sockets_attach(l->sockets, (size_t)i, &d->loops[i]);
	}
	list_move_all(&d->listening, &opened);
	return good ? 0 : EXIT_SYSTEM;
}

static void stop_listeners(struct daemon *d)
{
	for (int i = 0; i < d->loop_count; i++)
		listeners_close(&d->loops[i]);
	listening_free(&d->listening);
}

static int start_threads(struct daemon *d)
{
	for (int i = 0; i < d->loop_count; i++) {
		int rc = loop_start(&d->loops[i]);
		if (rc < 0) {
			log_error("cannot start I/O thread %d: %s", i, strerror(-rc));
			return EXIT_SYSTEM;
		}
		d->running_loops++;
	}
	return 0;
}

static void end_loop(struct loop *loop, void *arg)
{
	(void)arg;
	loop_stop(loop);
}

/* Workers and readers first: what they post home, the loops still take. */
static void stop_threads(struct daemon *d)
{
	struct pool *p;
	for (size_t i = 0; (p = pools_at(d->host.pools, i)) != NULL; i++)
		pool_stop(p);
	readers_stop(d->readers);
	for (int i = 0; i < d->running_loops; i++) {
		loop_post(&d->loops[i], &d->loops[i].errand, end_loop, NULL);
		must_pt(pthread_join(d->loops[i].thread, NULL));
	}
}

static const struct step {
	const char *name;
	int (*start)(struct daemon *d);
	void (*stop)(struct daemon *d);
} steps[] = {
	{ "logs", start_logs, logs_stop },
	{ "pools", start_pools, stop_pools },
	{ "readers", start_readers, stop_readers },
	{ "stats", start_stats, stop_stats },
	{ "keeper", start_keeper, stop_keeper },
	{ "modules", start_modules, stop_modules },
	{ "watch", start_watch, stop_watch },
	{ "census", start_census, stop_census },
	{ "loops", start_loops, stop_loops },
	{ "reload", start_reload, stop_reload },
	{ "notify", start_notify, stop_notify },
	{ "control plane", start_admin, stop_admin },
	{ "signals", start_signals, stop_signals },
	{ "listeners", start_listeners, stop_listeners },
	{ "I/O threads", start_threads, stop_threads },
};

static void stop_from(struct daemon *d, size_t count)
{
	while (count > 0)
		steps[--count].stop(d);
}

static void show_routes(const struct generation *gen)
{
	for (size_t i = 0; i < gen->route_count; i++) {
		const struct route *r = &gen->routes[i];
		printf("  %-32s %s (%s%s)\n", r->label, r->handler_name,
		       r->redirect    ? "on I/O threads"
		       : r->is_inline ? "inline"
				      : "blocking, pool ",
		       r->is_inline ? "" : pool_name(r->pool));
	}
	for (size_t i = 0; i < gen->site_count; i++)
		printf("  %-32s %s (files)\n", gen->sites[i].route.label,
		       gen->sites[i].route.handler_name);
	fflush(stdout);
}

static int run(struct daemon *d, bool shows_routes)
{
	if (shows_routes)
		show_routes(d->gen);
	admin_set_state(d->admin, ADMIN_SERVING);
	log_info("ready: %zu routes of %zu modules on %d I/O threads", d->gen->route_count,
		 d->gen->instance_count, d->loop_count);
	notify_ready(d->notify);
	loop_run(&d->main_loop);
	if (!drain_pools(d))
		leave_behind(d);
	return EXIT_SUCCESS;
}

/* Each arena keeps the shape of its own peak, and glibc makes eight for every
 * processor. Who sets the number from outside is left alone. */
static void bound_arenas(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");
	int count = cpu_count();
	if (getenv("MALLOC_ARENA_MAX") || (tunables && strstr(tunables, "arena_max")))
		return;
	/* An allocator put in glibc's place does not know it, and need not. */
	(void)mallopt(M_ARENA_MAX, count > 2 ? count : 2);
}

int boot_serve(struct conf *conf, bool shows_routes)
{
	bound_arenas();
	crash_start();
	struct daemon d = { .conf = conf };
	int rc = 0;
	size_t started = 0;
	logs_set_level(conf);
	conf_errors_init(&d.errs);
	conf_hide(conf, &d.errs);
	list_init(&d.listening);
	host_init(&d.host);
	while (rc == 0 && started < array_len(steps)) {
		rc = steps[started].start(&d);
		started++;
	}
	if (rc == 0)
		rc = run(&d, shows_routes);
	conf_errors_print(&d.errs, stderr);
	stop_from(&d, started);
	if (rc == 0)
		log_notice("stopped");
	conf_free(&d.conf);
	conf_errors_done(&d.errs);
	host_done(&d.host);
	return rc;
}
