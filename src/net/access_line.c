/*
 * Lines of the access log: combined, logfmt, JSON. printf would take longer
 * than the rest of a small request.
 *
 * Thread: see access_line.h.
 */
#include "net/access_line.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "http/trace.h"
#include "work/module.h"
#include "work/request.h"
#include "work/stream.h"

/* Most bytes of a field; together with all else they stay below a line. */
enum { TARGET_MAX = 4096, TEXT_MAX = 1024, NAME_MAX_BYTES = 256, ESCAPE_MAX = 12 };

enum { STATUS_GONE = 499, STATUS_LATE = 504 };

struct line {
	char *at;
	char *end; /* the newline fits behind it */
	bool is_json;
	bool has_field;
};

static void put(struct line *l, const char *text, size_t len)
{
	size_t room = (size_t)(l->end - l->at);
	len = len < room ? len : room;
	memcpy(l->at, text, len);
	l->at += len;
}

#define put_literal(l, text) put(l, text, sizeof(text) - 1)

static void put_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

static void put_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	put(l, digits + i, sizeof(digits) - i);
}

static void put_ms(struct line *l, int64_t ns)
{
	int64_t us = ns > 0 ? ns / 1000 : 0;
	char rest[4] = { '.', (char)('0' + us / 100 % 10), (char)('0' + us / 10 % 10),
			 (char)('0' + us % 10) };
	put_number(l, (uint64_t)(us / 1000));
	put(l, rest, sizeof(rest));
}

/* ---- texts of others ---- */

static void put_escape(struct line *l, unsigned char ch)
{
	const char *hex = "0123456789ABCDEF";
	char text[6] = { '\\', 'u', '0', '0', hex[ch >> 4], hex[ch & 15] };
	if (ch == '"' || ch == '\\') {
		char quoted[2] = { '\\', (char)ch };
		put(l, quoted, sizeof(quoted));
	} else if (l->is_json) {
		put(l, text, sizeof(text));
	} else {
		text[2] = '\\';
		text[3] = 'x';
		put(l, text + 2, 4);
	}
}

/* How many bytes from `text` on are one character that may stand as it is; 0:
 * its first byte may not. U+0080 to U+009F move terminals, too. */
static size_t plain(const struct line *l, const char *text, size_t len)
{
	unsigned char ch = (unsigned char)text[0];
	if (ch < 0x80)
		return ch >= 0x20 && ch != 0x7f && ch != '"' && ch != '\\';
	if (!l->is_json)
		return 0;
	size_t size = ch >= 0xf0 ? 4 : ch >= 0xe0 ? 3 : 2;
	bool is_control = ch == 0xc2 && len > 1 && (unsigned char)text[1] < 0xa0;
	return size <= len && !is_control && utf8_good(text, size) == size ? size : 0;
}

static void put_masked(struct line *l, const char *text, size_t len, size_t max)
{
	const char *stop = l->at + max - ESCAPE_MAX;
	for (size_t i = 0; i < len;) {
		if (l->at >= stop) {
			put_literal(l, "...");
			return;
		}
		size_t n = plain(l, text + i, len - i);
		if (n > 0)
			put(l, text + i, n);
		else
			put_escape(l, (unsigned char)text[i]);
		i += n > 0 ? n : 1;
	}
}

/* ---- what is said ---- */

static const struct http_header *header(const struct request *req, const char *name)
{
	return http_header_find(req->head.headers, req->head.header_count, name);
}

/* As it was sent: the query stands behind the path, with its question mark. */
static struct http_span target(const struct request *req)
{
	const struct http_head *head = &req->head;
	return (struct http_span){
		.at = head->path.at,
		.len = head->path.len + (head->query.at ? head->query.len + 1 : 0),
	};
}

static uint64_t bytes_out(const struct request *req)
{
	bool has_body = req->head.method != HTTP_HEAD && http_status_has_body(req->res.status);
	return has_body ? req->res.len : 0;
}

static const char *why_rejected(const struct request *req)
{
	switch (req->call.end) {
	case CALL_FULL:
		return "full";
	case CALL_EXPIRED:
		return "expired";
	case CALL_SHED:
		return "shed";
	case CALL_NO_THREAD:
		return "no_thread";
	case CALL_RAN:
		return "not_ready"; /* its thread_init failed */
	}
	return "";
}

const char *access_outcome(const struct request *req, const char **ret_reason)
{
	const struct call *call = &req->call;
	bool has_run = call->started > 0, is_late = req->res.status == STATUS_LATE;
	*ret_reason = NULL;
	if (req->res.status == STATUS_GONE)
		return "gone";
	/* A streamed answer that was cut; a handler that runs on, or never ran. */
	if (!req->owner ||
	    (is_late && !has_run && req->route && (req->route->pool || req->route->site)))
		return "timeout";
	if (req->result < 0)
		return "failed";
	if ((call->pool && call->end != CALL_RAN) || (has_run && call->retry_after > 0)) {
		*ret_reason = why_rejected(req);
		return "rejected";
	}
	bool is_ours = req->result == 0 && (!req->route || !req->route->site);
	return is_ours && req->res.status >= 400 ? "refused" : "ok";
}

/* ---- combined ---- */

static void put_clock(struct line *l)
{
	static _Thread_local struct {
		time_t second;
		char text[32];
	} last;
	time_t second = time(NULL);
	if (second != last.second) {
		struct tm tm;
		localtime_r(&second, &tm);
		strftime(last.text, sizeof(last.text), "[%d/%b/%Y:%H:%M:%S %z]", &tm);
		last.second = second;
	}
	put_text(l, last.text);
}

