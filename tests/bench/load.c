/*
 * load: a load generator for HTTP/1.1, closed and open loop, on raw epoll and
 * prepared requests, so that it is faster than what it measures. See --help and
 * tests/README.md.
 *
 * Thread: main starts the clients (load_client.h), prints each second what they
 * counted, and adds it up in the end.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "load_client.h"
#include "load_hold.h"
#include "load_report.h"
#include "load_sock.h"

struct run {
	struct conf conf;
	struct requests requests;
	_Atomic(struct sample *) *samples;
	struct client *clients;
	pthread_t *threads;
	int64_t start;
	/* how many clients are still running; main waits for 0, or for a second to pass */
	pthread_mutex_t lock;
	pthread_cond_t is_less;
	unsigned running;
};

static struct run run = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_signal(int number)
{
	(void)number;
	client_interrupt();
}

static void *client_thread(void *arg)
{
	client_run(arg);
	pthread_mutex_lock(&run.lock);
	run.running--;
	pthread_cond_signal(&run.is_less);
	pthread_mutex_unlock(&run.lock);
	return NULL;
}

/* False: nobody runs any more. */
static bool wait_until(int64_t when)
{
	struct timespec at = clock_timespec(when);
	int rc = 0;
	pthread_mutex_lock(&run.lock);
	while (run.running && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&run.is_less, &run.lock, &at);
	bool is_running = run.running > 0;
	pthread_mutex_unlock(&run.lock);
	return is_running;
}

static void add_up(struct totals *ret_totals)
{
	*ret_totals = (struct totals){ 0 };
	for (unsigned i = 0; i < run.conf.threads; i++)
		counts_add(&run.clients[i].counts, ret_totals);
}

/* Until all clients are done. */
static void watch(void)
{
	static struct totals before, now, second;
	bool is_running = true;
	for (uint64_t i = 0; is_running; i++) {
		is_running = wait_until(run.start + (int64_t)(i + 1) * NS_PER_S);
		add_up(&now);
		totals_since(&now, &before, &second);
		before = now;
		/* What is left of the last second may be nothing at all. */
		if (run.conf.each_second &&
		    (is_running || second.offered || second.answered || second.given_up))
			report_second(i, &second);
	}
}

static void start_clients(void)
{
	const struct conf *conf = &run.conf;
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&run.is_less, &monotonic);
	pthread_condattr_destroy(&monotonic);
	run.clients = calloc(conf->threads, sizeof(*run.clients));
	run.threads = calloc(conf->threads, sizeof(*run.threads));
	if (!run.clients || !run.threads)
		fatal("out of memory");
	for (unsigned i = 0; i < conf->threads; i++)
		client_init(&run.clients[i], i, conf, &run.requests, run.samples);
	run.running = conf->threads;
	/* They begin together. */
	run.start = clock_now() + 2 * NS_PER_MS;
	for (unsigned i = 0; i < conf->threads; i++) {
		run.clients[i].start = run.start;
		run.clients[i].end = clock_add(run.start, conf->duration);
		int rc = pthread_create(&run.threads[i], NULL, client_thread, &run.clients[i]);
		if (rc != 0)
			fatal("cannot start a thread: %s", strerror(rc));
	}
}

static void make_samples(void)
{
	run.samples = calloc(run.conf.path_count, sizeof(*run.samples));
	if (!run.samples)
		fatal("out of memory");
	const char *expected = run.conf.expected_body;
	if (!expected)
		return;
	size_t len = strlen(expected);
	struct sample *s = malloc(sizeof(*s) + len + 1);
	if (!s)
		fatal("out of memory");
	s->len = len;
	memcpy(s->bytes, expected, len + 1);
	run.samples[0] = s;
}

static void free_all(void)
{
	for (unsigned i = 0; i < run.conf.threads; i++)
		client_done(&run.clients[i]);
	for (size_t i = 0; i < run.conf.path_count; i++)
		free(run.samples[i]);
	free(run.clients);
	free(run.threads);
	free(run.samples);
	requests_free(&run.requests);
}

/* Connections of an open loop are a bound only: it adapts unless it was asked for. */
static void check_descriptors(struct conf *conf)
{
	unsigned held = 0;
	for (int i = 0; i < HOLD_KINDS; i++)
		held += conf->hold[i];
	bool adapts = conf->rate_count > 0 && !conf->has_connections;
	unsigned most = sock_raise_limit(held + (adapts ? conf->threads : conf->connections));
	if (adapts && conf->connections > most - held)
		conf->connections = most - held;
}

static double seconds_of(const struct totals *t)
{
	double last = (double)t->last_ns / 1e9, wanted = (double)run.conf.duration / 1e9;
	/* A run by time lasts that long, unless it ended for another reason. */
	bool by_time = run.conf.duration != CLOCK_NEVER && run.conf.total == UINT64_MAX;
	double now = (double)(clock_now() - run.start) / 1e9;
	if (by_time && last < wanted)
		return now < wanted ? now : wanted;
	return last;
}

int main(int argc, char **argv)
{
	static struct totals totals;
	static struct hold_result held[HOLD_KINDS];
	conf_read(argc, argv, &run.conf);
	check_descriptors(&run.conf);
	requests_make(&run.conf, &run.requests);
	make_samples();
	struct hold *hold = hold_start(&run.conf);
	struct sigaction act = { .sa_handler = on_signal };
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	start_clients();
	watch();
	for (unsigned i = 0; i < run.conf.threads; i++)
		pthread_join(run.threads[i], NULL);
	hold_stop(&hold, held);
	add_up(&totals);
	double seconds = seconds_of(&totals);
	report_result(&run.conf, &totals, seconds, held);
	report_line(&totals, seconds);
	free_all();
	return report_errors(&totals) ? 2 : 0;
}
