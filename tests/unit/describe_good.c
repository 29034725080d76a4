/*
 * A module for test_describe: every kind of pointer a descriptor may hold, and
 * code that ends the process when anyone runs it.
 *
 * Thread: none; it is read, never loaded.
 */
#include <stdlib.h>
#include <weir/module.h>

__attribute__((constructor)) static void never_runs(void)
{
	abort();
}

/* Seen from outside: a pointer to it is relocated by its symbol. */
WEIR_EXPORT int list(struct weir_request *req, struct weir_response *res);
WEIR_EXPORT extern const char describe_version[];

/* Another library's: only its name is known here. */
int describe_elsewhere(struct weir_instance *self);

const char describe_version[] = "2.1";

int list(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "list");
}

static int create(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 201, "create");
}

static int init(struct weir_instance *self, void **ret_data)
{
	(void)self;
	*ret_data = NULL;
	return 0;
}

WEIR_MODULE(.name = "good", .version = describe_version,
	    .summary = "All that there is \xe2\x80\x93 on one line",
	    .routes = WEIR_ROUTES(WEIR_GET("/things", list),
				  WEIR_ROUTE("POST,PUT", "/things/{id:int}", create, WEIR_BLOCKING),
				  WEIR_GET_INLINE("/ping", create), WEIR_HANDLER(list)),
	    .options = WEIR_OPTIONS({ .name = "greeting",
				      .type = WEIR_STRING,
				      .value = "Hello",
				      .help = "what to say" },
				    { .name = "size",
				      .type = WEIR_SIZE,
				      .flags = WEIR_OR_INF,
				      .value = "64K",
				      .min = 1024,
				      .max = 1 << 20 },
				    { .name = "mode",
				      .type = WEIR_CHOICE,
				      .value = "slow",
				      .choices = "slow fast" }),
	    .init = init, .check = describe_elsewhere, )
