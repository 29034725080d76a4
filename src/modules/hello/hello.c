/* The smallest useful module: one route, one option. Copy it to begin yours. */
#include <weir/module.h>

static int hello(struct weir_request *req, struct weir_response *res)
{
	const char *greeting = weir_option_text(weir_request_instance(req), "greeting");
	return weir_textf(res, 200, "%s, world\n", greeting);
}

WEIR_MODULE(
	.name = "hello",
	.version = "1.0",
	.summary = "says hello",
	.routes = WEIR_ROUTES(WEIR_GET("/hello", hello)),
	.options = WEIR_OPTIONS({ .name = "greeting", .type = WEIR_STRING, .value = "hello",
				  .help = "what to say to the world" }),
)
