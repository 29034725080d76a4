/*
 * What the benchmark asks weir for: the same answer inline and from a worker, a
 * sleep, the length of a body, an answer of some size.
 *
 * Thread: each function as <weir/module.h> says.
 */
#include <time.h>

#include <weir/module.h>

static int hello(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "hello, world\n");
}

static int sleep10(struct weir_request *req, struct weir_response *res)
{
	const struct timespec t = { .tv_nsec = 10000000 };
	nanosleep(&t, NULL);
	return hello(req, res);
}

static int sleep1000(struct weir_request *req, struct weir_response *res)
{
	const struct timespec t = { .tv_sec = 1 };
	nanosleep(&t, NULL);
	return hello(req, res);
}

/* It reads the body as it comes, as those of the others do. */
static int length(struct weir_request *req, struct weir_response *res)
{
	char block[65536];
	ssize_t n;
	size_t len = 0;
	while ((n = weir_body_read(req, block, sizeof(block))) > 0)
		len += (size_t)n;
	return n < 0 ? (int)n : weir_textf(res, 200, "%zu\n", len);
}

/* Or it waits until all of it is there, and takes a token only then. */
static int whole(struct weir_request *req, struct weir_response *res)
{
	size_t len;
	(void)weir_body(req, &len);
	return weir_textf(res, 200, "%zu\n", len);
}

enum { BYTES_MAX = 16 << 20 };

static char bytes[BYTES_MAX];

/* As many bytes, which nobody copies. */
static int some(struct weir_request *req, struct weir_response *res)
{
	int64_t n;
	if (weir_param_int(req, "n", &n) < 0 || n < 0 || n > BYTES_MAX)
		return weir_text(res, 400, "n is not that many bytes\n");
	return weir_bytes_take(res, 200, NULL, bytes, (size_t)n, NULL);
}

/* clang-format off */
WEIR_MODULE(
	.name = "bench",
	.routes = WEIR_ROUTES(WEIR_GET_INLINE("/inline", hello), WEIR_GET("/blocking", hello),
			      WEIR_GET("/sleep10", sleep10), WEIR_GET("/sleep1000", sleep1000),
			      WEIR_ROUTE("POST", "/length", length, WEIR_LIVE_BODY),
			      WEIR_POST("/whole", whole), WEIR_GET_INLINE("/bytes/{n:int}", some)),
)
/* clang-format on */
