/*
 * The way of a reload: asked for, built, taken over by all loops, told.
 *
 * Thread: main; build() and open_new() the keeper's; swap() each loop's.
 */
#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/listen.h"
#include "net/notify.h"
#include "work/module.h"

/* One loop's part. */
struct swap {
	struct reload *reload;
	struct errand there, back;
	struct generation *gen; /* its reference, on the way */
};

struct reload {
	struct daemon *d;
	reload_fn *fn; /* told of the end */
	void *ctx;
	_Atomic uint64_t asked; /* tickets given out; any thread */
	_Atomic bool is_posted; /* `errand` is on its way; any thread */
	struct errand errand;
	uint64_t ticket; /* the last that this one is for */
	bool is_under_way;
	bool again; /* another one was asked for meanwhile */
	/* The keeper's, while it builds: */
	struct keeper_job job;
	struct mail built;
	struct generation *gen;
	struct conf_errors errs;
	struct list opened;  /* sockets that are new */
	struct list dropped; /* and those that are not wanted any more */
	struct conf_changes changes;
	struct swap *swaps; /* one a loop */
	int swapped;
};

static const char is_stopping[] = "not reloaded: the daemon is stopping";

static void start(struct reload *r);

/* ---- sockets ---- */

/* What is said, or where nothing is. */
static const struct option_value *wanted(const struct conf *conf)
{
	static struct option_text texts[] = { { .text = "systemd" }, { .text = "127.0.0.1:8080" } };
	static const struct option_value passed = { .texts = &texts[0], .count = 1 };
	static const struct option_value otherwise = { .texts = &texts[1], .count = 1 };
	if (conf_is_given(&conf->server, SERVER_LISTEN))
		return &conf->server.set.values[SERVER_LISTEN];
	return bind_is_passed() ? &passed : &otherwise;
}

/* Clients of a socket that nobody accepts from would wait for ever. */
static void warn_of_unused(const struct option_value *listen)
{
	for (size_t i = 0; i < listen->count; i++) {
		if (strncmp(listen->texts[i].text, "systemd", strlen("systemd")) == 0)
			return;
	}
	if (bind_is_passed())
		log_warn("systemd passes sockets that no `listen = systemd` takes: their clients "
			 "wait for nothing; disable the .socket unit, or take out `listen`");
}

static bool is_wanted(const struct sockets *s, const struct conf *conf)
{
	const struct option_value *listen = wanted(conf);
	for (size_t i = 0; i < listen->count; i++) {
		if (sockets_are_of(s, listen->texts[i].text))
			return true;
	}
	return false;
}

static bool is_open(const struct list *listening, const char *value)
{
	list_each (listening, struct listening, link, l) {
		if (sockets_are_of(l->sockets, value))
			return true;
	}
	return false;
}

static bool open_one(struct daemon *d, const struct option_text *value, struct list *to,
		     struct conf_errors *errs)
{
	struct listening *l = calloc(1, sizeof(*l));
	if (l)
		l->sockets = sockets_open(value, (size_t)d->loop_count, 0666, errs);
	else
		conf_error(errs, value->place, "cannot listen: out of memory");
	if (!l || !l->sockets) {
		free(l);
		return false;
	}
	list_add_last(to, &l->link);
	return true;
}

bool listening_open(struct daemon *d, const struct conf *conf, struct list *ret_new,
		    struct conf_errors *errs)
{
	const struct option_value *listen = wanted(conf);
	bool good = true;
	for (size_t i = 0; i < listen->count; i++) {
		if (!is_open(&d->listening, listen->texts[i].text))
			good = open_one(d, &listen->texts[i], ret_new, errs) && good;
	}
	if (!good)
		listening_free(ret_new);
	else
		warn_of_unused(listen);
	return good;
}

void listening_free(struct list *listening)
{
	struct listening *l;
	while ((l = list_first(listening, struct listening, link)) != NULL) {
		list_remove(&l->link);
		sockets_free(&l->sockets);
		free(l);
	}
}

/* ---- building ---- */

static void build(struct keeper_job *job)
{
	struct reload *r = container_of(job, struct reload, job);
	struct daemon *d = r->d;
	struct conf *conf = NULL;
	int rc = conf_load_again(d->gen->conf, &conf, &r->errs);
	if (rc == 0) {
		r->gen = generation_new(conf, &d->host, &r->errs);
	} else if (conf) {
		/* All that is wrong, modules included, in one answer. */
		struct generation *none = generation_new(conf, NULL, &r->errs);
		generation_unref(&none);
	} else {
		conf_error(&r->errs, (struct conf_place){ .file = NULL }, "out of memory");
	}
	if (r->gen && !listening_open(d, r->gen->conf, &r->opened, &r->errs))
		generation_unref(&r->gen);
	mailbox_post(&d->main_loop.mailbox, &r->built);
}

/* ---- telling ---- */

static void finish(struct reload *r, bool is_good, const char *message)
{
	struct reload_report report = {
		.is_good = is_good,
		.ticket = r->ticket,
		.generation = r->d->gen->number,
		.message = message,
		.errs = &r->errs,
		.changes = &r->changes,
	};
	r->fn(r->ctx, &report);
	conf_changes_done(&r->changes);
	conf_errors_done(&r->errs);
	r->is_under_way = false;
	if (!r->again || r->d->is_stopping)
		return;
	r->again = false;
	start(r);
}

static void log_change(const struct conf_change *c)
{
	if (!c->key)
		log_info("%s: %s", c->section, c->is ? "added" : "removed");
	else
		log_info("%s %s = %s, was %s%s", c->section, c->key, c->is, c->was,
			 c->needs_restart ? "; takes effect with the next start" : "");
}

