/*
 * The loop, the routes and the client's end of tests/fuzz/conn_rig.h.
 *
 * Thread: one.
 */
#include "conn_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn.h"
#include "net/loop.h"
#include "work/request.h"

enum { ROUTES = 6 };

static struct loop loop;
static struct generation gen;
static struct pool *pool;
static struct route routes[ROUTES];

static int answer(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	(void)res;
	return 200;
}

static void add_route(int i, const char *methods, const char *pattern, struct pool *blocking)
{
	struct route *r = &routes[i];
	const char *why;
	struct pattern_target *other;
	*r = (struct route){
		.label = pattern,
		.handler_name = "rig",
		.handler = answer,
		.is_inline = !blocking,
		.pool = blocking,
		.timeout = CLOCK_NEVER,
		.queue_timeout = CLOCK_NEVER,
		.slow_after = CLOCK_NEVER,
	};
	r->target.methods = http_methods_parse(methods);
	must(pattern_parse(&r->target.pattern, "/", pattern, &gen.arena, &why) == 0);
	must(router_add(gen.router, &r->target, &other) == 0);
}

void rig_start(void)
{
	struct pool_settings settings = { .queue_max = 4, .queue_timeout = CLOCK_NEVER };
	pool = pool_new("rig", &settings);
	must(pool);
	log_set_level(LOG_LEVEL_ERROR);
	gen = (struct generation){
		.limits = { .head_max = 16384, .target_max = 8192, .headers_max = 100 },
		.body_max = 1 << 20,
		.body_memory = 4096,
		.write_buffer = 64 * 1024,
		.spool_dir = "/tmp",
		.header_timeout = 10 * NS_PER_S,
		.body_timeout = 10 * NS_PER_S,
		.write_timeout = 10 * NS_PER_S,
		.keepalive_timeout = 10 * NS_PER_S,
	};
	atomic_init(&gen.refs, 1);
	arena_init(&gen.arena);
	gen.router = router_new(&gen.arena);
	must(gen.router);
	add_route(0, "*", "/", NULL);
	add_route(1, "*", "/{a}", NULL);
	add_route(2, "*", "/{a}/{b}", NULL);
	add_route(3, "*", "/{a}/{b}/{c}", NULL);
	add_route(4, "GET", "/get/only/one/way", NULL);
	add_route(5, "*", "/wait", pool);
	must(loop_init(&loop, 0, &gen, 1) == 0);
}

int rig_connect(void)
{
	int fd[2];
	struct addr peer = { .kind = ADDR_UNIX };
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	loop.now = clock_now();
	must(conn_open(&loop, fd[0], &peer, false) == 0);
	return fd[1];
}

void rig_turn(void)
{
	loop_turn(&loop, false);
}

size_t rig_count(void)
{
	return loop.conn_count;
}

/* One answer off the front of what was kept. False: it is not complete. */
static bool take_answer(struct rig_answers *a)
{
	char *end = memmem(a->kept, a->len, "\r\n\r\n", 4);
	int status;
	if (!end)
		return false;
	size_t head = (size_t)(end - a->kept) + 4, body = 0;
	*end = '\0';
	if (sscanf(a->kept, "HTTP/1.1 %d ", &status) != 1) {
		a->is_broken = true;
		return false;
	}
	const char *length = strstr(a->kept, "\r\nContent-Length: ");
	if (length)
		body = strtoul(length + 18, NULL, 10);
	/* An answer to HEAD says a length and has no body. */
	if (a->len == head || memcmp(a->kept + head, "HTTP/1.1 ", 9) == 0)
		body = 0;
	if (a->len < head + body) {
		*end = '\r';
		return false;
	}
	if (status >= 200)
		a->status[a->count++] = status;
	a->len -= head + body;
	memmove(a->kept, a->kept + head + body, a->len + 1);
	return true;
}

void rig_read(int fd, struct rig_answers *a)
{
	for (;;) {
		ssize_t n = recv(fd, a->kept + a->len, sizeof(a->kept) - a->len - 1, 0);
		if (n <= 0) {
			a->is_closed |= n == 0 || (errno != EAGAIN && errno != EINTR);
			break;
		}
		a->len += (size_t)n;
		a->kept[a->len] = '\0';
	}
	while (!a->is_broken && a->count < (int)array_len(a->status) && take_answer(a))
		;
}

void rig_close(int fd)
{
	close(fd);
	for (int i = 0; rig_count() > 0; i++) {
		must(i < 100);
		rig_turn();
	}
	/* Nobody waits for a client that has gone. */
	must(pool_busy(pool) == 0);
}
