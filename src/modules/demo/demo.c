/*
 * What Weir is for, in one file: handlers that compute and block under the
 * pool's tokens, an answer that is sent while its handler runs, work left
 * behind after the answer, an inline handler beside them, and every way in
 * which a handler can fail.
 *
 * Thread: each function as <weir/module.h> says; the counters are atomic.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/module.h>

enum {
	COMPUTE_ROUNDS = 8 * 1000 * 1000, /* about 10 ms of one processor */
	SLEEP_MAX = 3600 * 1000,
	SLEEP_USUAL = 100,
	COUNT_MAX = 1000 * 1000,
	COUNT_USUAL = 10,
	TASKS = 3,
};

struct demo {
	atomic_llong running, peak, total; /* of /sleep */
};

static void sleep_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* ---- a handler that computes ---- */

/* Each round needs the one before, so that no compiler can take it away. */
static uint64_t mix(uint64_t x)
{
	for (int i = 0; i < COMPUTE_ROUNDS; i++)
		x = x * 6364136223846793005U + 1442695040888963407U;
	return x;
}

static int compute(struct weir_request *req, struct weir_response *res)
{
	int64_t id;
	if (weir_param_int(req, "item_id", &id) < 0)
		return weir_error(res, 422, "item_id is too large");
	/* 53 bits: what every reader of JSON takes for a whole number. */
	uint64_t result = mix((uint64_t)id) >> 11;
	return weir_jsonf(res, 200, "{\"item_id\": %" PRId64 ", \"result\": %" PRIu64 "}", id,
			  result);
}

/* ---- a handler that blocks, and one that counts how many do ---- */

static long long enter_sleep(struct demo *d)
{
	long long running = atomic_fetch_add(&d->running, 1) + 1;
	long long peak = atomic_load(&d->peak);
	while (running > peak && !atomic_compare_exchange_weak(&d->peak, &peak, running))
		;
	atomic_fetch_add(&d->total, 1);
	return running;
}

static int sleep_for(struct weir_request *req, struct weir_response *res)
{
	struct demo *d = weir_data(req);
	int64_t ms;
	if (weir_query_int(req, "ms", 0, SLEEP_MAX, SLEEP_USUAL, &ms) < 0)
		return weir_errorf(res, 422, "ms must be a whole number from 0 to %d", SLEEP_MAX);
	long long running = enter_sleep(d);
	sleep_ms(ms);
	atomic_fetch_sub(&d->running, 1);
	return weir_jsonf(res, 200,
			  "{\"slept_ms\": %" PRId64 ", \"running\": %lld, \"peak\": %lld}", ms,
			  running, (long long)atomic_load(&d->peak));
}

static int sleep_stats(struct weir_request *req, struct weir_response *res)
{
	struct demo *d = weir_data(req);
	return weir_jsonf(res, 200, "{\"running\": %lld, \"peak\": %lld, \"total\": %lld}",
			  (long long)atomic_load(&d->running), (long long)atomic_load(&d->peak),
			  (long long)atomic_load(&d->total));
}

/* ---- an answer that is sent while its handler runs ---- */

static int count_up(struct weir_response *res, int64_t n, int64_t ms)
{
	char line[32];
	int rc = 0;
	for (int64_t i = 1; rc == 0 && i <= n; i++) {
		int len = snprintf(line, sizeof(line), "%" PRId64 "\n", i);
		rc = weir_write(res, line, (size_t)len);
		/* Without a pause, lines may as well go out together. */
		if (rc == 0 && ms > 0)
			rc = weir_flush(res);
		if (rc == 0 && i < n)
			sleep_ms(ms);
	}
	return rc;
}