/* ---- taking effect ---- */

/* The last loop has the new generation; nothing new begins on the old one. */
static void on_swapped(struct loop *main_loop, void *arg)
{
	struct swap *swap = arg;
	struct reload *r = swap->reload;
	struct daemon *d = r->d;
	char message[160];
	(void)main_loop;
	if (++r->swapped < d->running_loops)
		return;
	list_move_all(&d->listening, &r->opened);
	listening_free(&r->dropped);
	generation_unref(&d->gen);
	d->gen = r->gen;
	d->conf = d->gen->conf;
	r->gen = NULL;
	for (size_t i = 0; i < r->changes.count; i++)
		log_change(&r->changes.list[i]);
	snprintf(message, sizeof(message),
		 "reloaded \"%.60s\": generation %llu serves; %zu changes, %zu of them need a "
		 "restart",
		 d->conf->file, (unsigned long long)d->gen->number, r->changes.count,
		 r->changes.restarts);
	log_notice("%s", message);
	finish(r, true, message);
}

static void swap(struct loop *loop, void *arg)
{
	struct swap *s = arg;
	struct reload *r = s->reload;
	loop_use(loop, s->gen);
	s->gen = NULL;
	if (!loop->is_draining) {
		list_each (&r->opened, struct listening, link, l)
			sockets_attach(l->sockets, (size_t)loop->number, loop);
	}
	list_each (&r->dropped, struct listening, link, l)
		sockets_detach(l->sockets, loop);
	loop_post(&r->d->main_loop, &s->back, on_swapped, s);
}

static void sort_sockets(struct reload *r)
{
	list_each (&r->d->listening, struct listening, link, l) {
		if (is_wanted(l->sockets, r->gen->conf))
			continue;
		list_remove(&l->link);
		list_add_last(&r->dropped, &l->link);
		sockets_unlink(l->sockets);
	}
}

static void keep_sockets(struct reload *r)
{
	const struct option_value *listen = wanted(r->gen->conf);
	list_each (&r->d->listening, struct listening, link, l) {
		for (size_t i = 0; i < listen->count; i++)
			sockets_keep(l->sockets, listen->texts[i].text);
	}
}

static void take_effect(struct reload *r)
{
	struct daemon *d = r->d;
	conf_diff(&r->changes, d->gen->conf, generation_set_of, d->gen, r->gen->conf,
		  generation_set_of, r->gen);
	pools_add_overrides(d->host.pools, d->gen->conf, r->gen->conf, &r->changes);
	generation_publish(r->gen);
	generation_apply(r->gen, d->host.pools);
	daemon_apply(d, r->gen->conf);
	sort_sockets(r);
	keep_sockets(r);
	r->swapped = 0;
	for (int i = 0; i < d->running_loops; i++) {
		struct swap *s = &r->swaps[i];
		s->gen = generation_ref(r->gen);
		loop_post(&d->loops[i], &s->there, swap, s);
	}
}

static void on_built(struct mail *m)
{
	struct reload *r = container_of(m, struct reload, built);
	struct daemon *d = r->d;
	if (r->gen && !d->is_stopping) {
		take_effect(r);
		return;
	}
	generation_unref(&r->gen);
	listening_free(&r->opened);
	conf_errors_log(&r->errs);
	const char *message = d->is_stopping ? is_stopping
					     : "not reloaded: the configuration has errors; the "
					       "daemon goes on as it was";
	log_error("%s", message);
	finish(r, false, message);
}

/* ---- asking ---- */

static void start(struct reload *r)
{
	struct daemon *d = r->d;
	conf_errors_init(&r->errs);
	r->changes = (struct conf_changes){ .count = 0 };
	r->is_under_way = true;
	r->ticket = atomic_load(&r->asked);
	if (d->is_stopping) {
		finish(r, false, is_stopping);
		return;
	}
	notify_reloading(d->notify);
	r->job.run = build;
	r->built.deliver = on_built;
	keeper_do(d->host.keeper, &r->job);
}

static void on_asked(struct loop *main_loop, void *arg)
{
	struct reload *r = arg;
	(void)main_loop;
	atomic_store(&r->is_posted, false);
	if (r->is_under_way)
		r->again = true;
	else
		start(r);
}

uint64_t reload_ask(struct reload *r)
{
	uint64_t ticket = atomic_fetch_add(&r->asked, 1) + 1;
	if (!atomic_exchange(&r->is_posted, true))
		loop_post(&r->d->main_loop, &r->errand, on_asked, r);
	return ticket;
}

struct reload *reload_new(struct daemon *d, reload_fn *fn, void *ctx)
{
	struct reload *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->swaps = calloc((size_t)d->loop_count, sizeof(*r->swaps));
	if (!r->swaps) {
		free(r);
		return NULL;
	}
	r->fn = fn;
	r->ctx = ctx;
	r->d = d;
	for (int i = 0; i < d->loop_count; i++)
		r->swaps[i].reload = r;
	list_init(&r->opened);
	list_init(&r->dropped);
	return r;
}

void reload_free(struct reload **reload)
{
	struct reload *r = *reload;
	if (!r)
		return;
	/* The end came before the last step of one. */
	generation_unref(&r->gen);
	listening_free(&r->opened);
	listening_free(&r->dropped);
	if (r->is_under_way)
		finish(r, false, "not reloaded: the daemon has stopped");
	free(r->swaps);
	free(r);
	*reload = NULL;
}
