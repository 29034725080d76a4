/*
 * Making, routing, running and unmaking of requests.
 *
 * Thread: see request.h.
 */
#include "work/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "http/negotiate.h"
#include "http/uri.h"
#include "work/background.h"
#include "work/context.h"
#include "work/module.h"
#include "work/stream.h"
#include "work/body.h"
#include "work/packing.h"

/* From all zeros. */
static void begin(struct request *req)
{
	req->res.magic = RESPONSE_MAGIC;
	req->res.fd = -1;
	req->res.headers_end = &req->res.headers;
	req->body.fd = -1;
	req->tasks_end = &req->tasks;
	req->deadline = CLOCK_NEVER;
}

struct request *request_new(void)
{
	struct request *req = calloc(1, sizeof(*req));
	if (!req)
		return NULL;
	req->magic = REQUEST_MAGIC;
	arena_init(&req->arena);
	begin(req);
	return req;
}

void request_reset(struct request *req)
{
	must_be(req, REQUEST_MAGIC);
	must(req->tasks == NULL);
	response_clear_body(&req->res);
	body_drop(&req->body);
	stream_free(&req->stream);
	arena_reset(&req->arena);
	char *from = (char *)&req->route;
	memset(from, 0, (size_t)(req->id - from));
	req->id[0] = req->client_text[0] = '\0';
	begin(req);
}

void request_free(struct request **request)
{
	struct request *req = *request;
	if (!req)
		return;
	request_reset(req);
	if (req->gen)
		generation_unref(&req->gen);
	arena_done(&req->arena);
	req->magic = 0;
	free(req);
	*request = NULL;
}

static bool is_sane_id(const char *id)
{
	size_t len =
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	return len > 0 && len <= REQUEST_ID_MAX && id[len] == '\0';
}

void request_adopt_id(struct request *req)
{
	const struct http_header *sent =
		http_header_find(req->head.headers, req->head.header_count, "X-Request-Id");
	if (sent && is_sane_id(sent->value))
		memcpy(req->id, sent->value, sent->value_len + 1U);
}

static bool trace_sent(const struct request *req, struct trace *ret)
{
	return trace_find(req->head.headers, req->head.header_count, ret);
}

bool request_trace(const struct request *req, struct trace *ret)
{
	if (req->traceparent)
		return trace_parse(req->traceparent, strlen(req->traceparent), ret);
	return trace_sent(req, ret);
}

const char *request_trace_note(const struct request *req, bool is_owner, char to[TRACE_NOTE_SIZE])
{
	struct trace trace;
	to[0] = '\0';
	if (is_owner ? request_trace(req, &trace) : trace_sent(req, &trace))
		snprintf(to, TRACE_NOTE_SIZE, " (trace %s)", trace.id);
	return to;
}

static int copy_path(struct request *req)
{
	req->path = arena_alloc(&req->arena, req->head.path.len + 1);
	const char *query = req->head.query.at;
	req->query = query ? arena_strndup(&req->arena, query, req->head.query.len) : "";
	if (!req->path || !req->query)
		return -ENOMEM;
	if (req->head.form == HTTP_ASTERISK_FORM) {
		memcpy(req->path, "*", 2);
		req->path_len = 1;
		return 0;
	}
	long len = http_path_normalize(req->head.path.at, req->head.path.len, req->path);
	if (len < 0)
		return 400;
	req->path_len = (size_t)len;
	return 0;
}

/* One segment's %2F and %25 are a slash and a percent sign again; in the rest
 * of a path a slash would look like a separator, and both stay. */
static int copy_params(struct request *req, const struct router_match *match)
{
	const struct pattern *p = &match->target->pattern;
	for (size_t i = 0; i < p->param_count; i++) {
		const struct http_span *span = &match->params[i];
		char *text = arena_strndup(&req->arena, span->at, span->len);
		if (!text)
			return -ENOMEM;
		if (pattern_param_type(p, i) == PATTERN_STR &&
		    http_percent_decode(text, span->len, false, text) < 0)
			return 400;
		req->params[i] = text;
	}
	return 0;
}

int request_route(struct request *req, unsigned *ret_allow)
{
	must_be(req, REQUEST_MAGIC);
	int rc = copy_path(req);
	if (rc != 0)
		return rc;
	if (req->head.form == HTTP_ASTERISK_FORM) {
		*ret_allow = HTTP_ROUTABLE;
		return 204;
	}
	if (req->head.method == HTTP_OTHER || !(HTTP_BIT(req->head.method) & HTTP_ROUTABLE))
		return 501;
	struct router_match match;
	router_match(req->gen->router, req->head.method, req->path, req->path_len, &match);
	if (match.target) {
		req->route = container_of(match.target, struct route, target);
		return copy_params(req, &match);
	}
	if (match.allow == 0)
		return 404;
	*ret_allow = match.allow | HTTP_BIT(HTTP_OPTIONS);
	return req->head.method == HTTP_OPTIONS ? 204 : 405;
}

static void log_failure(const struct request *req, const char *why)
{
	char note[TRACE_NOTE_SIZE];
	log_error("request %s%s: handler %s (%s) failed: %s", req->id,
		  request_trace_note(req, true, note), req->route->handler_name, req->route->label,
		  why);
}

