/*
 * What a module file says of itself, read out of the ELF file without running
 * or loading any of its code: the descriptor `weir_module` with its strings,
 * routes and options, found through the dynamic symbol table and put together
 * from the file's bytes and its relocations.
 *
 * Thread: any; pure apart from reading the file. The file is hostile input:
 * every offset, count and string is checked against it.
 */
#ifndef WEIR_WORK_DESCRIBE_H
#define WEIR_WORK_DESCRIBE_H

#include <weir/module.h>

#include <stdbool.h>

#include "base/arena.h"

struct describe_handler {
	const char *name;
	const char *methods; /* NULL: no route of its own */
	const char *pattern;
	uint32_t flags;
};

struct description {
	unsigned abi_major, abi_minor;
	const char *name;
	const char *version;  /* "" when it says none */
	const char *summary;  /* likewise */
	const char *build_id; /* hex; "" when the file has none */
	struct describe_handler *handlers;
	size_t handler_count;
	struct weir_option *options; /* ended by name NULL; a copy, never the file's memory */
	size_t option_count;
	bool has_init, has_fini, has_thread_init, has_thread_fini, has_check;
};

/*
 * Describes the ELF image `data[0, len)`. 0 with everything in `a`; ERR_NOMEM;
 * or ERR_MODULE with *ret_why (in `a`) one line for the user: not an ELF
 * shared object, another machine, no weir_module symbol, another ABI (naming
 * both numbers and the remedy), a descriptor that is damaged, a name or
 * pattern or option that cannot be.
 */
must_check int describe_image(const void *data, size_t len, struct arena *a,
			      struct description *ret, const char **ret_why);

/* Opens, maps and describes a file; ret_why also says what could not be
 * opened and why. */
must_check int describe_file(const char *path, struct arena *a, struct description *ret,
			     const char **ret_why);

/* As describe_file, of a file that is open already and stays so. */
must_check int describe_fd(int fd, struct arena *a, struct description *ret, const char **ret_why);

#endif
