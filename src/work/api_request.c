/*
 * The request half of <weir/module.h>: what the client asked.
 *
 * Thread: the handler's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "http/form.h"
#include "http/negotiate.h"
#include "http/uri.h"
#include "work/api.h"
#include "work/module.h"

API const char *weir_method(const struct weir_request *public)
{
	struct request *req = api_request(public);
	return arena_strndup(&req->arena, req->head.method_text.at, req->head.method_text.len);
}

API const char *weir_path(const struct weir_request *public)
{
	return api_request(public)->path;
}

API const char *weir_query_string(const struct weir_request *public)
{
	return api_request(public)->query;
}

API const char *weir_param(const struct weir_request *public, const char *name)
{
	struct request *req = api_request(public);
	int i = pattern_param(&req->route->target.pattern, name);
	return i < 0 ? NULL : req->params[i];
}

/* A whole number and nothing else. */
static int read_int(const char *text, int64_t *ret)
{
	const char *digits = text + (*text == '-');
	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return -EINVAL;
	errno = 0;
	long long value = strtoll(text, NULL, 10);
	if (errno == ERANGE)
		return -ERANGE;
	*ret = value;
	return 0;
}

static int typed_param(const struct request *req, const char *name, const char **ret_text,
		       enum pattern_type *ret_type)
{
	const struct pattern *p = &req->route->target.pattern;
	int i = pattern_param(p, name);
	if (i < 0)
		return -ENOENT;
	*ret_text = req->params[i];
	*ret_type = pattern_param_type(p, (size_t)i);
	return 0;
}

API int weir_param_int(const struct weir_request *public, const char *name, int64_t *ret)
{
	const char *text;
	enum pattern_type type;
	int rc = typed_param(api_request(public), name, &text, &type);
	if (rc < 0)
		return rc;
	return type == PATTERN_INT ? read_int(text, ret) : -EINVAL;
}

API int weir_param_float(const struct weir_request *public, const char *name, double *ret)
{
	const char *text;
	enum pattern_type type;
	int rc = typed_param(api_request(public), name, &text, &type);
	if (rc < 0)
		return rc;
	if (type != PATTERN_INT && type != PATTERN_FLOAT)
		return -EINVAL;
	errno = 0;
	double value = strtod(text, NULL);
	if (errno == ERANGE)
		return -ERANGE;
	*ret = value;
	return 0;
}

static char *decode(struct request *req, struct http_span raw)
{
	char *text = arena_alloc(&req->arena, raw.len + 1);
	return text && http_percent_decode(raw.at, raw.len, true, text) >= 0 ? text : NULL;
}

/* An escape that cannot be decoded hides its pair. Pairs are compared where they are:
 * a body may have millions of them, and memory is taken for the one that is wanted. */
const char *api_find_pair(struct request *req, const char *pairs, size_t len, const char *name)
{
	struct http_span raw_name, raw_value;
	size_t pos = 0;
	while (http_pair_next(pairs, len, &pos, &raw_name, &raw_value)) {
		if (!http_percent_is(raw_name.at, raw_name.len, true, name) ||
		    !http_percent_is_good(raw_value.at, raw_value.len))
			continue;
		return raw_value.at ? decode(req, raw_value) : "";
	}
	return NULL;
}

API const char *weir_query(struct weir_request *public, const char *name)
{
	struct request *req = api_request(public);
	return api_find_pair(req, req->query, strlen(req->query), name);
}

