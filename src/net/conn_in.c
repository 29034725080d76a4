/*
 * From bytes to requests: heads, bodies, and what is refused on the way.
 *
 * Thread: the loop that accepted the connection.
 */
#include <string.h>

#include "net/conn_private.h"
#include "work/body.h"
#include "work/rules.h"
#include "work/packing.h"

static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* Counting in text: printf would take longer than the rest of a small request's
 * parsing. */
static void next_id(char id[LOOP_ID_LEN + 1])
{
	char *digit = id + LOOP_ID_LEN - 1;
	while (*digit == 'f' && digit > id)
		*digit-- = '0';
	*digit = (char)(*digit == '9' ? 'a' : *digit + 1);
}

bool conn_begin_request(struct conn *c)
{
	struct loop *loop = c->loop;
	struct request *req = loop_take_request(loop);
	if (!req)
		return false;
	next_id(loop->id);
	memcpy(req->id, loop->id, sizeof(loop->id));
	req->client = c->client;
	req->owner = c;
	req->home = &loop->mailbox;
	req->began = c->began;
	c->req = req;
	return true;
}

/* The head is copied, so that the request owns what its parts point into. Memory
 * is taken for the fields that came, not for all that may come. */
static int parse_head(struct conn *c, const char *data, size_t len, size_t lines)
{
	struct request *req = c->req;
	struct http_limits fitted = req->gen->limits;
	if (fitted.headers_max > lines)
		fitted.headers_max = lines;
	char *head = arena_alloc(&req->arena, len);
	struct http_header *headers =
		arena_alloc(&req->arena, fitted.headers_max * sizeof(*headers));
	if (!head || !headers)
		return 500;
	memcpy(head, data, len);
	return -http_head_parse(head, len, &fitted, &c->loop->lines, headers, &req->head);
}

static bool has_body(const struct http_head *head)
{
	return head->chunked || head->length > 0;
}

/* A client that asks before it sends is told now what its call would be told once all
 * of its body is here. */
static int line_refuses(struct request *req)
{
	const struct route *route = req->route;
	struct call *call = &req->call;
	if (req->head.expect != HTTP_EXPECT_CONTINUE || !has_body(&req->head) || !route->pool ||
	    !pool_turns_away(route->pool, route->share))
		return 0;
	call->pool = route->pool;
	call->end = CALL_FULL;
	call->retry_after = pool_retry_after(route->pool, route->share);
	return 503;
}

/* Decides before any of the body is read. */
static void decide_early(struct conn *c)
{
	struct request *req = c->req;
	int rc = req->head.expect == HTTP_EXPECT_OTHER ? 417 : request_route(req, &c->allow);
	if (req->gen->has_rules)
		rc = rules_apply(req, rc, &c->allow);
	if (rc == 0)
		rc = packing_refuses(req);
	if (rc == 0 && req->head.has_length && !req->route->is_live)
		loop_take_body(c->loop, &req->body, req->head.length);
	if (rc == 0 && req->head.has_length && req->route->is_live)
		rc = req->head.length > req->gen->body_max ? 413 : 0;
	else if (rc == 0 && req->head.has_length)
		rc = body_expect(req, req->head.length);
	if (rc == 0)
		rc = line_refuses(req);
	c->refusal = (uint16_t)(rc < 0 ? 500 : rc);
}

/* A small body of a refused request is read and dropped: the connection lives
 * on. Whoever asked before sending gets the answer at once. */
static bool can_discard(const struct conn *c)
{
	const struct http_head *head = &c->req->head;
	return head->has_length && head->length <= CONN_DISCARD_MAX &&
	       head->expect == HTTP_EXPECT_NONE;
}

void conn_say_go_on(struct conn *c)
{
	if (buf_add(&c->out, go_on, sizeof(go_on) - 1) == 0)
		conn_set_dirty(c);
}

static void begin_body(struct conn *c, bool nothing_came)
{
	struct request *req = c->req;
	c->state = CONN_BODY;
	c->body_left = req->head.length;
	if (req->head.chunked)
		http_chunked_init(&c->chunked);
	pace_begin(&c->body_pace, c->loop->now);
	conn_set_deadline(c, clock_add(c->loop->now, req->gen->body_timeout));
	if (req->head.expect == HTTP_EXPECT_CONTINUE && nothing_came)
		conn_say_go_on(c);
}

static void head_complete(struct conn *c, const char *data, size_t len, bool nothing_came)
{
	int rc = conn_begin_request(c) ? parse_head(c, data, len, c->scan.lines) : 500;
	if (rc != 0) {
		conn_refuse(c, rc, NULL);
		return;
	}
	conn_identify(c);
	request_adopt_id(c->req);
	decide_early(c);
	if (!has_body(&c->req->head))
		conn_dispatch(c);
	else if (c->refusal && !can_discard(c))
		conn_refuse(c, c->refusal, conn_why_refused(c));
	else if (!c->refusal && c->req->route->is_live)
		conn_stream_begin_body(c);
	else
		begin_body(c, nothing_came);
}

