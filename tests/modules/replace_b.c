/* One of two modules of the same name, to be put over each other's file while
 * the daemon serves: `GET /who` is "b". replace_a.c is the other. */
#include <weir/module.h>

static int who(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "b");
}

WEIR_MODULE(.name = "replace", .routes = WEIR_ROUTES(WEIR_GET("/who", who)))
