/*
 * Handlers that stream. Byte i of what is sent is i * 31 + (i >> 8), so that
 * tests can check every one.
 *
 *   GET  /send?size=N&piece=P&flush=F&status=S&fail=E   streams N bytes, P (1000) at a
 *                     time, flushing after each with F=1, under status S (200), and
 *                     returns -E when E is not 0
 *   GET  /held?fail=E streams "first\n", flushes, waits for a permit (or the call's
 *                     end), streams "last\n"; returns -E when E is not 0
 *   POST /go          inline: one permit: {}
 *   GET  /late        waits for a permit without sending anything, then streams
 *   GET  /stats       inline: {"running", "written": bytes that were accepted, "ended",
 *                     "rc", "cancelled": of the last call that ended in trouble}
 *   GET  /rules       streams the results of calls that must fail behind weir_stream
 *   GET  /outside     {"write", "flush", "low", "high", "type"}: results of calls that
 *                     must fail before it
 *   GET  /inline      inline: {"rc"} of weir_stream
 *   GET  /none        streams nothing at all
 *   GET  /headers     headers, cookie and a body that is replaced by the stream
 *   GET  /task        streams, and promises a task that logs "task ran"
 *
 * With a live body:
 *
 *   POST /take?size=N&most=M&keep=K  reads N (4096) bytes at a time, M at most:
 *                     {"len", "adler", "length": by weir_body_length, "reads", "rc"};
 *                     returns what a read failed with, or 200 all the same with K=1
 *   POST /slow?size=N reads N bytes whenever there is a permit: {"len", "adler"}
 *   POST /whole?size=N  {"first": bytes read before, at most N (0), "len", "adler", "nul",
 *                     "again": weir_body_read then gives all of it}
 *   POST /refuse?status=S  reads nothing and returns S (422)
 *   POST /echo?size=N reads N (4096) bytes at a time and streams them back
 *   POST /early       streams "early\n", flushes, then reads: as /echo
 *   POST /nested      calls stream.take
 *
 * "received" of /stats are bytes that were read.
 *
 * Thread: each function as <weir/module.h> says; `lock` guards the permits.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/module.h>

enum { POLL_NS = 5 * 1000 * 1000, PIECE_MAX = 1 << 20 };

struct state {
	pthread_mutex_t lock;
	long permits;
	atomic_llong running, written, received, ended;
	atomic_int rc, cancelled;
};

static int64_t number(struct weir_request *req, const char *name, int64_t fallback)
{
	int64_t n = fallback;
	weir_query_int(req, name, 0, INT64_MAX, fallback, &n);
	return n;
}

static void enter(struct weir_request *req)
{
	struct state *s = weir_data(req);
	atomic_fetch_add(&s->running, 1);
}

/* Returns what the handler is to return. */
static int leave(struct weir_request *req, int rc, int status)
{
	struct state *s = weir_data(req);
	int64_t fail = number(req, "fail", 0);
	if (rc < 0) {
		atomic_store(&s->rc, rc);
		atomic_store(&s->cancelled, weir_cancelled(req));
	}
	atomic_fetch_sub(&s->running, 1);
	atomic_fetch_add(&s->ended, 1);
	return rc < 0 ? rc : fail ? -(int)fail : status;
}

static int write_counted(struct weir_request *req, struct weir_response *res, const void *data,
			 size_t len)
{
	struct state *s = weir_data(req);
	int rc = weir_write(res, data, len);
	if (rc == 0)
		atomic_fetch_add(&s->written, (long long)len);
	return rc;
}

static int write_text(struct weir_request *req, struct weir_response *res, const char *text)
{
	return write_counted(req, res, text, strlen(text));
}

/* One permit, unless the call ends before. */
static int await_permit(struct weir_request *req)
{
	struct state *s = weir_data(req);
	struct timespec pause = { .tv_nsec = POLL_NS };
	for (;;) {
		pthread_mutex_lock(&s->lock);
		int has_permit = s->permits > 0;
		s->permits -= has_permit;
		pthread_mutex_unlock(&s->lock);
		if (has_permit)
			return 0;
		if (weir_cancelled(req))
			return -ECANCELED;
		nanosleep(&pause, NULL);
	}
}

