/*
 * Work beside the answer: background tasks, nested handlers, functions on the
 * loop, data of instance and thread. probe.c has the rest of <weir/module.h>.
 * Result codes are negative errno values.
 *
 *   POST /tasks?order=N&group=M[&fail=K][&errno=1]  promises N in-order tasks,
 *            o1 … oN, then M group tasks g1 … gM (up to 100 each): {"rc": [of each],
 *            "id": request id}. The Kth of either kind returns -EIO. With errno=1 the
 *            handler then returns -EIO instead. Group tasks meet: each ends
 *            when all M have begun, or after 5 s (its mark is then "alone").
 *            POST /tasks-inline is the same inline.
 *   GET  /tasks       inline: {"begun": n, "ended": n, "freed": n of arguments,
 *            "same_id": every task had its request's id, "data": every task saw
 *            the instance's and its thread's data, "log": ["begin o1", "end o1", …]}
 *   POST /tasks/forget  inline: begins that record anew; {"forgotten": n}
 *   GET  /leaf        "leaf of INSTANCE under PATTERN" (blocking), /leaf-inline
 *   GET  /call?handler=H  what H answers, X-Outer: INSTANCE; {"rc"} when it
 *            cannot be called. /call-inline is the same inline.
 *   GET  /deep?n=N    calls itself N times: {"reached": depth, "rc": of the call that
 *            was refused or 0}; the first handler is depth 1
 *   GET  /loop        {"rc": 7, "error": -5, "other_thread": true}, also /loop-inline
 *            ("other_thread": false)
 *   GET  /loop-late   waits for the call's timeout, then weir_on_loop: logs
 *            "loop-late: RC, ran N"; wants a route with a timeout
 *   GET  /data        {"data": "of INSTANCE", "thread_data": there is some, "threads":
 *            inits less finis, "inits": thread_init calls so far}, also /data-inline
 *   GET  /spin?ms=N   computes for N ms
 *   GET  /churn?kb=N  takes N KB in pieces, writes and frees them
 *   unrouted (for [route] sections)  {"pattern", "instance", "x": parameter x}
 *
 * Thread: each function as <weir/module.h> says; `lock` guards the record.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/module.h>

enum { TASKS_MAX = 100, LINES_MAX = 4 * TASKS_MAX, LINE_LEN = 32, MEET_S = 5 };

struct probe {
	char name[64];
	atomic_int inits, finis;

	pthread_mutex_t lock;
	pthread_cond_t met;
	int begun, ended, freed, wrong_id, no_data;
	int line_count;
	char lines[LINES_MAX][LINE_LEN];
};

struct session {
	int depth; /* of /deep on this thread */
};

struct job {
	struct probe *probe;
	char mark[LINE_LEN / 2];
	char id[64];
	int fails;
	struct meeting *meeting; /* NULL: in order */
};

/* Group tasks of one request. Guarded by the probe's lock. */
struct meeting {
	int expected, here, refs;
};

static const char *quote(struct weir_request *req, const char *text)
{
	const char *quoted = text ? weir_json_quote(req, text) : "null";
	return quoted ? quoted : "\"out of memory\"";
}

/* ---- background tasks ---- */

static void note(struct probe *p, const char *what, const char *mark)
{
	if (p->line_count < LINES_MAX)
		snprintf(p->lines[p->line_count++], LINE_LEN, "%s %s", what, mark);
}

static void job_free(void *arg)
{
	struct job *job = arg;
	struct probe *p = job->probe;
	pthread_mutex_lock(&p->lock);
	p->freed++;
	if (job->meeting && --job->meeting->refs == 0)
		free(job->meeting);
	pthread_mutex_unlock(&p->lock);
	free(job);
}

static int meet(struct probe *p, struct meeting *m)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += MEET_S;
	m->here++;
	pthread_cond_broadcast(&p->met);
	int rc = 0;
	while (m->here < m->expected && rc == 0)
		rc = pthread_cond_timedwait(&p->met, &p->lock, &until);
	return rc;
}

static int work(struct weir_task *task, void *arg)
{
	struct job *job = arg;
	struct probe *p = job->probe;
	pthread_mutex_lock(&p->lock);
	p->begun++;
	p->wrong_id += strcmp(weir_task_request_id(task), job->id) != 0;
	p->no_data += weir_task_data(task) != p || !weir_task_thread_data(task);
	note(p, "begin", job->mark);
	if (job->meeting && meet(p, job->meeting) != 0)
		note(p, "alone", job->mark);
	note(p, "end", job->mark);
	p->ended++;
	pthread_mutex_unlock(&p->lock);
	return job->fails ? -EIO : 0;
}

static int promise(struct weir_request *req, char kind, int number, struct meeting *m, int fail)
{
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->probe = weir_data(req);
	job->meeting = m;
	job->fails = number == fail;
	snprintf(job->mark, sizeof(job->mark), "%c%d", kind, number);
	snprintf(job->id, sizeof(job->id), "%s", weir_request_id(req));
	return weir_background(req, work, job, job_free, m ? WEIR_GROUP : WEIR_IN_ORDER);
}

