/*
 * The commands that ask and change; top is top.c's.
 *
 * Thread: one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weirctl/ctl.h"

enum { LONG_MS = 3000 }; /* most reloads take a hundredth of it */

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	nanosleep(&t, NULL);
}

/* ---- showing ---- */

int ctl_status(const struct ctl *c)
{
	json_t *o;
	int rc = ctl_get(c, "/status", &o);
	if (rc == 0 && !c->json)
		show_status(o, -1);
	json_decref(o);
	return rc;
}

int ctl_calls(const struct ctl *c)
{
	json_t *o;
	int rc = ctl_get(c, "/calls", &o);
	if (rc == 0 && !c->json)
		show_calls(o, 0);
	json_decref(o);
	return rc;
}

int ctl_modules(const struct ctl *c)
{
	json_t *o;
	size_t i;
	const json_t *m;
	int rc = ctl_get(c, "/modules", &o);
	if (rc == 0 && !c->json) {
		printf("%-16s %-12s %-8s %-5s %-12s %4s %10s %8s %s\n", "NAME", "MODULE", "VERSION",
		       "ABI", "BUILD-ID", "GEN", "CALLS", "FAILED", "FILE");
		json_array_foreach(json_object_get(o, "modules"), i, m)
			printf("%-16s %-12s %-8s %-5s %-12.12s %4lld %10lld %8lld %s\n",
			       text_of(m, "name"), text_of(m, "module"), text_of(m, "version"),
			       text_of(m, "abi"), text_of(m, "build_id"), int_of(m, "generation"),
			       int_of(m, "calls"), int_of(m, "failed") + int_of(m, "tasks_failed"),
			       text_of(m, "file"));
	}
	json_decref(o);
	return rc;
}

static void show_value(const json_t *v)
{
	const json_t *value = json_object_get(v, "value"), *one;
	size_t i;
	printf("%s %s =", text_of(v, "section"), text_of(v, "key"));
	if (json_is_string(value))
		printf(" %s", json_string_value(value));
	json_array_foreach(value, i, one) printf("%s %s", i ? "," : "", json_string_value(one));
	printf("  ; %s", text_of(v, "origin"));
	if (json_object_get(v, "running"))
		printf("; runs with %s, set at run time", text_of(v, "running"));
	if (strcmp(text_of(v, "change"), "restart") == 0)
		printf("; needs a restart");
	putchar('\n');
}

int ctl_config(const struct ctl *c)
{
	json_t *o;
	size_t i;
	const json_t *v;
	int rc = ctl_get(c, "/config", &o);
	if (rc == 0 && !c->json) {
		json_array_foreach(json_object_get(o, "values"), i, v) show_value(v);
	}
	json_decref(o);
	return rc;
}

/* ---- changing ---- */

static void show_change(const json_t *c)
{
	const json_t *was = json_object_get(c, "was"), *is = json_object_get(c, "is");
	const char *place = text_of(c, "place");
	if (json_is_null(json_object_get(c, "key")))
		printf("%s: %s", text_of(c, "section"), json_is_null(is) ? "removed" : "added");
	else
		printf("%s %s = %s, was %s", text_of(c, "section"), text_of(c, "key"),
		       json_string_value(is) ? json_string_value(is) : "",
		       json_string_value(was) ? json_string_value(was) : "");
	printf("%s%s%s\n", place[0] ? "  ; " : "", place,
	       json_is_true(json_object_get(c, "needs_restart")) ? "; needs a restart" : "");
}

static void show_changes(const json_t *list)
{
	size_t i;
	const json_t *c;
	json_array_foreach(list, i, c) show_change(c);
}

static void show_errors(const json_t *list)
{
	size_t i;
	const json_t *e;
	json_array_foreach(list, i, e)
	{
		const char *place = text_of(e, "place");
		fprintf(stderr, "%s%s%s\n", place, place[0] ? ": " : "", text_of(e, "message"));
	}
}

