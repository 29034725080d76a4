/*
 * Requests on their way to handlers and back: inline at once, blocking through
 * their pool; what becomes of them when time runs out or the client goes.
 *
 * Thread: the loop that accepted the connection; run_call on a worker.
 */
#include <string.h>

#include "base/log.h"
#include "net/conn_private.h"
#include "work/background.h"

static void run_call(struct call *call, struct worker *w)
{
	request_run(container_of(call, struct request, call), w);
}

/* The answer of the daemon itself, in the place of a handler's. */
void conn_answer(struct conn *c, int status, const char *detail)
{
	struct response *res = &c->req->res;
	char allow[64];
	if (status >= 400 && response_error(res, status, detail) < 0)
		response_clear_body(res);
	if (c->allow) {
		http_methods_text(c->allow, allow, sizeof(allow));
		if (response_put_header(res, true, "Allow", allow) < 0)
			log_error("request %s: out of memory for its answer", c->req->id);
	}
	if (status == 415 && response_put_header(res, true, "Accept-Encoding", "gzip") < 0)
		log_error("request %s: out of memory for its answer", c->req->id);
	c->allow = 0;
	res->status = status;
	conn_respond(c);
}

static const char why_late[] = "The request waited until its time was over.";

static const char *why_not_run(enum call_end end)
{
	switch (end) {
	case CALL_FULL:
		return "Too many requests are waiting.";
	case CALL_EXPIRED:
		return "The request waited too long for its turn.";
	case CALL_SHED:
		return "The server is overloaded.";
	default:
		return "No worker could be started.";
	}
}

const char *conn_why_refused(const struct conn *c)
{
	enum call_end end = c->req->call.end;
	return end == CALL_RAN ? NULL : why_not_run(end);
}

/* A call that nobody waited for has come home. */
static void end_abandoned(struct request *req, struct loop *loop)
{
	log_notice("request %s: abandoned handler %s (%s) returned %d after %lld ms", req->id,
		   req->route->handler_name, req->route->label, req->result,
		   (long long)((req->call.ended - req->call.started) / NS_PER_MS));
	tally_abandoned(loop, req);
	conn_stream_abandoned(loop, req);
	tasks_submit(tasks_take(req));
	loop_give_request(loop, req);
}

static void call_done(struct call *call)
{
	struct request *req = container_of(call, struct request, call);
	must_be(req, REQUEST_MAGIC);
	struct conn *c = req->owner;
	if (!c) {
		end_abandoned(req, container_of(req->home, struct loop, mailbox));
		return;
	}
	must(c->state == CONN_CALL && c->req == req);
	int refusal = conn_stream_refusal(c);
	if (call->end == CALL_EXPIRED && call->expires == req->deadline)
		conn_answer(c, 504, why_late);
	else if (call->end != CALL_RAN)
		conn_answer(c, 503, why_not_run(call->end));
	else if (refusal)
		conn_answer(c, refusal, NULL);
	else if (req->res.kind == BODY_STREAM)
		conn_stream_end(c);
	else
		conn_respond(c);
}

/* The end of the client may have come with the request, in one event: none will
 * tell of it again. Who runs at once on a connection in use need not be asked. */
static void call_waits(struct call *call)
{
	conn_set_again(container_of(call, struct request, call)->owner);
}

static void submit(struct conn *c)
{
	struct request *req = c->req;
	const struct route *route = req->route;
	struct call *call = &req->call;
	int64_t now = c->loop->now;
	req->deadline = clock_add(now, route->timeout);
	call_init(call);
	call->pool = route->pool;
	call->run = run_call;
	call->done = call_done;
	call->waits = call_waits;
	call->home = req->home;
	call->share = route->share;
	call->expires = clock_add(now, route->queue_timeout == QUEUE_TIMEOUT_OF_POOL
					       ? pool_queue_timeout(route->pool)
					       : route->queue_timeout);
	if (call->expires > req->deadline)
		call->expires = req->deadline;
	call->slow_after = route->slow_after;
	call->name = route->label;
	call->id = req->id;
	req->on_stream = conn_stream_arrived;
	c->state = CONN_CALL;
	c->was_probed = false;
	conn_set_deadline(c, call->expires);
	/* It may have gone before it was accepted: no event will tell of that, either. */
	if (c->served == 0)
		conn_set_again(c);
	pool_submit(&c->loop->submitter, call);
}

