/* A module that needs a function nobody has: refused when it is loaded, not
 * when a request first calls it. */
#include <weir/module.h>

int weir_of_the_future(struct weir_response *res);

static int future(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_of_the_future(res);
}

WEIR_MODULE(.name = "missing_symbol", .routes = WEIR_ROUTES(WEIR_GET("/future", future)))