int ctl_diff(const struct ctl *c)
{
	json_t *o;
	int rc = ctl_get(c, "/diff", &o);
	if (rc == 0 && json_array_size(json_object_get(o, "errors")) > 0) {
		show_errors(json_object_get(o, "errors"));
		rc = CTL_CONFIG;
	}
	if (rc == 0 && !c->json)
		show_changes(json_object_get(o, "changes"));
	json_decref(o);
	return rc;
}

/* Waits for the report of a ticket, or of a later one. A daemon that has been
 * started anew meanwhile knows nothing of it. */
static int await_report(const struct ctl *c, long peer, long long ticket, json_t **ret)
{
	struct ctl quiet = *c;
	quiet.json = false;
	long waited = 0;
	for (long ms = 5;; ms = ms < 200 ? ms * 2 : ms) {
		int rc = ctl_get(&quiet, "/reload", ret);
		if (rc != 0 || int_of(*ret, "ticket") >= ticket)
			return rc;
		json_decref(*ret);
		*ret = NULL;
		if (ctl_is_gone(c, peer)) {
			fprintf(stderr, "weirctl: the daemon has ended before the reload had\n");
			return CTL_UNAVAILABLE;
		}
		if (waited < LONG_MS && waited + ms >= LONG_MS)
			fputs("weirctl: it takes long: a module's check, init or fini has not "
			      "returned, or an I/O thread does not turn\n",
			      stderr);
		pause_ms(ms);
		waited += ms;
	}
}

int ctl_reload(const struct ctl *c)
{
	json_t *o, *report = NULL;
	struct ctl quiet = *c;
	quiet.json = c->json && !c->wait;
	long peer = ctl_peer(c);
	int rc = ctl_send(&quiet, "POST", "/reload", NULL, &o);
	long long ticket = int_of(o, "ticket");
	json_decref(o);
	if (rc == 0 && !c->wait && !c->json)
		puts("asked for; --wait tells what comes of it, and so does the log");
	if (rc != 0 || !c->wait)
		return rc;
	rc = await_report(c, peer, ticket, &report);
	if (rc == 0 && c->json && json_dumpf(report, stdout, JSON_INDENT(2)) == 0)
		putchar('\n');
	if (rc == 0 && !c->json) {
		show_errors(json_object_get(report, "errors"));
		show_changes(json_object_get(report, "changes"));
		FILE *to = json_is_true(json_object_get(report, "good")) ? stdout : stderr;
		fprintf(to, "%s\n", text_of(report, "message"));
	}
	if (rc == 0 && !json_is_true(json_object_get(report, "good")))
		rc = json_array_size(json_object_get(report, "errors")) > 0 ? CTL_CONFIG
									    : CTL_REFUSED;
	json_decref(report);
	return rc;
}

int ctl_drain(const struct ctl *c)
{
	json_t *o;
	long peer = ctl_peer(c);
	int rc = ctl_send(c, "POST", "/drain", NULL, &o);
	json_decref(o);
	/* drain_timeout bounds it. */
	while (rc == 0 && c->wait && !ctl_is_gone(c, peer))
		pause_ms(50);
	if (rc == 0 && !c->json)
		puts(c->wait ? "the daemon has ended" : "the daemon finishes what was begun");
	return rc;
}

int ctl_log(const struct ctl *c)
{
	json_t *o;
	if (c->argc != 1) {
		fprintf(stderr, "weirctl: log takes one of error, warning, notice, info, debug\n");
		return CTL_USAGE;
	}
	int rc = ctl_send(c, "PUT", "/log/level", c->argv[0], &o);
	if (rc == 0 && !c->json)
		printf("log_level = %s, until the next reload\n", text_of(o, "log_level"));
	json_decref(o);
	return rc;
}

/* ---- tokens ---- */

