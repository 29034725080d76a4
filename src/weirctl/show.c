/*
 * Answers of the daemon as tables.
 *
 * Thread: one.
 */
#include <stdio.h>
#include <string.h>

#include "weirctl/ctl.h"

const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

long long int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

double real_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

const char *duration(double seconds, char to[16])
{
	if (seconds < 1)
		snprintf(to, 16, "%.0f ms", seconds * 1000);
	else if (seconds < 100)
		snprintf(to, 16, "%.1f s", seconds);
	else if (seconds < 6000)
		snprintf(to, 16, "%.0f min", seconds / 60);
	else
		snprintf(to, 16, "%.1f h", seconds / 3600);
	return to;
}

/* A number, or "inf". */
static const char *bound_of(const json_t *o, const char *key, char to[24])
{
	const json_t *v = json_object_get(o, key);
	if (json_is_string(v))
		return json_string_value(v);
	snprintf(to, 24, "%lld", (long long)json_integer_value(v));
	return to;
}

static long long rejected(const json_t *queue)
{
	const json_t *r = json_object_get(queue, "rejected");
	return int_of(r, "full") + int_of(r, "expired") + int_of(r, "shed") +
	       int_of(r, "no_thread");
}

static void show_pool(const json_t *pool)
{
	const json_t *tokens = json_object_get(pool, "tokens");
	const json_t *queue = json_object_get(pool, "queue");
	const json_t *calls = json_object_get(pool, "calls");
	char limit[24], max[24], held[64], waiting[64], oldest[16];
	snprintf(held, sizeof(held), "%lld/%s", int_of(tokens, "in_use"),
		 bound_of(tokens, "limit", limit));
	snprintf(waiting, sizeof(waiting), "%lld/%s", int_of(queue, "waiting"),
		 bound_of(queue, "max", max));
	printf("%-16s %11s %13s %9s %9lld %8lld %5lld %8lld %8lld%s\n", text_of(pool, "name"), held,
	       waiting,
	       int_of(queue, "waiting") > 0 ? duration(real_of(queue, "oldest_seconds"), oldest)
					    : "-",
	       rejected(queue), int_of(calls, "abandoned"), int_of(calls, "lent"),
	       int_of(calls, "background"), int_of(json_object_get(pool, "threads"), "alive"),
	       json_is_true(json_object_get(queue, "overloaded")) ? "  overloaded" : "");
}

void show_status(const json_t *s, double rate)
{
	const json_t *connections = json_object_get(s, "connections");
	const json_t *requests = json_object_get(s, "requests");
	char up[16];
	size_t i;
	const json_t *pool;
	printf("weir %s, pid %lld, %s for %s, generation %lld of %s\n", text_of(s, "version"),
	       int_of(s, "pid"), text_of(s, "state"),
	       duration((double)int_of(s, "uptime_seconds"), up), int_of(s, "generation"),
	       text_of(s, "file"));
	printf("%lld connections of at most %lld; %lld requests", int_of(connections, "open"),
	       int_of(connections, "max"), int_of(requests, "total"));
	if (rate >= 0)
		printf(", %.0f a second", rate);
	printf(": %lld 2xx, %lld 4xx, %lld 5xx, %lld failed, %lld timed out\n",
	       int_of(requests, "2xx"), int_of(requests, "4xx"), int_of(requests, "5xx"),
	       int_of(requests, "failed"), int_of(requests, "timeouts"));
	if (json_is_integer(json_object_get(s, "stalled_io_thread")))
		printf("I/O thread %lld does not turn: an inline handler holds it up\n",
		       int_of(s, "stalled_io_thread"));
	size_t old = json_array_size(json_object_get(s, "generations"));
	if (old > 1)
		printf("%zu older generations are still in use\n", old - 1);
	printf("\n%-16s %11s %13s %9s %9s %8s %5s %8s %8s\n", "POOL", "TOKENS", "WAITING", "OLDEST",
	       "REJECTED", "ABANDON", "LENT", "BACKGR", "THREADS");
	json_array_foreach(json_object_get(s, "pools"), i, pool) show_pool(pool);
}

static void show_call(const json_t *call)
{
	char run[16], age[16], thread[40] = "-";
	bool runs = real_of(call, "run_seconds") > 0;
	if (json_object_get(call, "thread"))
		snprintf(thread, sizeof(thread), "%s", text_of(call, "thread"));
	printf("%-10s %8s %8s  %-14s %-12s %-32s %-22s %s\n",
	       json_is_true(json_object_get(call, "abandoned")) ? "abandoned"
								: text_of(call, "state"),
	       duration(real_of(call, "age_seconds"), age),
	       runs ? duration(real_of(call, "run_seconds"), run) : "-", thread,
	       text_of(call, "pool"), text_of(call, "route"), text_of(call, "id"),
	       text_of(call, "doing"));
}

void show_calls(const json_t *answer, int most)
{
	size_t i;
	const json_t *call, *list = json_object_get(answer, "calls");
	printf("%-10s %8s %8s  %-14s %-12s %-32s %-22s %s\n", "STATE", "AGE", "RUNS", "THREAD",
	       "POOL", "ROUTE", "REQUEST", "DOING");
	json_array_foreach(list, i, call)
	{
		if (most > 0 && i >= (size_t)most)
			break;
		show_call(call);
	}
	if (most > 0 && json_array_size(list) > (size_t)most)
		printf("... and %zu more\n", json_array_size(list) - (size_t)most);
	if (int_of(answer, "more") > 0)
		printf("... and %lld that were not listed\n", int_of(answer, "more"));
}