/* A streamed answer stays as it was begun, whole or not: the loop ends it. Only
 * when nothing of it has left yet, a failure can still be told. */
static bool is_settled(struct request *req)
{
	if (req->res.kind != BODY_STREAM)
		return false;
	bool is_cancelled = atomic_load_explicit(&req->call.cancelled, memory_order_relaxed);
	return req->result >= 0 || is_cancelled || !stream_withdraw(req->stream);
}

/* What the handler returned becomes a status and, where it left none, a body. */
static void settle(struct request *req)
{
	struct response *res = &req->res;
	int result = req->result;
	if (is_settled(req))
		return;
	if (result < 0 && req->stream && stream_body_failed(req->stream)) {
		/* The loop tells the client what was wrong with it. */
	} else if (result < 0) {
		char why[128];
		snprintf(why, sizeof(why), "%s (%d)", err_text(result), result);
		log_failure(req, why);
	} else if (result < 200 || result > 599) {
		char why[64];
		snprintf(why, sizeof(why), "it returned %d, which is no final status", result);
		log_failure(req, why);
		result = req->result = -EINVAL;
	}
	if (result < 0) {
		res->headers = NULL;
		res->headers_end = &res->headers;
		response_clear_body(res);
		result = 500;
	}
	res->status = result;
	if (result >= 400 && res->kind == BODY_NONE && response_error(res, result, NULL) < 0)
		res->kind = BODY_NONE;
}

static void run_handler(struct request *req)
{
	struct context was = context_enter(req->inst, req->id, req->route->label);
	req->result = req->route->handler((struct weir_request *)(void *)req,
					  (struct weir_response *)(void *)&req->res);
	context_leave(was);
	settle(req);
}

static const char *why_unpacked(int status)
{
	return status == 400   ? "The body is not what its Content-Encoding says."
	       : status == 413 ? "The unpacked body is too large."
			       : NULL;
}

void request_run(struct request *req, struct worker *w)
{
	must_be(req, REQUEST_MAGIC);
	req->inst = req->route->inst;
	req->worker = w;
	req->thread_data = NULL;
	int rc = w ? worker_enter(w, req->inst, &req->thread_data) : 0;
	int refusal = rc == 0 ? packing_open(req) : 0;
	if (refusal != 0) {
		req->result = req->res.status = refusal;
		if (response_error(&req->res, refusal, why_unpacked(refusal)) < 0)
			req->res.kind = BODY_NONE;
	} else if (rc == 0) {
		run_handler(req);
		packing_close(req);
	} else {
		req->result = 503;
		req->call.retry_after = 1;
		if (response_error(&req->res, 503, "This service is not ready.") < 0)
			req->res.kind = BODY_NONE;
		req->res.status = 503;
	}
	req->worker = NULL;
}

void response_clear_body(struct response *res)
{
	if (res->kind == BODY_BYTES && res->free_fn)
		res->free_fn((void *)(uintptr_t)res->data);
	if (res->kind == BODY_FILE && res->fd >= 0)
		close(res->fd);
	res->kind = BODY_NONE;
	res->data = NULL;
	res->free_fn = NULL;
	res->fd = -1;
	res->offset = res->len = 0;
	res->pieces = NULL;
	res->piece_count = 0;
	res->type = NULL;
}

const struct response_header *response_header_find(const struct response *res, const char *name)
{
	for (const struct response_header *h = res->headers; h; h = h->next) {
		if (strcasecmp(h->name, name) == 0)
			return h;
	}
	return NULL;
}

bool response_is_framing(const char *name)
{
	static const char *const framing[] = {
		"Connection", "Content-Length",    "Date",    "Keep-Alive",
		"Trailer",    "Transfer-Encoding", "Upgrade", "X-Request-Id",
	};
	for (size_t i = 0; i < array_len(framing); i++) {
		if (strcasecmp(name, framing[i]) == 0)
			return true;
	}
	return false;
}

static void remove_headers(struct response *res, const char *name)
{
	struct response_header **at = &res->headers;
	while (*at) {
		if (strcasecmp((*at)->name, name) == 0)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
	res->headers_end = at;
}

int response_put_header(struct response *res, bool replace, const char *name, const char *value)
{
	struct arena *a = &response_request(res)->arena;
	struct response_header *h = arena_alloc(a, sizeof(*h));
	char *name_copy = arena_strdup(a, name);
	char *value_copy = arena_strdup(a, value);
	if (!h || !name_copy || !value_copy)
		return -ENOMEM;
	if (replace)
		remove_headers(res, name);
	*h = (struct response_header){
		.name = name_copy,
		.value = value_copy,
		.name_len = strlen(name),
		.value_len = strlen(value),
	};
	*res->headers_end = h;
	res->headers_end = &h->next;
	return 0;
}

int response_error(struct response *res, int status, const char *detail)
{
	struct request *req = response_request(res);
	const struct http_header *accept =
		http_header_find(req->head.headers, req->head.header_count, "Accept");
	const char *type;
	char *body = http_error_body(&req->arena, http_accepts_json(accept ? accept->value : NULL),
				     status, detail, req->id, &type);
	if (!body)
		return -ENOMEM;
	response_clear_body(res);
	res->kind = BODY_BYTES;
	res->type = type;
	res->data = body;
	res->len = strlen(body);
	return status;
}