static int show_tokens(const struct ctl *c, const char *pool)
{
	json_t *o;
	size_t i;
	const json_t *p;
	bool was_found = false;
	char limit[24];
	int rc = ctl_get(c, "/status", &o);
	json_array_foreach(rc == 0 ? json_object_get(o, "pools") : NULL, i, p)
	{
		const json_t *tokens = json_object_get(p, "tokens");
		const json_t *bound = json_object_get(tokens, "limit");
		if (pool && strcmp(pool, text_of(p, "name")) != 0)
			continue;
		was_found = true;
		snprintf(limit, sizeof(limit), "%lld", (long long)json_integer_value(bound));
		if (!c->json)
			printf("%s: %lld of %s in use, %lld waiting\n", text_of(p, "name"),
			       int_of(tokens, "in_use"),
			       json_is_string(bound) ? json_string_value(bound) : limit,
			       int_of(json_object_get(p, "queue"), "waiting"));
	}
	json_decref(o);
	if (rc == 0 && pool && !was_found) {
		fprintf(stderr, "weirctl: there is no pool '%s'\n", pool);
		rc = CTL_REFUSED;
	}
	return rc;
}

/* The daemon's own file; it has none when it was started as `weir run`. */
static int find_file(const struct ctl *c, char *ret_file, size_t size)
{
	json_t *status;
	struct ctl quiet = *c;
	quiet.json = false;
	int rc = ctl_get(&quiet, "/status", &status);
	if (rc == 0 && snprintf(ret_file, size, "%s", text_of(status, "file")) >= (int)size)
		rc = CTL_SYSTEM;
	if (rc == 0 && ret_file[0] != '/') {
		fprintf(stderr, "weirctl: the daemon runs without a file; nothing can be saved\n");
		rc = CTL_REFUSED;
	}
	json_decref(status);
	return rc;
}

/* "inf", or numbers that may be written in more than one way. */
static bool is_same(const char *a, const char *b)
{
	char *a_end, *b_end;
	long long a_number = strtoll(a, &a_end, 10), b_number = strtoll(b, &b_end, 10);
	return strcmp(a, b) == 0 ||
	       (a_end > a && b_end > b && !*a_end && !*b_end && a_number == b_number);
}

/* The file says it now; does the daemon's configuration read that file? */
static int keep(const struct ctl *c, const char *file, const char *pool, const char *value)
{
	char path[4096], section[80];
	json_t *diff;
	struct ctl quiet = *c;
	quiet.json = false;
	int rc = ctl_save(file, pool, "thread_tokens", value, path, sizeof(path));
	if (rc != 0)
		return rc;
	rc = ctl_get(&quiet, "/diff", &diff);
	snprintf(section, sizeof(section), "[pool %s]", pool);
	size_t i, different = 0;
	const json_t *change;
	json_array_foreach(json_object_get(diff, "changes"), i, change) different +=
		strcmp(text_of(change, "key"), "thread_tokens") == 0 &&
		strcmp(text_of(change, "section"), section) == 0 &&
		!is_same(text_of(change, "is"), value);
	json_decref(diff);
	if (!c->json)
		printf("%s: saved\n", path);
	if (rc == 0 && different > 0) {
		fprintf(stderr, "weirctl: the daemon's file does not read it; it needs the line\n"
				"include = conf.d/*.ini\nbefore its first section\n");
		rc = CTL_CONFIG;
	}
	return rc;
}

int ctl_tokens(const struct ctl *c)
{
	char path[256], file[4000];
	json_t *o;
	if (c->argc < 2)
		return show_tokens(c, c->argc > 0 ? c->argv[0] : NULL);
	if (strspn(c->argv[0],
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
		    strlen(c->argv[0]) ||
	    strlen(c->argv[0]) > 64) {
		fprintf(stderr, "weirctl: '%s' is no name of a pool\n", c->argv[0]);
		return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "/pools/%s/thread_tokens", c->argv[0]);
	int rc = c->save ? find_file(c, file, sizeof(file)) : 0;
	if (rc != 0)
		return rc;
	rc = ctl_send(c, "PUT", path, c->argv[1], &o);
	if (rc == 0 && !c->json)
		printf("%s: thread_tokens = %s%s\n", c->argv[0], text_of(o, "value"),
		       c->save ? "" : ", until the next reload (--save keeps it)");
	if (rc == 0 && c->save)
		rc = keep(c, file, c->argv[0], text_of(o, "value"));
	json_decref(o);
	return rc;
}