void conn_dispatch(struct conn *c)
{
	struct request *req = c->req;
	if (c->refusal) {
		int status = c->refusal;
		c->refusal = 0;
		conn_answer(c, status, NULL);
	} else if (req->route->site) {
		conn_serve(c);
	} else if (req->route->is_inline) {
		request_run(req, NULL);
		conn_respond(c);
	} else {
		submit(c);
	}
}

void conn_refuse(struct conn *c, int status, const char *detail)
{
	c->closing = true;
	c->was_refused = true;
	if (!c->req && !conn_begin_request(c)) {
		c->state = CONN_IDLE; /* no memory to say anything */
		return;
	}
	c->refusal = 0;
	conn_answer(c, status, detail);
}

/* What the access log says of it; the head that this is from may go before. */
static void copy_line(struct request *req, const struct http_head *old)
{
	size_t query = old->query.at ? old->query.len + 1 : 0;
	char *text = arena_strndup(&req->arena, old->path.at, old->path.len + query);
	char *method = arena_strndup(&req->arena, old->method_text.at, old->method_text.len);
	if (!text || !method)
		return;
	req->head.method_text = (struct http_span){ method, old->method_text.len };
	req->head.path = (struct http_span){ text, old->path.len };
	if (query)
		req->head.query = (struct http_span){ text + old->path.len + 1, old->query.len };
}

/* The client is answered while the handler runs on: a second request takes
 * the first one's place for the answer. False: no memory for it. */
static bool stand_in(struct conn *c)
{
	struct request *old = c->req;
	struct request *req = loop_take_request(c->loop);
	if (!req)
		return false;
	const struct http_header *accept =
		http_header_find(old->head.headers, old->head.header_count, "Accept");
	req->head.method = old->head.method;
	req->head.minor = old->head.minor;
	req->head.keep_alive = old->head.keep_alive;
	struct http_header *copy = arena_zalloc(&req->arena, sizeof(*copy));
	if (accept && copy) {
		copy->name = "Accept";
		copy->name_len = 6;
		copy->value = arena_strdup(&req->arena, accept->value);
		copy->value_len = accept->value_len;
		req->head.headers = copy;
		req->head.header_count = copy->value != NULL;
	}
	copy_line(req, &old->head);
	memcpy(req->id, old->id, sizeof(req->id));
	req->client = old->client;
	req->route = old->route;
	req->cors_origin = old->cors_origin; /* a constant, or the generation's */
	req->varies_by_origin = old->varies_by_origin;
	req->began = old->began;
	req->owner = c;
	req->home = old->home;
	old->owner = NULL;
	conn_stream_leave(c, -ETIMEDOUT);
	c->req = req;
	return true;
}

void conn_answer_for(struct conn *c, int status, const char *detail)
{
	if (stand_in(c))
		conn_answer(c, status, detail);
	else
		conn_lost(c);
}

void conn_call_timeout(struct conn *c)
{
	struct request *req = c->req;
	bool is_late = c->loop->now >= req->deadline;
	if (pool_cancel(&req->call, is_late)) {
		req->call.end = CALL_EXPIRED;
		if (is_late) {
			conn_answer(c, 504, why_late);
		} else {
			req->call.retry_after = pool_retry_after(req->call.pool, req->call.share);
			conn_answer(c, 503, why_not_run(CALL_EXPIRED));
		}
		return;
	}
	if (!is_late) {
		conn_stream_tick(c); /* it runs: a place in line is no matter any more */
		return;
	}
	if (c->stream && c->stream->head_is_out) {
		conn_stream_timeout(c);
		return;
	}
	tally_timeout(c->loop, req);
	char note[TRACE_NOTE_SIZE];
	log_warn("request %s%s: handler %s (%s) exceeded its time limit; the client was told 504",
		 req->id, request_trace_note(req, false, note), req->route->handler_name,
		 req->route->label);
	conn_answer_for(c, 504, "The handler did not answer in time.");
}

bool conn_abandon(struct conn *c)
{
	if (pool_cancel(&c->req->call, true))
		return true;
	c->req->owner = NULL;
	return false;
}
