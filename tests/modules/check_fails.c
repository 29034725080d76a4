/* A module that finds its options bad together: `weir --check` and a start
 * both say so; with `low` not above `high` it is good. */
#include <errno.h>

#include <weir/module.h>

static int range(struct weir_request *req, struct weir_response *res)
{
	const struct weir_instance *self = weir_request_instance(req);
	return weir_jsonf(res, 200, "{\"low\": %lld, \"high\": %lld}",
			  (long long)weir_option_int(self, "low"),
			  (long long)weir_option_int(self, "high"));
}

static int check(struct weir_instance *self)
{
	if (weir_option_int(self, "low") <= weir_option_int(self, "high"))
		return 0;
	weir_log(WEIR_LOG_ERROR, "low must not be above high");
	return -EINVAL;
}

/* clang-format off */
WEIR_MODULE(
	.name = "check_fails",
	.routes = WEIR_ROUTES(WEIR_GET("/range", range)),
	.options = WEIR_OPTIONS(
		{ .name = "low", .type = WEIR_INT, .value = "2", .help = "one end" },
		{ .name = "high", .type = WEIR_INT, .value = "1", .help = "the other end" }),
	.check = check,
)
/* clang-format on */