static int count(struct weir_request *req, struct weir_response *res)
{
	int64_t n, ms;
	if (weir_query_int(req, "n", 0, COUNT_MAX, COUNT_USUAL, &n) < 0)
		return weir_errorf(res, 422, "n must be a whole number from 0 to %d", COUNT_MAX);
	if (weir_query_int(req, "ms", 0, SLEEP_MAX, SLEEP_USUAL, &ms) < 0)
		return weir_errorf(res, 422, "ms must be a whole number from 0 to %d", SLEEP_MAX);
	int status = weir_stream(res, 200, "text/plain; charset=utf-8");
	int rc = status < 0 ? status : count_up(res, n, ms);
	/* When the client has gone, writing fails and the token is free again. */
	return rc < 0 ? rc : status;
}

/* ---- work after the answer ---- */

struct job {
	int number;
	int64_t ms;
};

static int work(struct weir_task *task, void *arg)
{
	const struct job *job = arg;
	(void)task;
	sleep_ms(job->ms);
	weir_log(WEIR_LOG_INFO, "background task %d done", job->number);
	return 0;
}

static int start_background(struct weir_request *req, struct weir_response *res)
{
	int64_t ms = weir_option_int(weir_request_instance(req), "task_time");
	for (int i = 1; i <= TASKS; i++) {
		/* Request memory is gone when the task runs: it gets its own. */
		struct job *job = malloc(sizeof(*job));
		if (!job)
			return -ENOMEM;
		*job = (struct job){ i, ms };
		int rc = weir_background(req, work, job, free, WEIR_GROUP);
		if (rc == -EAGAIN) {
			weir_set_header(res, "Retry-After", "1");
			return weir_error(res, 503, "no room for a background task");
		}
		if (rc < 0)
			return rc;
	}
	return weir_json(res, 200, "{\"status\": \"Background task scheduled!\"}");
}

/* ---- the rest ---- */

static int echo(struct weir_request *req, struct weir_response *res)
{
	size_t len;
	const char *body = weir_body(req, &len);
	if (!body)
		return -ENOMEM;
	const char *type = weir_header(req, "Content-Type");
	/* A client may send the header and nothing in it. */
	return weir_bytes(res, 200, type && *type ? type : NULL, body, len);
}

/* What goes wrong in handlers, and what clients then see of it. */
static int fail(struct weir_request *req, struct weir_response *res)
{
	const char *how = weir_query(req, "how");
	if (!how || strcmp(how, "errno") == 0)
		return -EIO;
	if (strcmp(how, "status") == 0)
		return 418;
	if (strcmp(how, "empty") == 0)
		return 200;
	if (strcmp(how, "header") == 0) {
		weir_set_header(res, "X-Split", "a\r\nX-Injected: b");
		return weir_text(res, 200, "the header was left out\n");
	}
	return weir_error(res, 422, "how must be errno, status, header or empty");
}

static int inlined(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "hello, inline\n");
}

static int noop(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "hello, worker\n");
}

static int init(struct weir_instance *self, void **ret_data)
{
	(void)self;
	struct demo *d = calloc(1, sizeof(*d));
	*ret_data = d;
	return d ? 0 : -ENOMEM;
}

static void fini(struct weir_instance *self, void *data)
{
	(void)self;
	free(data);
}

/* clang-format off */
WEIR_MODULE(
	.name = "demo",
	.version = "1.0",
	.summary = "what Weir is for: computing, blocking, failing, work after the answer",
	.routes = WEIR_ROUTES(
		WEIR_GET("/compute/{item_id:int}", compute),
		WEIR_GET("/sleep", sleep_for),
		WEIR_GET_INLINE("/sleep/stats", sleep_stats),
		WEIR_GET("/count", count),
		WEIR_GET("/start-background", start_background),
		WEIR_POST("/echo", echo),
		WEIR_GET("/fail", fail),
		WEIR_GET_INLINE("/inline", inlined),
		WEIR_GET("/noop", noop)),
	.options = WEIR_OPTIONS({ .name = "task_time", .type = WEIR_DURATION, .value = "5s",
				  .min = 0, .max = 3600000,
				  .help = "how long a background task takes" }),
	.init = init,
	.fini = fini,
)
/* clang-format on */
