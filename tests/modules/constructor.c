/* Leaves a mark in the file that WEIR_CONSTRUCTOR_FILE names as soon as any of
 * its code runs: `weir inspect` must not, loading must. */
#include <stdio.h>
#include <stdlib.h>

#include <weir/module.h>

static int constructed(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "constructed");
}

__attribute__((constructor)) static void leave_mark(void)
{
	const char *path = getenv("WEIR_CONSTRUCTOR_FILE");
	FILE *mark = path ? fopen(path, "a") : NULL;
	if (!mark)
		return;
	fputs("the constructor ran\n", mark);
	fclose(mark);
}

WEIR_MODULE(.name = "constructor", .routes = WEIR_ROUTES(WEIR_GET("/constructed", constructed)))