static int send_all(struct weir_request *req, struct weir_response *res, int64_t size)
{
	size_t piece = (size_t)number(req, "piece", 1000);
	int flushes = number(req, "flush", 0) != 0;
	if (piece < 1 || piece > PIECE_MAX)
		return -EINVAL;
	unsigned char *block = weir_alloc(req, piece);
	if (!block)
		return -ENOMEM;
	int rc = 0;
	for (int64_t at = 0; rc == 0 && at < size;) {
		size_t n = (int64_t)piece < size - at ? piece : (size_t)(size - at);
		for (size_t i = 0; i < n; i++, at++)
			block[i] = (unsigned char)(at * 31 + (at >> 8));
		rc = write_counted(req, res, block, n);
		if (rc == 0 && flushes)
			rc = weir_flush(res);
	}
	return rc;
}

static int send_bytes(struct weir_request *req, struct weir_response *res)
{
	enter(req);
	int rc = weir_stream(res, (int)number(req, "status", 200), "application/x-probe");
	int status = rc;
	if (rc > 0)
		rc = send_all(req, res, number(req, "size", 0));
	return leave(req, rc, status);
}

static int held(struct weir_request *req, struct weir_response *res)
{
	enter(req);
	int rc = weir_stream(res, 200, "text/plain");
	if (rc > 0)
		rc = write_text(req, res, "first\n");
	if (rc == 0)
		rc = weir_flush(res);
	if (rc == 0)
		rc = await_permit(req);
	if (rc == 0)
		rc = write_text(req, res, "last\n");
	return leave(req, rc, 200);
}

static int late(struct weir_request *req, struct weir_response *res)
{
	enter(req);
	int rc = weir_stream(res, 200, "text/plain");
	if (rc > 0)
		rc = write_text(req, res, "never seen in time\n");
	if (rc == 0)
		rc = await_permit(req);
	if (rc == -ECANCELED)
		rc = weir_write(res, "x", 1);
	return leave(req, rc, 200);
}

static int go(struct weir_request *req, struct weir_response *res)
{
	struct state *s = weir_data(req);
	pthread_mutex_lock(&s->lock);
	s->permits++;
	pthread_mutex_unlock(&s->lock);
	return weir_json(res, 200, "{}");
}

static int stats(struct weir_request *req, struct weir_response *res)
{
	struct state *s = weir_data(req);
	return weir_jsonf(res, 200,
			  "{\"running\": %lld, \"written\": %lld, \"received\": %lld, "
			  "\"ended\": %lld, \"rc\": %d, \"cancelled\": %d}",
			  (long long)atomic_load(&s->running), (long long)atomic_load(&s->written),
			  (long long)atomic_load(&s->received), (long long)atomic_load(&s->ended),
			  atomic_load(&s->rc), atomic_load(&s->cancelled));
}

static void count_free(void *data)
{
	(*(int *)data)++;
}

static int rules(struct weir_request *req, struct weir_response *res)
{
	int freed = 0;
	int begun = weir_stream(res, 202, "application/json");
	int again = weir_stream(res, 200, NULL);
	char *text = weir_printf(
		req,
		"{\"begun\": %d, \"again\": %d, \"set\": %d, \"add\": %d, \"cookie\": %d, "
		"\"text\": %d, \"textf\": %d, \"take\": %d, \"file\": %d, \"redirect\": %d, "
		"\"error\": %d, \"errorf\": %d, \"freed\": ",
		begun, again, weir_set_header(res, "X-Late", "1"),
		weir_add_header(res, "X-Late", "1"), weir_set_cookie(res, "late", "1", NULL),
		weir_text(res, 200, "late"), weir_textf(res, 200, "late"),
		weir_bytes_take(res, 200, NULL, &freed, 1, count_free),
		weir_file(res, "/dev/null", NULL), weir_redirect(res, 302, "/"),
		weir_error(res, 500, NULL), weir_errorf(res, 500, "late"));
	if (!text)
		return -ENOMEM;
	weir_write(res, text, strlen(text));
	weir_write(res, "", 0);
	weir_write(res, freed == 1 ? "1}" : "0}", 2);
	return 0; /* no status, and no failure either: the answer has begun */
}

