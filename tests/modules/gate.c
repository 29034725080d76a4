/*
 * A gate that tests open and close, so that none of them has to sleep.
 *
 *   GET  /hold[?tag=T]  blocking: waits for a permit, then {"released": true};
 *                       503 {"released": false} once the call is cancelled
 *   GET  /lend[?tag=T][&open=1]  as /hold, its token lent meanwhile: {"begin": what
 *                       weir_blocking_begin returned}; with open=1 it returns without
 *                       weir_blocking_end. Its tag is noted when it goes on.
 *   GET  /lend-inline   inline: {"begin": …}
 *   POST /release[?n=N] inline: gives N (1) permits, now or for later:
 *                       {"permits": permits nobody has taken yet}
 *   GET  /gate          inline: {"holding", "started", "cancelled", "finished"}:
 *                       waiting now; begun, given up, and let through so far
 *   GET  /order         inline: ["T", …], tags in the order their calls began
 *
 * The instances of one name have one gate, so that calls which a reload has left
 * on the older one can be let go: its address is in the environment.
 *
 * Thread: any; `lock` guards everything but `users`, which is init's and fini's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/module.h>

enum { VARIABLE_LEN = 128, TAG_LEN = 16, TAGS_MAX = 1024, POLL_NS = 10 * 1000 * 1000 };

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	int users;
	long permits, holding, started, cancelled, finished;
	size_t tag_count;
	char tags[TAGS_MAX][TAG_LEN];
};

/* Nothing wakes a waiting handler when its call is cancelled: it looks. */
static void wait_a_little(struct gate *g)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += POLL_NS;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&g->opened, &g->lock, &until);
}

static void enter(struct gate *g, const char *tag)
{
	g->started++;
	g->holding++;
	if (tag && g->tag_count < TAGS_MAX)
		snprintf(g->tags[g->tag_count++], TAG_LEN, "%s", tag);
}

static int hold(struct weir_request *req, struct weir_response *res)
{
	struct gate *g = weir_data(req);
	const char *tag = weir_query(req, "tag");
	pthread_mutex_lock(&g->lock);
	enter(g, tag);
	while (g->permits == 0 && !weir_cancelled(req))
		wait_a_little(g);
	int is_released = g->permits > 0;
	g->holding--;
	if (is_released) {
		g->permits--;
		g->finished++;
	} else {
		g->cancelled++;
	}
	pthread_mutex_unlock(&g->lock);
	return weir_jsonf(res, is_released ? 200 : 503, "{\"released\": %s}",
			  is_released ? "true" : "false");
}

static int lend(struct weir_request *req, struct weir_response *res)
{
	struct gate *g = weir_data(req);
	int rc = weir_blocking_begin();
	int nested = weir_blocking_begin();
	pthread_mutex_lock(&g->lock);
	enter(g, NULL);
	while (g->permits == 0)
		wait_a_little(g);
	g->permits--;
	pthread_mutex_unlock(&g->lock);
	weir_blocking_end();
	if (!weir_query(req, "open")) {
		weir_blocking_end();
		weir_blocking_end(); /* one too many does nothing */
	}
	pthread_mutex_lock(&g->lock);
	g->holding--;
	g->finished++;
	if (weir_query(req, "tag") && g->tag_count < TAGS_MAX)
		snprintf(g->tags[g->tag_count++], TAG_LEN, "%s", weir_query(req, "tag"));
	pthread_mutex_unlock(&g->lock);
	return weir_jsonf(res, 200, "{\"begin\": %d, \"nested\": %d}", rc, nested);
}

static int lend_inline(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	int rc = weir_blocking_begin();
	weir_blocking_end();
	return weir_jsonf(res, 200, "{\"begin\": %d}", rc);
}

static int release(struct weir_request *req, struct weir_response *res)
{
	struct gate *g = weir_data(req);
	int64_t n;
	if (weir_query_int(req, "n", 0, 1000000, 1, &n) < 0)
		return weir_error(res, 422, "n is 0 to 1000000");
	pthread_mutex_lock(&g->lock);
	g->permits += (long)n;
	long permits = g->permits;
	pthread_cond_broadcast(&g->opened);
	pthread_mutex_unlock(&g->lock);
	return weir_jsonf(res, 200, "{\"permits\": %ld}", permits);
}

static int gate(struct weir_request *req, struct weir_response *res)
{
	struct gate *g = weir_data(req);
	pthread_mutex_lock(&g->lock);
	int rc = weir_jsonf(
		res, 200,
		"{\"holding\": %ld, \"started\": %ld, \"cancelled\": %ld, \"finished\": %ld}",
		g->holding, g->started, g->cancelled, g->finished);
	pthread_mutex_unlock(&g->lock);
	return rc;
}

static int order(struct weir_request *req, struct weir_response *res)
{
	struct gate *g = weir_data(req);
	char *list = weir_strdup(req, "");
	pthread_mutex_lock(&g->lock);
	for (size_t i = 0; i < g->tag_count && list; i++)
		list = weir_printf(req, "%s%s%s", list, i ? ", " : "",
				   weir_json_quote(req, g->tags[i]));
	pthread_mutex_unlock(&g->lock);
	return list ? weir_jsonf(res, 200, "[%s]", list) : -ENOMEM;
}

static const char *variable(const struct weir_instance *self, char name[VARIABLE_LEN])
{
	snprintf(name, VARIABLE_LEN, "WEIR_TEST_GATE_%s", weir_instance_name(self));
	return name;
}

static int init(struct weir_instance *self, void **ret_data)
{
	char name[VARIABLE_LEN], address[32];
	const char *is_there = getenv(variable(self, name));
	struct gate *g = NULL;
	if (is_there && sscanf(is_there, "%p", (void **)&g) == 1) {
		g->users++;
		*ret_data = g;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->opened, NULL);
	g->users = 1;
	snprintf(address, sizeof(address), "%p", (void *)g);
	setenv(name, address, 1);
	*ret_data = g;
	return 0;
}

static void fini(struct weir_instance *self, void *data)
{
	char name[VARIABLE_LEN];
	struct gate *g = data;
	if (--g->users > 0)
		return;
	unsetenv(variable(self, name));
	pthread_cond_destroy(&g->opened);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* clang-format off */
WEIR_MODULE(
	.name = "gate",
	.summary = "holds calls until a test lets them go",
	.routes = WEIR_ROUTES(WEIR_GET("/hold", hold), WEIR_GET("/lend", lend),
			      WEIR_GET_INLINE("/lend-inline", lend_inline),
			      WEIR_ROUTE("POST", "/release", release, WEIR_INLINE),
			      WEIR_GET_INLINE("/gate", gate), WEIR_GET_INLINE("/order", order)),
	.init = init,
	.fini = fini,
)
/* clang-format on */
