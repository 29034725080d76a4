/* A module whose option has a default that its own range does not allow: the
 * daemon refuses it whatever the section says. */
#include <weir/module.h>

static int never(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "never");
}

/* clang-format off */
WEIR_MODULE(
	.name = "bad_options",
	.routes = WEIR_ROUTES(WEIR_GET("/never", never)),
	.options = WEIR_OPTIONS({ .name = "count", .type = WEIR_INT, .value = "11",
				  .min = 1, .max = 10, .help = "a number" }),
)
/* clang-format on */
