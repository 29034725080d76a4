/* A module of the same ABI major and a later minor than the daemon's: refused,
 * since it may call what the daemon does not have. */
#include <weir/module.h>

#undef WEIR_ABI_MINOR
#define WEIR_ABI_MINOR 99

static int never(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "never");
}

WEIR_MODULE(.name = "newer_minor", .routes = WEIR_ROUTES(WEIR_GET("/never", never)))
