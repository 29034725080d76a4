/*
 * Numbers for Prometheus, and whether the daemon is alive and ready.
 *
 * Thread: the control loop's.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin_private.h"
#include "base/clock.h"
#include "base/log.h"
#include "net/access.h"
#include "net/census.h"
#include "work/module.h"

/* ---- alive, ready ---- */

static const int64_t stall_bound = 5 * NS_PER_S;

int admin_healthz(struct weir_request *req, struct weir_response *res)
{
	int stalled = pulse_stalled(admin_of(req)->pulse, stall_bound);
	if (stalled < 0)
		return weir_text(res, 200, "ok\n");
	return weir_textf(res, 503, "I/O thread %d has not turned for 5 s\n", stalled);
}

int admin_readyz(struct weir_request *req, struct weir_response *res)
{
	struct admin *a = admin_of(req);
	bool is_ready = atomic_load(&a->state) == ADMIN_SERVING;
	return weir_textf(res, is_ready ? 200 : 503, "%s\n", admin_state_name(a));
}

/* ---- writing ---- */

/* A family of metrics: its head is written with its first sample. */
struct family {
	const char *name, *type, *help;
	bool is_open;
};

static void open_family(FILE *to, struct family *f)
{
	if (!f->is_open)
		fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
	f->is_open = true;
}

/* Label values are the operator's own words; quotes and the like are escaped. */
static void put_label(FILE *to, const char *name, const char *value, const char *before)
{
	fprintf(to, "%s%s=\"", before, name);
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", to);
		else if (*value == '"' || *value == '\\')
			fprintf(to, "\\%c", *value);
		else
			fputc(*value, to);
	}
	fputc('"', to);
}

enum { LABELS_MAX = 3 };

/* A name of NULL ends them. */
struct labels {
	struct {
		const char *name, *value;
	} list[LABELS_MAX];
};

static void put_labels(FILE *to, struct labels l, const char *le)
{
	const char *before = "{";
	for (int i = 0; i < LABELS_MAX && l.list[i].name; i++) {
		put_label(to, l.list[i].name, l.list[i].value, before);
		before = ",";
	}
	if (le)
		put_label(to, "le", le, before);
	if (le || before[0] == ',')
		fputc('}', to);
}

static void put_number(FILE *to, double value)
{
	if (isinf(value))
		fputs("+Inf\n", to);
	else if (fabs(value) < 1e15 && value == (double)(int64_t)value)
		fprintf(to, "%.0f\n", value);
	else
		fprintf(to, "%.9g\n", value);
}

static void sample(FILE *to, struct family *f, struct labels l, double value)
{
	open_family(to, f);
	fputs(f->name, to);
	put_labels(to, l, NULL);
	fputc(' ', to);
	put_number(to, value);
}

static void single(FILE *to, const char *name, const char *type, const char *help, double value)
{
	struct family f = { name, type, help, false };
	sample(to, &f, (struct labels){ 0 }, value);
}

/* Of the buckets, which are powers of two of microseconds, every second one from
 * 64 us to 17 s is told: each costs every scrape and every query. */
enum { BUCKET_FIRST = 6, BUCKET_STEP = 2, BUCKET_LAST = 24 };

static void histogram(FILE *to, struct family *f, struct labels l, const uint64_t *buckets,
		      int count, int64_t sum_ns)
{
	uint64_t below = 0;
	char le[32];
	open_family(to, f);
	for (int i = 0; i < count; i++) {
		below += buckets[i];
		if (i < BUCKET_FIRST || i > BUCKET_LAST || (i - BUCKET_FIRST) % BUCKET_STEP != 0)
			continue;
		snprintf(le, sizeof(le), "%.9g", (double)stats_bucket_us(i) / 1e6);
		fprintf(to, "%s_bucket", f->name);
		put_labels(to, l, le);
		fprintf(to, " %" PRIu64 "\n", below);
	}
	fprintf(to, "%s_bucket", f->name);
	put_labels(to, l, "+Inf");
	fprintf(to, " %" PRIu64 "\n%s_sum", below, f->name);
	put_labels(to, l, NULL);
	fprintf(to, " %.9g\n%s_count", (double)sum_ns / NS_PER_S, f->name);
	put_labels(to, l, NULL);
	fprintf(to, " %" PRIu64 "\n", below);
}

/* ---- pools ---- */

/* One pool's numbers; all families want all pools, so they are read once. */
struct pool_row {
	const char *name;
	struct pool_stats s;
};

enum unit { NUMBER, BOUND, SECONDS };