/* Each promise holds one reference from before it is made. */
static struct meeting *meeting_new(int64_t expected)
{
	struct meeting *m = calloc(1, sizeof(*m));
	if (m)
		m->expected = m->refs = (int)expected;
	return m;
}

static int tasks_post(struct weir_request *req, struct weir_response *res)
{
	int64_t order = 0, group = 0, fail = 0;
	if (weir_query_int(req, "order", 0, TASKS_MAX, 0, &order) < 0 ||
	    weir_query_int(req, "group", 0, TASKS_MAX, 0, &group) < 0 ||
	    weir_query_int(req, "fail", 0, TASKS_MAX, 0, &fail) < 0)
		return weir_error(res, 422, NULL);
	struct meeting *m = group > 0 ? meeting_new(group) : NULL;
	if (group > 0 && !m)
		return -ENOMEM;
	const char *list = "", *comma = "";
	for (int i = 1; i <= order + group; i++) {
		int is_group = i > order;
		int number = is_group ? i - (int)order : i;
		int rc = promise(req, is_group ? 'g' : 'o', number, is_group ? m : NULL, (int)fail);
		list = weir_printf(req, "%s%s%d", list ? list : "", comma, rc);
		comma = ", ";
	}
	if (weir_query(req, "errno"))
		return -EIO;
	return weir_jsonf(res, 200, "{\"rc\": [%s], \"id\": %s}", list,
			  quote(req, weir_request_id(req)));
}

static int tasks_inline(struct weir_request *req, struct weir_response *res)
{
	return tasks_post(req, res);
}

static int tasks_get(struct weir_request *req, struct weir_response *res)
{
	struct probe *p = weir_data(req);
	const char *lines = "";
	pthread_mutex_lock(&p->lock);
	for (int i = 0; i < p->line_count && lines; i++)
		lines = weir_printf(req, "%s%s\"%s\"", lines, i ? ", " : "", p->lines[i]);
	int rc = weir_jsonf(res, 200,
			    "{\"begun\": %d, \"ended\": %d, \"freed\": %d, \"same_id\": %s, "
			    "\"data\": %s, \"log\": [%s]}",
			    p->begun, p->ended, p->freed, p->wrong_id ? "false" : "true",
			    p->no_data ? "false" : "true", lines ? lines : "");
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static int tasks_forget(struct weir_request *req, struct weir_response *res)
{
	struct probe *p = weir_data(req);
	pthread_mutex_lock(&p->lock);
	int count = p->line_count;
	p->line_count = p->begun = p->ended = p->freed = p->wrong_id = p->no_data = 0;
	pthread_mutex_unlock(&p->lock);
	return weir_jsonf(res, 200, "{\"forgotten\": %d}", count);
}

/* ---- nested handlers ---- */

static int leaf(struct weir_request *req, struct weir_response *res)
{
	struct probe *p = weir_data(req);
	return weir_textf(res, 200, "leaf of %s under %s", p->name, weir_route_pattern(req));
}

static int leaf_inline(struct weir_request *req, struct weir_response *res)
{
	return leaf(req, res);
}

static int call(struct weir_request *req, struct weir_response *res)
{
	const char *handler = weir_query(req, "handler");
	int rc = weir_call(req, handler ? handler : "", res);
	struct probe *p = weir_data(req); /* its own again */
	weir_set_header(res, "X-Outer", p->name);
	return rc < 0 ? weir_jsonf(res, 200, "{\"rc\": %d}", rc) : rc;
}

static int call_inline(struct weir_request *req, struct weir_response *res)
{
	return call(req, res);
}

static int deep(struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	struct probe *p = weir_data(req);
	int64_t n = 0;
	if (weir_query_int(req, "n", 0, 100, 0, &n) < 0)
		return weir_error(res, 422, NULL);
	int depth = ++s->depth;
	int rc = 0;
	if (depth <= n) {
		char *self = weir_printf(req, "%s.deep", p->name);
		rc = self ? weir_call(req, self, res) : -ENOMEM;
	}
	s->depth--;
	if (rc > 0)
		return rc;
	return weir_jsonf(res, 200, "{\"reached\": %d, \"rc\": %d}", depth, rc);
}

/* ---- functions on the loop ---- */

struct visit {
	pthread_t thread;
	atomic_int runs;
	int result;
};

static int visit(void *arg)
{
	struct visit *v = arg;
	v->thread = pthread_self();
	atomic_fetch_add(&v->runs, 1);
	return v->result;
}

static int loop(struct weir_request *req, struct weir_response *res)
{
	struct visit v = { .result = 7 };
	int rc = weir_on_loop(req, visit, &v);
	int is_other = v.runs == 1 && !pthread_equal(v.thread, pthread_self());
	v.result = -EIO;
	int error = weir_on_loop(req, visit, &v);
	return weir_jsonf(res, 200, "{\"rc\": %d, \"error\": %d, \"other_thread\": %s}", rc, error,
			  is_other ? "true" : "false");
}

static int loop_inline(struct weir_request *req, struct weir_response *res)
{
	return loop(req, res);
}

static int loop_late(struct weir_request *req, struct weir_response *res)
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };
	while (!weir_cancelled(req))
		nanosleep(&pause, NULL);
	struct visit v = { .result = 7 };
	int rc = weir_on_loop(req, visit, &v);
	weir_log(WEIR_LOG_INFO, "loop-late: %d, ran %d", rc, atomic_load(&v.runs));
	return weir_jsonf(res, 200, "{\"rc\": %d}", rc);
}