static int outside(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_jsonf(res, 200,
			  "{\"write\": %d, \"flush\": %d, \"low\": %d, \"high\": %d, \"type\": %d}",
			  weir_write(res, "x", 1), weir_flush(res), weir_stream(res, 199, NULL),
			  weir_stream(res, 600, NULL), weir_stream(res, 200, "a\r\nb"));
}

static int inlined(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	int rc = weir_stream(res, 200, NULL);
	return weir_jsonf(res, 200, "{\"rc\": %d}", rc);
}

static int none(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_stream(res, 200, NULL);
}

static int headers(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	weir_set_header(res, "X-Early", "one");
	weir_set_cookie(res, "early", "two", "Path=/");
	weir_set_header(res, "Content-Length", "5");
	weir_text(res, 200, "replaced");
	weir_stream(res, 201, "text/x-probe");
	return weir_write(res, "streamed", 8);
}

static int run_task(struct weir_task *task, void *arg)
{
	(void)task;
	(void)arg;
	weir_log(WEIR_LOG_INFO, "task ran");
	return 0;
}

static int task(struct weir_request *req, struct weir_response *res)
{
	weir_stream(res, 200, "text/plain");
	weir_background(req, run_task, NULL, NULL, 0);
	return weir_write(res, "promised\n", 9);
}

/* ---- live bodies ---- */