/* All are 64-bit integers of struct pool_stats. */
static const struct {
	const char *name, *type, *help;
	size_t offset;
	enum unit unit;
} of_pools[] = {
#define AT(field) offsetof(struct pool_stats, field)
	{ "weir_tokens_limit", "gauge", "Tokens of the pool.", AT(total), BOUND },
	{ "weir_tokens_in_use", "gauge", "Tokens that calls hold.", AT(borrowed), NUMBER },
	{ "weir_token_busy_seconds_total", "counter",
	  "Seconds that tokens were held, all tokens together.", AT(busy_ns), SECONDS },
	{ "weir_token_grants_total", "counter", "Tokens given to calls.", AT(limit.grants),
	  NUMBER },
	{ "weir_queue_waiting", "gauge", "Calls that wait for a token.", AT(waiting), NUMBER },
	{ "weir_queue_oldest_seconds", "gauge", "How long the first in line has waited.",
	  AT(oldest_wait), SECONDS },
	{ "weir_calls_running", "gauge", "Calls that run.", AT(running), NUMBER },
	{ "weir_calls_abandoned", "gauge", "Running calls that nobody waits for.", AT(abandoned),
	  NUMBER },
	{ "weir_calls_lent", "gauge", "Running calls that have lent their token.", AT(lent),
	  NUMBER },
	{ "weir_background_tasks", "gauge", "Background tasks that have not ended.", AT(promised),
	  NUMBER },
	{ "weir_pool_threads", "gauge", "Threads of the pool.", AT(threads), NUMBER },
	{ "weir_pool_threads_idle", "gauge", "Threads without a call.", AT(idle), NUMBER },
#undef AT
};

static double in_unit(int64_t n, enum unit unit)
{
	if (unit == BOUND && n == LIMIT_INF)
		return (double)INFINITY;
	return unit == SECONDS ? (double)n / NS_PER_S : (double)n;
}

static void put_rejections(FILE *to, const struct pool_row *rows, size_t count)
{
	struct family f = { "weir_rejected_total", "counter",
			    "Calls that never ran: the line was full, their time in it was over, "
			    "they were shed, no thread could be started, or their client went.",
			    false };
	for (size_t i = 0; i < count; i++) {
		const struct limit_stats *l = &rows[i].s.limit;
		const struct {
			const char *reason;
			uint64_t n;
		} all[] = { { "full", l->rejected_full },
			    { "expired", l->rejected_expired },
			    { "shed", l->rejected_shed },
			    { "no_thread", rows[i].s.no_thread },
			    { "cancelled", l->cancelled } };
		for (size_t k = 0; k < array_len(all); k++)
			sample(to, &f,
			       (struct labels){
				       { { "pool", rows[i].name }, { "reason", all[k].reason } } },
			       (double)all[k].n);
	}
}

static void put_pools(FILE *to, const struct pool_row *rows, size_t count)
{
	for (size_t m = 0; m < array_len(of_pools); m++) {
		struct family f = { of_pools[m].name, of_pools[m].type, of_pools[m].help, false };
		for (size_t i = 0; i < count; i++) {
			int64_t n;
			memcpy(&n, (const char *)&rows[i].s + of_pools[m].offset, sizeof(n));
			sample(to, &f, (struct labels){ { { "pool", rows[i].name } } },
			       in_unit(n, of_pools[m].unit));
		}
	}
	put_rejections(to, rows, count);
	struct family wait = { "weir_queue_wait_seconds", "histogram",
			       "How long calls waited for their token.", false };
	for (size_t i = 0; i < count; i++) {
		const struct limit_histogram *h = &rows[i].s.limit.wait;
		histogram(to, &wait, (struct labels){ { { "pool", rows[i].name } } }, h->count,
			  LIMIT_BUCKETS, h->sum_ns);
	}
}

static void put_all_pools(FILE *to, struct pools *pools)
{
	size_t count = 0;
	while (pools_at(pools, count))
		count++;
	struct pool_row *rows = calloc(count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < count; i++) {
		struct pool *p = pools_at(pools, i);
		rows[i].name = pool_name(p);
		pool_get_stats(p, &rows[i].s);
	}
	if (rows)
		put_pools(to, rows, count);
	free(rows);
}

/* ---- routes ---- */

/* Each family goes over all routes: what it takes of one. */
struct of_routes {
	FILE *to;
	struct family f;
	void (*put)(struct of_routes *r, struct labels l, const struct route_stats *s);
};

static void put_responses(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	static const char *const classes[] = { "gone", "1xx", "2xx", "3xx", "4xx", "5xx" };
	l.list[2].name = "class";
	for (size_t i = 0; i < array_len(classes); i++) {
		l.list[2].value = classes[i];
		if (counted(&s->responses[i]) > 0)
			sample(r->to, &r->f, l, (double)counted(&s->responses[i]));
	}
}

