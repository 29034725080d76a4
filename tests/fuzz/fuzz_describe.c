/*
 * Any bytes as a module file. What is accepted must hold what it promises.
 *
 * Thread: one.
 */
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "work/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct description *d)
{
	must(d->abi_major == WEIR_ABI_MAJOR && d->abi_minor <= WEIR_ABI_MINOR);
	must(strlen(d->name) > 0);
	must(strlen(d->version) + strlen(d->summary) + strlen(d->build_id) < 10000);
	for (size_t i = 0; i < d->handler_count; i++) {
		must(strlen(d->handlers[i].name) > 0);
		must(!d->handlers[i].methods == !d->handlers[i].pattern);
	}
	for (size_t i = 0; i < d->option_count; i++)
		must(strlen(d->options[i].name) > 0 && d->options[i].help);
	must(!d->options[d->option_count].name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct description d;
	const char *why = NULL;
	arena_init(&a);
	int rc = describe_image(data, size, &a, &d, &why);
	must(rc == 0 || (rc == ERR_MODULE && why && !strchr(why, '\n')));
	if (rc == 0)
		check(&d);
	arena_done(&a);
	return 0;
}
