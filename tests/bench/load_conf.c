/*
 * Requests made ready, the moments they are due, and the end on trouble.
 *
 * Thread: main, before the others start; rates_moment() and fatal(): any.
 */
#include "load_conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

void fatal(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("load: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\n", stderr);
	va_end(args);
	/* Other threads still run: nothing is taken down under them. */
	_exit(1);
}

char *request_head(const struct conf *conf, const char *method, const char *path)
{
	char *head;
	const char *host = conf->target.ss_family == AF_UNIX ? "localhost" : conf->target_text;
	if (asprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, host) < 0)
		fatal("out of memory");
	return head;
}

/* The whole request; the body is a run of letters. */
static char *whole_request(const struct conf *conf, const char *path, size_t *ret_len)
{
	char *head = request_head(conf, conf->method, path), *text, length[64] = "";
	if (conf->has_body)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", conf->body_size);
	if (asprintf(&text, "%s%s\r\n", head, length) < 0)
		fatal("out of memory");
	free(head);
	size_t len = strlen(text);
	if (conf->has_body) {
		text = realloc(text, len + conf->body_size + 1);
		if (!text)
			fatal("out of memory");
		for (size_t i = 0; i < conf->body_size; i++)
			text[len + i] = (char)('a' + i % 26);
	}
	*ret_len = len + conf->body_size;
	return text;
}

void requests_make(const struct conf *conf, struct requests *ret_requests)
{
	size_t count = conf->path_count + conf->pipeline, at = 0, have = 0;
	struct requests r = { .offset = calloc(count + 1, sizeof(*r.offset)) };
	if (!r.offset)
		fatal("out of memory");
	for (size_t i = 0; i < count; i++) {
		size_t len;
		char *text = whole_request(conf, conf->paths[i % conf->path_count], &len);
		if (at + len > have) {
			have = at + len > 2 * have ? at + len : 2 * have;
			r.bytes = realloc(r.bytes, have);
			if (!r.bytes)
				fatal("out of memory: -p of such requests takes too much");
		}
		r.offset[i] = at;
		memcpy(r.bytes + at, text, len);
		at += len;
		free(text);
	}
	r.offset[count] = at;
	*ret_requests = r;
}

void requests_free(struct requests *r)
{
	free(r->bytes);
	free(r->offset);
	*r = (struct requests){ 0 };
}

int64_t rates_moment(const struct conf *conf, double n)
{
	const struct rate *rate = conf->rates, *end = rate + conf->rate_count;
	/* The one during which it comes; a rate of 0 never does. */
	while (rate + 1 < end && (rate[1].before <= n || rate->a_second <= 0))
		rate++;
	if (rate->a_second <= 0)
		return CLOCK_NEVER;
	double seconds = (n - rate->before) / rate->a_second;
	/* A hundred days: it will never come. */
	if (seconds > 8640000)
		return CLOCK_NEVER;
	return rate->from + (int64_t)(seconds * (double)NS_PER_S);
}
