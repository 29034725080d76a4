/* A module whose init fails; option `error` is the errno, 111 (ECONNREFUSED)
 * unless set. fini must not be called: it would say so in the log. */
#include <weir/module.h>

static int never(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "never");
}

static int init(struct weir_instance *self, void **ret_data)
{
	(void)ret_data;
	weir_log(WEIR_LOG_ERROR, "init fails as it was told to");
	return -(int)weir_option_int(self, "error");
}

static void fini(struct weir_instance *self, void *data)
{
	(void)self;
	(void)data;
	weir_log(WEIR_LOG_ERROR, "fini was called without init");
}

/* clang-format off */
WEIR_MODULE(
	.name = "failing_init",
	.routes = WEIR_ROUTES(WEIR_GET("/never", never)),
	.options = WEIR_OPTIONS({ .name = "error", .type = WEIR_INT, .value = "111",
				  .min = 1, .max = 133, .help = "what init returns" }),
	.init = init,
	.fini = fini,
)
/* clang-format on */
