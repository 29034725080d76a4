/*
 * The status drawn again and again, with the calls that are there.
 *
 * Thread: one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "weirctl/ctl.h"

static volatile sig_atomic_t is_ended;

static void on_signal(int number)
{
	(void)number;
	is_ended = 1;
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Lines that are left for calls. */
static int room(const struct ctl *c, const json_t *status)
{
	struct winsize size;
	if (c->batch || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return c->batch ? 0 : 20;
	int taken = 8 + (int)json_array_size(json_object_get(status, "pools"));
	return size.ws_row > taken ? size.ws_row - taken : 1;
}

struct last {
	double at;
	long long requests;
};

/* A round is a line, for who reads them one by one. */
static void write_round(json_t *status, json_t *calls)
{
	json_t *o =
		json_pack("{s:O, s:O}", "status", status, "calls", json_object_get(calls, "calls"));
	(void)json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(o);
}

static int draw(const struct ctl *c, struct last *last)
{
	json_t *status = NULL, *calls = NULL;
	struct ctl quiet = *c;
	quiet.json = false;
	int rc = ctl_get(&quiet, "/status", &status);
	if (rc == 0)
		rc = ctl_get(&quiet, "/calls", &calls);
	if (rc == 0 && c->json) {
		write_round(status, calls);
	} else if (rc == 0) {
		double at = now();
		long long requests = int_of(json_object_get(status, "requests"), "total");
		double rate =
			last->at > 0 ? (double)(requests - last->requests) / (at - last->at) : -1;
		*last = (struct last){ at, requests };
		if (!c->batch)
			fputs("\033[H\033[2J", stdout);
		show_status(status, rate);
		putchar('\n');
		show_calls(calls, room(c, status));
	}
	fflush(stdout);
	json_decref(status);
	json_decref(calls);
	return rc;
}

int ctl_top(const struct ctl *c)
{
	struct last last = { 0, 0 };
	struct sigaction act = { .sa_handler = on_signal };
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	int rc = 0;
	for (int round = 0; rc == 0 && !is_ended && (c->rounds == 0 || round < c->rounds);
	     round++) {
		if (round > 0)
			sleep((unsigned)c->delay);
		if (!is_ended)
			rc = draw(c, &last);
	}
	return rc;
}
