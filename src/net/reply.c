/*
 * Writing of answer heads: one reservation, then copies.
 *
 * Thread: the connection's loop.
 */
#include "net/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "http/date.h"

/* More than all fixed parts, the status text, a length, a date and an id take. */
enum { FIXED_PART = 640 + REQUEST_ID_MAX };

bool reply_has_body(const struct request *req)
{
	return req->head.method != HTTP_HEAD && http_status_has_body(req->res.status);
}

static char *put(char *to, const char *text, size_t len)
{
	memcpy(to, text, len);
	return to + len;
}

#define put_literal(to, text) put(to, text, sizeof(text) - 1)

static char *put_text(char *to, const char *text)
{
	return stpcpy(to, text);
}

static char *put_number(char *to, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return put(to, digits + i, sizeof(digits) - i);
}

/* What the configuration adds. */
static const struct response_header *added_to(const struct request *req)
{
	return req->route ? req->route->add : req->gen->add;
}

static size_t size_of(const struct request *req)
{
	size_t size = FIXED_PART;
	if (req->cors_origin)
		size += strlen(req->cors_origin);
	if (req->res.type)
		size += strlen(req->res.type);
	for (const struct response_header *h = req->res.headers; h; h = h->next)
		size += h->name_len + h->value_len + 4;
	for (const struct response_header *h = added_to(req); h; h = h->next)
		size += h->name_len + h->value_len + 4;
	return size;
}

static char *put_status(char *to, int status)
{
	if (status == 200) /* nearly all are */
		return put_literal(to, "HTTP/1.1 200 OK\r\n");
	to = put_literal(to, "HTTP/1.1 ");
	to = put_number(to, (uint64_t)status);
	*to++ = ' ';
	to = put_text(to, http_status_text(status));
	return put_literal(to, "\r\n");
}

/* A streamed answer to HTTP/1.0 ends with its connection. */
static bool is_chunked(const struct request *req)
{
	return req->res.kind == BODY_STREAM && req->head.minor > 0 &&
	       http_status_has_body(req->res.status);
}

static char *put_framing(char *to, const struct request *req, bool closes)
{
	const struct response *res = &req->res;
	if (res->type && http_status_has_body(res->status)) {
		to = put_literal(to, "Content-Type: ");
		to = put_text(to, res->type);
		to = put_literal(to, "\r\n");
	}
	if (is_chunked(req)) {
		to = put_literal(to, "Transfer-Encoding: chunked\r\n");
	} else if (res->kind != BODY_STREAM && http_status_has_body(res->status)) {
		to = put_literal(to, "Content-Length: ");
		to = put_number(to, res->len);
		to = put_literal(to, "\r\n");
	} else if (res->status == 205) {
		/* It has no body, which yet nothing but this tells a client. */
		to = put_literal(to, "Content-Length: 0\r\n");
	}
	if (closes)
		return put_literal(to, "Connection: close\r\n");
	if (req->head.minor == 0)
		return put_literal(to, "Connection: keep-alive\r\n");
	return to;
}

static char *put_header(char *to, const struct response_header *h)
{
	to = put(to, h->name, h->name_len);
	to = put_literal(to, ": ");
	to = put(to, h->value, h->value_len);
	return put_literal(to, "\r\n");
}

/* Which other sites' pages may read it. */
static char *put_cors(char *to, const struct request *req)
{
	if (req->cors_origin && !response_header_find(&req->res, "Access-Control-Allow-Origin")) {
		to = put_literal(to, "Access-Control-Allow-Origin: ");
		to = put_text(to, req->cors_origin);
		to = put_literal(to, "\r\n");
	}
	return req->varies_by_origin ? put_literal(to, "Vary: Origin\r\n") : to;
}

/* One that the answer has no other of. What an answer varies by adds up: left out, a
 * cache would give one client what was made for another. */
static bool is_wanted(const struct request *req, const struct response_header *added)
{
	return strcasecmp(added->name, "Vary") == 0 ||
	       !response_header_find(&req->res, added->name);
}

static char *put_headers(char *to, const struct request *req)
{
	for (const struct response_header *h = req->res.headers; h; h = h->next)
		to = put_header(to, h);
	for (const struct response_header *h = added_to(req); h; h = h->next) {
		if (is_wanted(req, h))
			to = put_header(to, h);
	}
	return to;
}

/* Milliseconds. */
static char *put_duration(char *to, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	to = put_number(to, us / 1000);
	*to++ = '.';
	*to++ = (char)('0' + us / 100 % 10);
	*to++ = (char)('0' + us / 10 % 10);
	*to++ = (char)('0' + us % 10);
	return to;
}

static bool has_header(const struct request *req, const char *name)
{
	if (response_header_find(&req->res, name))
		return true;
	for (const struct response_header *h = added_to(req); h; h = h->next) {
		if (strcasecmp(h->name, name) == 0)
			return true;
	}
	return false;
}

/* Of a streamed answer the handler still runs: its end is not ours to read. */
static char *put_timing(char *to, const struct request *req)
{
	const struct call *call = &req->call;
	if (!req->gen->front.server_timing || call->started == 0 ||
	    has_header(req, "Server-Timing"))
		return to;
	to = put_literal(to, "Server-Timing: queue;dur=");
	to = put_duration(to, call->started - call->submitted);
	if (req->res.kind != BODY_STREAM) {
		to = put_literal(to, ", handler;dur=");
		to = put_duration(to, call->ended - call->started);
	}
	return put_literal(to, "\r\n");
}

int reply_write_head(struct buf *out, const struct request *req, const char *date, bool closes)
{
	char *start = buf_reserve(out, size_of(req));
	if (!start)
		return ERR_NOMEM;
	char *to = put_status(start, req->res.status);
	to = put_literal(to, "Date: ");
	to = put(to, date, HTTP_DATE_LEN);
	to = put_literal(to, "\r\n");
	to = put_framing(to, req, closes);
	if (req->res.status == 503 && req->call.retry_after > 0 &&
	    !response_header_find(&req->res, "Retry-After")) {
		to = put_literal(to, "Retry-After: ");
		to = put_number(to, (uint64_t)req->call.retry_after);
		to = put_literal(to, "\r\n");
	}
	to = put_headers(to, req);
	to = put_cors(to, req);
	to = put_timing(to, req);
	if (req->id[0]) {
		to = put_literal(to, "X-Request-Id: ");
		to = put_text(to, req->id);
		to = put_literal(to, "\r\n");
	}
	to = put_literal(to, "\r\n");
	buf_added(out, (size_t)(to - start));
	return 0;
}

int reply_write_piece(struct buf *out, const struct request *req, const char *data, size_t len)
{
	if (!reply_has_body(req))
		return 0;
	if (!is_chunked(req))
		return buf_add(out, data, len);
	char size[24];
	int digits = snprintf(size, sizeof(size), "%zx\r\n", len);
	char *to = buf_reserve(out, (size_t)digits + len + 2);
	if (!to)
		return ERR_NOMEM;
	to = put(to, size, (size_t)digits);
	to = put(to, data, len);
	(void)put_literal(to, "\r\n");
	buf_added(out, (size_t)digits + len + 2);
	return 0;
}

int reply_write_end(struct buf *out, const struct request *req)
{
	static const char last_chunk[] = "0\r\n\r\n";
	if (!reply_has_body(req) || !is_chunked(req))
		return 0;
	return buf_add(out, last_chunk, sizeof(last_chunk) - 1);
}