static size_t take_head(struct conn *c, const char *data, size_t len)
{
	const struct generation *gen = c->loop->gen;
	if (c->state == CONN_IDLE) {
		c->state = CONN_HEAD;
		list_remove(&c->idle);
		c->scan = (struct http_scan){ 0 };
		c->began = c->loop->now;
	}
	long head = http_head_scan(data, len, &c->scan, &gen->limits, &c->loop->lines);
	if (head == 0) {
		conn_set_deadline(c, clock_add(c->began, gen->header_timeout));
		return 0;
	}
	if (head < 0) {
		conn_refuse(c, (int)-head, NULL);
		return len;
	}
	head_complete(c, data, (size_t)head, (size_t)head == len);
	return (size_t)head;
}

/* Keeps a piece of the body, unless the request is refused already. */
static bool keep(struct conn *c, const char *data, size_t len)
{
	int rc = c->refusal ? 0 : body_add(c->req, data, len);
	if (rc == 0)
		return true;
	conn_refuse(c, rc, NULL);
	return false;
}

static void body_complete(struct conn *c)
{
	int rc = c->refusal ? 0 : body_end(c->req);
	if (rc == 0 && !c->refusal && c->req->head.chunked)
		rc = packing_refuses(c->req); /* its head did not tell how large it is */
	if (rc != 0)
		conn_refuse(c, rc, NULL);
	else
		conn_dispatch(c);
}

char *conn_body_room(struct conn *c, size_t *ret_size)
{
	if (c->state != CONN_BODY || c->refusal || c->req->head.chunked || buf_len(&c->in) > 0 ||
	    c->body_left < CONN_DIRECT_LEAST)
		return NULL;
	*ret_size = c->body_left < CONN_DIRECT_MAX ? (size_t)c->body_left : CONN_DIRECT_MAX;
	return body_room(&c->req->body, (size_t)c->body_left);
}

void conn_body_came(struct conn *c, size_t len)
{
	if (!conn_keeps_pace(c, len)) {
		conn_refuse(c, 408, NULL);
		return;
	}
	conn_set_deadline(c, clock_add(c->loop->now, c->req->gen->body_timeout));
	c->req->body.len += len;
	c->body_left -= len;
	if (c->body_left == 0)
		body_complete(c);
}

static size_t take_sized(struct conn *c, const char *data, size_t len)
{
	size_t n = len < c->body_left ? len : (size_t)c->body_left;
	if (!keep(c, data, n))
		return len;
	c->body_left -= n;
	if (c->body_left == 0)
		body_complete(c);
	return n;
}

static size_t take_chunked(struct conn *c, char *data, size_t len)
{
	size_t body, used;
	int rc = http_chunked_decode(&c->chunked, data, len, &body, &used);
	if (rc < 0) {
		conn_refuse(c, -rc, NULL);
		return len;
	}
	if (!keep(c, data, body))
		return len;
	/* A chunk that is too large need not be waited for. */
	const struct request *req = c->req;
	if (!c->refusal &&
	    http_chunked_announced(&c->chunked) > req->gen->body_max - req->body.len) {
		conn_refuse(c, 413, NULL);
		return len;
	}
	if (rc == 1)
		body_complete(c);
	return used;
}

static size_t take_body(struct conn *c, char *data, size_t len)
{
	if (!conn_keeps_pace(c, len)) {
		conn_refuse(c, 408, NULL);
		return len;
	}
	conn_set_deadline(c, clock_add(c->loop->now, c->req->gen->body_timeout));
	return c->req->head.chunked ? take_chunked(c, data, len) : take_sized(c, data, len);
}

/* What a handler did not read of its body. */
static size_t take_unwanted(struct conn *c, size_t len)
{
	size_t n = len < c->skip ? len : (size_t)c->skip;
	c->skip -= n;
	return n;
}

static size_t take(struct conn *c, char *data, size_t len)
{
	if (c->state == CONN_CALL)
		return conn_stream_receive(c, data, len);
	if (c->state == CONN_BODY)
		return take_body(c, data, len);
	if (c->state == CONN_PROXY)
		return conn_proxy_take(c, data, len);
	return c->skip ? take_unwanted(c, len) : take_head(c, data, len);
}

static bool must_wait(const struct conn *c)
{
	if (c->state == CONN_CALL)
		return !conn_is_receiving(c);
	return c->state > CONN_BODY || buf_len(&c->out) >= c->loop->gen->write_buffer;
}

size_t conn_parse(struct conn *c, char *data, size_t len)
{
	size_t used = 0;
	uint64_t turn_end = c->served + CONN_TURN_MAX;
	while (used < len) {
		if (c->closing && !conn_awaits_body(c))
			return len; /* whatever else was sent will not be answered */
		if (must_wait(c) || c->served >= turn_end) {
			c->cut_short = true;
			break;
		}
		size_t n = take(c, data + used, len - used);
		if (n == 0)
			break;
		used += n;
	}
	return used;
}