/* ---- data ---- */

static int data(struct weir_request *req, struct weir_response *res)
{
	struct probe *p = weir_data(req);
	int inits = atomic_load(&p->inits);
	return weir_jsonf(
		res, 200,
		"{\"data\": \"of %s\", \"thread_data\": %s, \"threads\": %d, \"inits\": %d}",
		p->name, weir_thread_data(req) ? "true" : "false", inits - atomic_load(&p->finis),
		inits);
}

static int data_inline(struct weir_request *req, struct weir_response *res)
{
	return data(req, res);
}

static int unrouted(struct weir_request *req, struct weir_response *res)
{
	struct probe *p = weir_data(req);
	return weir_jsonf(res, 200, "{\"pattern\": %s, \"instance\": %s, \"x\": %s}",
			  quote(req, weir_route_pattern(req)), quote(req, p->name),
			  quote(req, weir_param(req, "x")));
}

static int init(struct weir_instance *self, void **ret_data)
{
	struct probe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	snprintf(p->name, sizeof(p->name), "%s", weir_instance_name(self));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->met, NULL);
	*ret_data = p;
	return 0;
}

/* Says whether the daemon kept its promises: every thread_init has its
 * thread_fini by now, every task's argument was freed. */
static void fini(struct weir_instance *self, void *arg)
{
	(void)self;
	struct probe *p = arg;
	weir_log(WEIR_LOG_INFO, "fini: %d threads left, %d arguments left",
		 atomic_load(&p->inits) - atomic_load(&p->finis), p->ended - p->freed);
	pthread_cond_destroy(&p->met);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int thread_init(struct weir_instance *self, void *arg, void **ret_thread_data)
{
	(void)self;
	struct probe *p = arg;
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	atomic_fetch_add(&p->inits, 1);
	*ret_thread_data = s;
	return 0;
}

static void thread_fini(struct weir_instance *self, void *arg, void *thread_data)
{
	(void)self;
	struct probe *p = arg;
	free(thread_data);
	atomic_fetch_add(&p->finis, 1);
}

static int64_t given(struct weir_request *req, const char *name)
{
	int64_t n = 0;
	(void)weir_query_int(req, name, 0, 1000000, 0, &n);
	return n;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int spin(struct weir_request *req, struct weir_response *res)
{
	int64_t until = now_ms() + given(req, "ms");
	while (now_ms() < until)
		;
	return weir_text(res, 200, "done");
}

static int churn(struct weir_request *req, struct weir_response *res)
{
	enum { PIECES_MAX = 1024, PIECE = 1024 };
	char *pieces[PIECES_MAX];
	int64_t wanted = given(req, "kb"), count = 0;
	while (count < wanted && count < PIECES_MAX && (pieces[count] = malloc(PIECE)) != NULL)
		memset(pieces[count++], 'x', PIECE);
	for (int64_t i = 0; i < count; i++)
		free(pieces[i]);
	return weir_textf(res, 200, "%d", (int)count);
}

/* clang-format off */
WEIR_MODULE(
	.name = "probe_work",
	.summary = "shows every call about work beside the answer",
	.routes = WEIR_ROUTES(
		WEIR_POST("/tasks", tasks_post),
		WEIR_ROUTE("POST", "/tasks-inline", tasks_inline, WEIR_INLINE),
		WEIR_GET_INLINE("/tasks", tasks_get),
		WEIR_ROUTE("POST", "/tasks/forget", tasks_forget, WEIR_INLINE),
		WEIR_GET("/leaf", leaf),
		WEIR_GET_INLINE("/leaf-inline", leaf_inline),
		WEIR_GET("/call", call),
		WEIR_GET_INLINE("/call-inline", call_inline),
		WEIR_GET("/deep", deep),
		WEIR_GET("/loop", loop),
		WEIR_GET_INLINE("/loop-inline", loop_inline),
		WEIR_GET("/loop-late", loop_late),
		WEIR_GET("/data", data),
		WEIR_GET_INLINE("/data-inline", data_inline),
		WEIR_GET("/spin", spin),
		WEIR_GET("/churn", churn),
		WEIR_HANDLER(unrouted)),
	.init = init,
	.fini = fini,
	.thread_init = thread_init,
	.thread_fini = thread_fini,
)
/* clang-format on */