API int weir_query_int(struct weir_request *public, const char *name, int64_t min, int64_t max,
		       int64_t fallback, int64_t *ret)
{
	const char *text = weir_query(public, name);
	if (!text) {
		*ret = fallback;
		return 0;
	}
	int64_t value;
	int rc = read_int(text, &value);
	if (rc < 0)
		return rc;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

static const char *header(const struct request *req, const char *name)
{
	const struct http_header *h =
		http_header_find(req->head.headers, req->head.header_count, name);
	return h ? h->value : NULL;
}

API const char *weir_header(const struct weir_request *public, const char *name)
{
	return header(api_request(public), name);
}

API int weir_header_at(const struct weir_request *public, size_t i, const char **ret_name,
		       const char **ret_value)
{
	const struct request *req = api_request(public);
	if (i >= req->head.header_count)
		return -ENOENT;
	*ret_name = req->head.headers[i].name;
	*ret_value = req->head.headers[i].value;
	return 0;
}

API const char *weir_cookie(struct weir_request *public, const char *name)
{
	struct request *req = api_request(public);
	for (size_t i = 0; i < req->head.header_count; i++) {
		const struct http_header *h = &req->head.headers[i];
		struct http_span its, value;
		size_t pos = 0;
		if (strcasecmp(h->name, "Cookie") != 0)
			continue;
		while (http_cookie_next(h->value, h->value_len, &pos, &its, &value)) {
			if (its.len == strlen(name) && memcmp(its.at, name, its.len) == 0)
				return arena_strndup(&req->arena, value.at, value.len);
		}
	}
	return NULL;
}

API const char *weir_client(const struct weir_request *public)
{
	struct request *req = api_request(public);
	return req->client_text[0] ? req->client_text : addr_text(&req->client, req->client_text);
}

API const char *weir_scheme(const struct weir_request *public)
{
	return api_request(public)->is_https ? "https" : "http";
}

API const char *weir_host(const struct weir_request *public)
{
	struct request *req = api_request(public);
	return req->host.len ? arena_strndup(&req->arena, req->host.at, req->host.len) : "";
}

API const char *weir_request_id(const struct weir_request *public)
{
	return api_request(public)->id;
}

/* Nothing here is a secret: where the system has no randomness yet, to be
 * different from others is enough. */
static void fill_random(uint8_t *to, size_t size, const void *salt)
{
	if (getrandom(to, size, GRND_NONBLOCK) == (ssize_t)size)
		return;
	uint64_t seed = (uint64_t)clock_now() ^ (uint64_t)(uintptr_t)salt;
	for (size_t i = 0; i < size; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		to[i] = (uint8_t)(seed >> 56);
	}
}

API const char *weir_traceparent(struct weir_request *public)
{
	struct request *req = api_request(public);
	uint8_t random[24];
	struct trace trace;
	if (req->traceparent)
		return req->traceparent;
	char *text = arena_alloc(&req->arena, TRACE_PARENT_LEN + 1);
	if (!text)
		return NULL;
	fill_random(random, sizeof(random), req);
	random[0] |= 1; /* all zero would be no id */
	random[23] |= 1;
	if (!request_trace(req, &trace))
		trace_make(random, &trace);
	trace_write(&trace, random + 16, text);
	return req->traceparent = text;
}

API int64_t weir_deadline(const struct weir_request *public)
{
	const struct request *req = api_request(public);
	if (req->deadline == CLOCK_NEVER)
		return -1;
	int64_t left = req->deadline - clock_now();
	return left > 0 ? left / NS_PER_MS : 0;
}

API int weir_cancelled(const struct weir_request *public)
{
	const struct request *req = api_request(public);
	return atomic_load_explicit(&req->call.cancelled, memory_order_relaxed);
}

API const char *weir_route_pattern(const struct weir_request *public)
{
	return api_request(public)->route->target.pattern.text;
}

API struct weir_instance *weir_request_instance(const struct weir_request *public)
{
	return instance_public(api_request(public)->inst);
}

API void *weir_data(const struct weir_request *public)
{
	return instance_data(api_request(public)->inst);
}

API void *weir_thread_data(const struct weir_request *public)
{
	return api_request(public)->thread_data;
}

API void *weir_alloc(struct weir_request *public, size_t size)
{
	return arena_alloc(&api_request(public)->arena, size);
}

API char *weir_strdup(struct weir_request *public, const char *text)
{
	return arena_strdup(&api_request(public)->arena, text);
}

API char *weir_printf(struct weir_request *public, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = arena_vprintf(&api_request(public)->arena, fmt, ap);
	va_end(ap);
	return text;
}

API char *weir_json_quote(struct weir_request *public, const char *text)
{
	return http_json_quote(&api_request(public)->arena, text, strlen(text));
}