static void put_bytes(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	sample(r->to, &r->f, l, (double)counted(&s->bytes));
}

static void put_failed(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	sample(r->to, &r->f, l, (double)counted(&s->failed));
}

/* Few routes leave tasks behind. */
static void put_tasks_failed(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	if (counted(&s->tasks_failed) > 0)
		sample(r->to, &r->f, l, (double)counted(&s->tasks_failed));
}

static void put_timeouts(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	sample(r->to, &r->f, l, (double)(counted(&s->timeouts) + counted(&s->refused[STATS_LATE])));
}

static void put_abandoned(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	sample(r->to, &r->f, l, (double)counted(&s->abandoned));
}

static void put_durations(struct of_routes *r, struct labels l, const struct route_stats *s)
{
	uint64_t buckets[STATS_BUCKETS], all = 0;
	for (size_t i = 0; i < STATS_BUCKETS; i++) {
		buckets[i] = counted(&s->run.buckets[i]);
		all += buckets[i];
	}
	if (all > 0)
		histogram(r->to, &r->f, l, buckets, STATS_BUCKETS,
			  (int64_t)counted(&s->run.sum_ns));
}

static void put_route(void *ctx, const struct stats_entry *e)
{
	struct of_routes *r = ctx;
	struct route_stats s;
	uint64_t all = 0;
	stats_sum(e, &s);
	for (size_t i = 0; i < 6; i++)
		all += counted(&s.responses[i]);
	/* What was never asked for has no series: there may be thousands. */
	if (all + counted(&s.abandoned) > 0)
		r->put(r, (struct labels){ { { "route", e->label }, { "module", e->module } } },
		       &s);
}

static const struct of_routes of_routes[] = {
	{ NULL,
	  { "weir_responses_total", "counter", "Answers by the class of their status.", false },
	  put_responses },
	{ NULL,
	  { "weir_response_bytes_total", "counter", "Bytes of the bodies of answers.", false },
	  put_bytes },
	{ NULL,
	  { "weir_handler_errors_total", "counter", "Handlers that returned an error.", false },
	  put_failed },
	{ NULL,
	  { "weir_background_errors_total", "counter", "Background tasks that returned an error.",
	    false },
	  put_tasks_failed },
	{ NULL,
	  { "weir_timeouts_total", "counter", "Requests whose time limit came first.", false },
	  put_timeouts },
	{ NULL,
	  { "weir_abandoned_total", "counter", "Handlers that ran on for nobody.", false },
	  put_abandoned },
	{ NULL,
	  { "weir_handler_duration_seconds", "histogram", "How long blocking handlers ran.",
	    false },
	  put_durations },
};

static void put_routes(FILE *to, struct stats *stats)
{
	for (size_t i = 0; i < array_len(of_routes); i++) {
		struct of_routes r = of_routes[i];
		r.to = to;
		stats_each(stats, put_route, &r);
	}
}

/* ---- modules ---- */

struct module_rows {
	FILE *to;
	struct family f;
};

static void put_module(void *ctx, const struct generation *gen)
{
	struct module_rows *rows = ctx;
	char number[24];
	snprintf(number, sizeof(number), "%llu", (unsigned long long)gen->number);
	for (size_t i = 0; i < gen->instance_count; i++) {
		const struct instance *inst = gen->instances[i];
		const struct description *about = instance_description(inst);
		open_family(rows->to, &rows->f);
		fputs(rows->f.name, rows->to);
		put_label(rows->to, "module", instance_name(inst), "{");
		put_label(rows->to, "version", about->version, ",");
		put_label(rows->to, "build_id", about->build_id, ",");
		put_label(rows->to, "generation", number, ",");
		fputs("} 1\n", rows->to);
	}
}

/* ---- the daemon and its process ---- */

static void put_connections(FILE *to, struct admin *a)
{
	static const char *const reasons[CENSUS_REASONS] = {
		[CENSUS_NO_HEADER] = "no_proxy_header",
		[CENSUS_NOT_TRUSTED] = "not_trusted",
		[CENSUS_TOO_MANY] = "too_many_of_client",
		[CENSUS_SHED] = "shed",
	};
	struct admin_totals t = admin_totals(a);
	single(to, "weir_connections", "gauge", "Open connections.",
	       (double)(t.accepted - t.closed));
	single(to, "weir_connections_accepted_total", "counter", "Connections accepted.",
	       (double)t.accepted);
	single(to, "weir_received_bytes_total", "counter", "Bytes from clients.",
	       (double)t.bytes_in);
	single(to, "weir_sent_bytes_total", "counter", "Bytes to clients.", (double)t.bytes_out);
	struct family f = { "weir_connections_closed_total", "counter",
			    "Connections that were turned away or shed.", false };
	for (int i = 0; i < CENSUS_REASONS; i++)
		sample(to, &f, (struct labels){ { { "reason", reasons[i] } } },
		       (double)census_count(a->view.census, (enum census_reason)i));
}

