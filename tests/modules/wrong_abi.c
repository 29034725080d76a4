/* A module of another ABI major: refused in one line that names both numbers. */
#include <weir/module.h>

#undef WEIR_ABI_MAJOR
#define WEIR_ABI_MAJOR 99

static int never(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "never");
}

WEIR_MODULE(.name = "wrong_abi", .routes = WEIR_ROUTES(WEIR_GET("/never", never)))
