/*
 * JSON lines and the line for people.
 *
 * Thread: main.
 */
#include "load_report.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
	const char *name, *text;
} ERROR_NAMES[] = {
#define X(id, name, text) { name, text },
	LOAD_ERRORS(X)
#undef X
};

uint64_t report_errors(const struct totals *t)
{
	uint64_t sum = 0;
	for (int i = 0; i < ERRORS; i++)
		sum += t->errors[i];
	return sum;
}

/* Of the whole run the largest is known exactly; a bucket's middle may lie above it. */
static uint64_t quantile(const struct totals *t, double share)
{
	uint64_t us = totals_quantile(t, share);
	return us < t->max_us ? us : t->max_us;
}

void report_second(uint64_t second, const struct totals *t)
{
	uint64_t other = t->answered - t->good;
	uint64_t refused = t->status[503] < other ? t->status[503] : other;
	printf("{\"second\": %" PRIu64 ", \"offered\": %" PRId64 ", \"good\": %" PRIu64
	       ", \"refused\": %" PRIu64 ", \"other\": %" PRIu64 ", \"given_up\": %" PRIu64
	       ", \"errors\": %" PRIu64,
	       second, (int64_t)(t->offered - t->resent), t->good, refused, other - refused,
	       t->given_up, report_errors(t));
	printf(", \"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64 "}\n",
	       quantile(t, 0.5), quantile(t, 0.99), quantile(t, 1));
	fflush(stdout);
}

static void print_statuses(const uint64_t *status)
{
	const char *between = "";
	printf("{");
	for (int i = 0; i < STATUS_END; i++) {
		if (status[i])
			printf("%s\"%d\": %" PRIu64, between, i, status[i]);
		if (status[i])
			between = ", ";
	}
	printf("}");
}

static void print_errors(const struct totals *t)
{
	printf(", \"errors\": {");
	for (int i = 0; i < ERRORS; i++)
		printf("%s\"%s\": %" PRIu64, i ? ", " : "", ERROR_NAMES[i].name, t->errors[i]);
	printf("}");
}

static void print_held(const struct conf *conf, const struct hold_result *held)
{
	for (int i = 0; i < HOLD_KINDS; i++) {
		const struct hold_result *r = &held[i];
		if (conf->hold[i] == 0)
			continue;
		printf(", \"%s\": {\"opened\": %" PRIu64 ", \"closed\": %" PRIu64
		       ", \"first_closed_s\": %.3f, \"last_closed_s\": %.3f, \"answered\": %" PRIu64
		       ", \"by_status\": ",
		       hold_name((enum hold_kind)i), r->opened, r->closed, r->first_closed,
		       r->last_closed, r->answered);
		print_statuses(r->status);
		printf("}");
	}
}

static double rate(const struct totals *t, double seconds)
{
	return seconds > 0 ? (double)t->answered / seconds : 0;
}

void report_result(const struct conf *conf, const struct totals *t, double seconds,
		   const struct hold_result *held)
{
	printf("{\"requests\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"good\": %" PRIu64
	       ", \"by_status\": ",
	       t->offered - t->resent, t->answered, t->good);
	print_statuses(t->status);
	print_errors(t);
	printf(", \"given_up\": %" PRIu64 ", \"unfinished\": %" PRIu64 ", \"seconds\": %.3f"
	       ", \"rate\": %.1f",
	       t->given_up, t->unfinished, seconds, rate(t, seconds));
	printf(", \"p50_us\": %" PRIu64 ", \"p90_us\": %" PRIu64 ", \"p99_us\": %" PRIu64
	       ", \"p999_us\": %" PRIu64 ", \"max_us\": %" PRIu64,
	       quantile(t, 0.5), quantile(t, 0.9), quantile(t, 0.99), quantile(t, 0.999),
	       t->max_us);
	printf(", \"bytes\": %" PRIu64 ", \"connections\": %" PRIu64 ", \"late_us\": %" PRIu64,
	       t->bytes, t->connections, t->late_us);
	print_held(conf, held);
	printf("}\n");
	fflush(stdout);
}

void report_line(const struct totals *t, double seconds)
{
	fprintf(stderr,
		"%" PRIu64 " answers in %.2f s, %.0f a second; p50 %.3f ms, p99 %.3f ms, max %.3f "
		"ms",
		t->answered, seconds, rate(t, seconds), (double)quantile(t, 0.5) / 1e3,
		(double)quantile(t, 0.99) / 1e3, (double)t->max_us / 1e3);
	if (t->given_up)
		fprintf(stderr, "; %" PRIu64 " given up", t->given_up);
	if (t->unfinished)
		fprintf(stderr, "; %" PRIu64 " unfinished", t->unfinished);
	for (int i = 0; i < ERRORS; i++) {
		if (t->errors[i])
			fprintf(stderr, "; %" PRIu64 " %s", t->errors[i], ERROR_NAMES[i].text);
	}
	fprintf(stderr, "\n");
}
