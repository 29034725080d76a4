/*
 * thread_init fails as often as option `failures` (1) says, then succeeds.
 *
 *   GET /work     blocking: {"thread_data": true}; 503 while thread_init fails
 *   GET /counts   inline: {"tries", "failed", "finis"} of thread_init/thread_fini
 *
 * Thread: any; the counters are atomic.
 */
#include <errno.h>
#include <stdatomic.h>

#include <weir/module.h>

/* An instance has its own copy of a module's globals. */
static atomic_llong tries, failed, finis;

static int work(struct weir_request *req, struct weir_response *res)
{
	return weir_jsonf(res, 200, "{\"thread_data\": %s}",
			  weir_thread_data(req) ? "true" : "false");
}

static int counts(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_jsonf(res, 200, "{\"tries\": %lld, \"failed\": %lld, \"finis\": %lld}",
			  (long long)tries, (long long)failed, (long long)finis);
}

static int thread_init(struct weir_instance *self, void *data, void **ret_thread_data)
{
	(void)data;
	if (atomic_fetch_add(&tries, 1) < weir_option_int(self, "failures")) {
		atomic_fetch_add(&failed, 1);
		return -ECONNREFUSED;
	}
	*ret_thread_data = &tries;
	return 0;
}

static void thread_fini(struct weir_instance *self, void *data, void *thread_data)
{
	(void)self;
	(void)data;
	(void)thread_data;
	atomic_fetch_add(&finis, 1);
}

/* clang-format off */
WEIR_MODULE(
	.name = "failing_thread_init",
	.routes = WEIR_ROUTES(WEIR_GET("/work", work), WEIR_GET_INLINE("/counts", counts)),
	.options = WEIR_OPTIONS({ .name = "failures", .type = WEIR_INT, .value = "1",
				  .help = "how many times thread_init fails" }),
	.thread_init = thread_init,
	.thread_fini = thread_fini,
)
/* clang-format on */