static uint32_t adler_of(uint32_t adler, const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;
	uint32_t a = adler & 0xffff, b = adler >> 16;
	for (size_t i = 0; i < len; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static ssize_t read_counted(struct weir_request *req, void *to, size_t size)
{
	struct state *s = weir_data(req);
	ssize_t n = weir_body_read(req, to, size);
	if (n > 0)
		atomic_fetch_add(&s->received, n);
	return n;
}

struct tally {
	size_t len, reads;
	uint32_t adler;
};

static int tally_all(struct weir_request *req, size_t size, size_t most, struct tally *t)
{
	char *block = weir_alloc(req, size);
	ssize_t n = block ? 1 : -ENOMEM;
	*t = (struct tally){ .adler = 1 };
	while (n > 0 && t->len < most) {
		n = read_counted(req, block, size < most - t->len ? size : most - t->len);
		if (n <= 0)
			break;
		t->len += (size_t)n;
		t->adler = adler_of(t->adler, block, (size_t)n);
		t->reads++;
	}
	return n < 0 ? (int)n : 0;
}

static int take(struct weir_request *req, struct weir_response *res)
{
	struct tally t;
	enter(req);
	size_t length = weir_body_length(req);
	int rc = tally_all(req, (size_t)number(req, "size", 4096),
			   (size_t)number(req, "most", INT64_MAX), &t);
	int status = weir_jsonf(
		res, 200,
		"{\"len\": %zu, \"adler\": %u, \"length\": %zu, \"reads\": %zu, \"rc\": %d}", t.len,
		t.adler, length, t.reads, rc);
	int keeps = number(req, "keep", 0) != 0;
	int left = leave(req, rc, status);
	return keeps ? status : left;
}

static int slow(struct weir_request *req, struct weir_response *res)
{
	struct tally all = { .adler = 1 };
	size_t size = (size_t)number(req, "size", 4096);
	char *block = weir_alloc(req, size);
	ssize_t n = block ? 1 : -ENOMEM;
	enter(req);
	while (n > 0) {
		int rc = await_permit(req);
		n = rc < 0 ? rc : read_counted(req, block, size);
		if (n <= 0)
			break;
		all.len += (size_t)n;
		all.adler = adler_of(all.adler, block, (size_t)n);
	}
	int status = weir_jsonf(res, 200, "{\"len\": %zu, \"adler\": %u}", all.len, all.adler);
	return leave(req, (int)n, status);
}

static int whole(struct weir_request *req, struct weir_response *res)
{
	struct tally first, again;
	size_t len, most = (size_t)number(req, "size", 0);
	enter(req);
	if (most > 0 && tally_all(req, most, most, &first) < 0)
		return leave(req, -EIO, 0);
	const char *body = weir_body(req, &len);
	if (!body)
		return leave(req, -ENOMEM, 0);
	int rc = tally_all(req, 1000, SIZE_MAX, &again);
	int is_same = again.len == len && weir_body_length(req) == len && rc == 0;
	int status = weir_jsonf(
		res, 200,
		"{\"first\": %zu, \"len\": %zu, \"adler\": %u, \"nul\": %s, \"again\": %s}",
		most > 0 ? first.len : 0, len, adler_of(1, body, len),
		body[len] == '\0' ? "true" : "false", is_same ? "true" : "false");
	return leave(req, 0, status);
}

static int refuse(struct weir_request *req, struct weir_response *res)
{
	return weir_text(res, (int)number(req, "status", 422), "not read\n");
}

static int copy_down(struct weir_request *req, struct weir_response *res)
{
	size_t size = (size_t)number(req, "size", 4096);
	char *block = weir_alloc(req, size);
	ssize_t n = block ? 1 : -ENOMEM;
	while (n > 0) {
		n = read_counted(req, block, size);
		int rc = n > 0 ? write_counted(req, res, block, (size_t)n) : 0;
		n = rc < 0 ? rc : n;
	}
	return (int)n;
}

static int echo(struct weir_request *req, struct weir_response *res)
{
	enter(req);
	int rc = weir_stream(res, 200, "application/x-probe");
	return leave(req, rc < 0 ? rc : copy_down(req, res), 200);
}

static int early(struct weir_request *req, struct weir_response *res)
{
	enter(req);
	int rc = weir_stream(res, 200, "application/x-probe");
	if (rc > 0)
		rc = write_text(req, res, "early\n");
	if (rc == 0)
		rc = weir_flush(res);
	return leave(req, rc < 0 ? rc : copy_down(req, res), 200);
}

static int nested(struct weir_request *req, struct weir_response *res)
{
	return weir_call(req, "stream.take", res);
}

static int init(struct weir_instance *self, void **ret_data)
{
	(void)self;
	struct state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	*ret_data = s;
	return 0;
}

static void fini(struct weir_instance *self, void *data)
{
	struct state *s = data;
	(void)self;
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* clang-format off */
WEIR_MODULE(
	.name = "stream",
	.summary = "handlers that stream",
	.routes = WEIR_ROUTES(
		WEIR_GET("/send", send_bytes), WEIR_GET("/held", held), WEIR_GET("/late", late),
		WEIR_ROUTE("POST", "/go", go, WEIR_INLINE), WEIR_GET_INLINE("/stats", stats),
		WEIR_GET("/rules", rules), WEIR_GET("/outside", outside),
		WEIR_GET_INLINE("/inline", inlined), WEIR_GET("/none", none),
		WEIR_GET("/headers", headers), WEIR_GET("/task", task),
		WEIR_ROUTE("POST", "/take", take, WEIR_LIVE_BODY),
		WEIR_ROUTE("POST", "/slow", slow, WEIR_LIVE_BODY),
		WEIR_ROUTE("POST", "/whole", whole, WEIR_LIVE_BODY),
		WEIR_ROUTE("GET,POST", "/refuse", refuse, WEIR_LIVE_BODY),
		WEIR_ROUTE("POST", "/echo", echo, WEIR_LIVE_BODY),
		WEIR_ROUTE("POST", "/early", early, WEIR_LIVE_BODY),
		WEIR_ROUTE("POST", "/nested", nested, WEIR_LIVE_BODY)),
	.init = init,
	.fini = fini,
)
/* clang-format on */