static void put_logs(FILE *to, const struct admin *a)
{
	struct family f = { "weir_log_lines_lost_total", "counter",
			    "Lines that a full disk or a blocked pipe has cost.", false };
	const struct access *access = a->view.loop_count > 0 ? a->view.loops[0].access : NULL;
	sample(to, &f, (struct labels){ { { "log", "error" } } }, (double)log_lost());
	sample(to, &f, (struct labels){ { { "log", "access" } } },
	       access ? (double)access_lost(access) : 0);
}

static void put_reloads(FILE *to, struct admin *a, uint64_t generation)
{
	struct family f = { "weir_reloads_total", "counter", "Reloads by what came of them.",
			    false };
	sample(to, &f, (struct labels){ { { "result", "good" } } },
	       (double)atomic_load(&a->reloads_good));
	sample(to, &f, (struct labels){ { { "result", "failed" } } },
	       (double)atomic_load(&a->reloads_bad));
	single(to, "weir_generation", "gauge", "Number of the configuration that serves.",
	       (double)generation);
}

static double count_descriptors(void)
{
	double count = 0;
	DIR *dir = opendir("/proc/self/fd");
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count > 3 ? count - 3 : 0; /* ".", ".." and its own */
}

/* Fields of /proc/self/stat, by proc(5); the name may hold anything up to the
 * last parenthesis. */
static bool read_stat(double *ret_threads, double *ret_started, double *ret_virtual,
		      double *ret_resident)
{
	char text[1024], *p;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	if (f)
		fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	unsigned long long threads, started, virt;
	long long resident;
	if (!p || sscanf(p + 2,
			 "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %llu "
			 "%*d %llu %llu %lld",
			 &threads, &started, &virt, &resident) != 4)
		return false;
	*ret_threads = (double)threads;
	*ret_started = (double)started / (double)sysconf(_SC_CLK_TCK);
	*ret_virtual = (double)virt;
	*ret_resident = (double)resident * (double)sysconf(_SC_PAGESIZE);
	return true;
}

static double boot_time(void)
{
	struct timespec real, boot;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(real.tv_sec - boot.tv_sec) + (double)(real.tv_nsec - boot.tv_nsec) / 1e9;
}

static void put_process(FILE *to)
{
	struct rusage use;
	struct rlimit files;
	double threads, started, virt, resident;
	if (getrusage(RUSAGE_SELF, &use) == 0)
		single(to, "process_cpu_seconds_total", "counter", "User and system time.",
		       (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
			       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
	single(to, "process_open_fds", "gauge", "Open descriptors.", count_descriptors());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		single(to, "process_max_fds", "gauge", "Most descriptors that may be open.",
		       files.rlim_cur == RLIM_INFINITY ? (double)INFINITY : (double)files.rlim_cur);
	if (!read_stat(&threads, &started, &virt, &resident))
		return;
	single(to, "process_threads", "gauge", "Threads.", threads);
	single(to, "process_start_time_seconds", "gauge", "When the process began, since 1970.",
	       boot_time() + started);
	single(to, "process_virtual_memory_bytes", "gauge", "Virtual memory.", virt);
	single(to, "process_resident_memory_bytes", "gauge", "Resident memory.", resident);
}

static void put_all(FILE *to, struct admin *a, struct generation *gen)
{
	struct family info = { "weir_info", "gauge", "The daemon's version.", false };
	sample(to, &info, (struct labels){ { { "version", WEIR_VERSION } } }, 1);
	put_reloads(to, a, gen ? gen->number : 0);
	put_connections(to, a);
	put_logs(to, a);
	put_all_pools(to, a->view.host->pools);
	put_routes(to, a->view.host->stats);
	struct module_rows modules = {
		to, { "weir_module_info", "gauge", "Modules that are loaded.", false }
	};
	generations_each(a->view.host, put_module, &modules);
	put_process(to);
}

int admin_metrics(struct weir_request *req, struct weir_response *res)
{
	struct admin *a = admin_of(req);
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	if (!to)
		return -ENOMEM;
	struct generation *gen = generation_current(a->view.host);
	put_all(to, a, gen);
	generation_unref(&gen);
	if (fclose(to) != 0 || !text) {
		free(text);
		return -ENOMEM;
	}
	return weir_bytes_take(res, 200, "text/plain; version=0.0.4; charset=utf-8", text, len,
			       free);
}