static void put_quoted(struct line *l, const struct http_header *h)
{
	put_literal(l, " \"");
	if (h)
		put_masked(l, h->value, h->value_len, TEXT_MAX);
	else
		put_literal(l, "-");
	put_literal(l, "\"");
}

static void put_request(struct line *l, const struct request *req)
{
	const struct http_head *head = &req->head;
	if (!head->method_text.at || !head->path.at) {
		put_literal(l, "-");
		return;
	}
	put_masked(l, head->method_text.at, head->method_text.len, NAME_MAX_BYTES);
	put_literal(l, " ");
	put_masked(l, target(req).at, target(req).len, TARGET_MAX);
	put_text(l, head->minor ? " HTTP/1.1" : " HTTP/1.0");
}

static void put_combined(struct line *l, const struct request *req)
{
	uint64_t out = bytes_out(req);
	char client[ADDR_TEXT_SIZE];
	put_text(l, addr_text(&req->client, client));
	put_literal(l, " - - ");
	put_clock(l);
	put_literal(l, " \"");
	put_request(l, req);
	put_literal(l, "\" ");
	put_number(l, (uint64_t)req->res.status);
	put_literal(l, " ");
	if (out > 0)
		put_number(l, out);
	else
		put_literal(l, "-");
	put_quoted(l, header(req, "Referer"));
	put_quoted(l, header(req, "User-Agent"));
}

/* ---- logfmt and JSON: the same fields ---- */

static void put_key(struct line *l, const char *key)
{
	if (l->has_field)
		put(l, l->is_json ? "," : " ", 1);
	l->has_field = true;
	if (l->is_json)
		put_literal(l, "\"");
	put_text(l, key);
	if (l->is_json)
		put_literal(l, "\":");
	else
		put_literal(l, "=");
}

static void field(struct line *l, const char *key, const char *text, size_t len, size_t max)
{
	put_key(l, key);
	bool is_quoted = l->is_json || len == 0;
	for (size_t i = 0; i < len && !is_quoted; i++) {
		unsigned char ch = (unsigned char)text[i];
		is_quoted = ch <= ' ' || ch == '=' || ch == '"' || ch == '\\' || ch >= 0x7f;
	}
	if (is_quoted)
		put_literal(l, "\"");
	put_masked(l, text, len, max);
	if (is_quoted)
		put_literal(l, "\"");
}

static void name_field(struct line *l, const char *key, const char *text)
{
	if (text)
		field(l, key, text, strlen(text), NAME_MAX_BYTES);
}

static void header_field(struct line *l, const char *key, const struct http_header *h)
{
	if (h)
		field(l, key, h->value, h->value_len, TEXT_MAX);
}

static void number_field(struct line *l, const char *key, uint64_t n)
{
	put_key(l, key);
	put_number(l, n);
}

static void ms_field(struct line *l, const char *key, int64_t ns)
{
	put_key(l, key);
	put_ms(l, ns);
}

static void put_question(struct line *l, const struct request *req)
{
	const struct http_head *head = &req->head;
	struct trace trace;
	char when[LOG_TIME_SIZE], client[ADDR_TEXT_SIZE];
	log_time(when);
	name_field(l, "time", when);
	name_field(l, "id", req->id);
	if (request_trace(req, &trace))
		name_field(l, "trace", trace.id);
	name_field(l, "client", addr_text(&req->client, client));
	if (head->method_text.at && head->path.at) {
		field(l, "method", head->method_text.at, head->method_text.len, NAME_MAX_BYTES);
		field(l, "target", target(req).at, target(req).len, TARGET_MAX);
		name_field(l, "protocol", head->minor ? "HTTP/1.1" : "HTTP/1.0");
	}
}

static void put_route(struct line *l, const struct route *r)
{
	name_field(l, "route", r->label);
	name_field(l, "handler", r->handler_name);
	if (r->inst)
		name_field(l, "module", instance_name(r->inst));
	if (r->pool)
		name_field(l, "pool", pool_name(r->pool));
}

static void put_fields(struct line *l, const struct request *req, int64_t now)
{
	const struct call *call = &req->call;
	const char *reason, *outcome = access_outcome(req, &reason);
	bool has_run = call->started > 0;
	put_question(l, req);
	number_field(l, "status", (uint64_t)req->res.status);
	number_field(l, "bytes_out", bytes_out(req));
	number_field(l, "bytes_in",
		     req->stream && req->stream->received > 0 ? req->stream->received
							      : req->body.len);
	header_field(l, "referer", header(req, "Referer"));
	header_field(l, "user_agent", header(req, "User-Agent"));
	if (req->route)
		put_route(l, req->route);
	if (has_run) {
		ms_field(l, "queue_ms", call->started - call->submitted);
		ms_field(l, "run_ms", call->ended - call->started);
	}
	ms_field(l, "total_ms", now - req->began);
	name_field(l, "outcome", outcome);
	name_field(l, "reason", reason);
}

size_t access_line(enum access_format format, const struct request *req, int64_t now,
		   char to[ACCESS_LINE_MAX])
{
	struct line l = {
		.at = to,
		.end = to + ACCESS_LINE_MAX - 1,
		.is_json = format == ACCESS_JSON,
	};
	if (format == ACCESS_COMBINED) {
		put_combined(&l, req);
	} else {
		if (l.is_json)
			put_literal(&l, "{");
		put_fields(&l, req, now);
		if (l.is_json)
			put_literal(&l, "}");
	}
	*l.at++ = '\n';
	return (size_t)(l.at - to);
}
