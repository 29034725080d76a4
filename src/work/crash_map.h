/*
 * Addresses of code to names of files, readable in a signal handler: a table of
 * all that is loaded, made when a module comes or goes.
 *
 * Thread: crash_find any, async-signal-safe; the rest as in crash.h.
 */
#ifndef WEIR_WORK_CRASH_MAP_H
#define WEIR_WORK_CRASH_MAP_H

#include <stdbool.h>
#include <stdint.h>

enum { CRASH_FILE_SIZE = 192 };

/* One module that was loaded; in a static table. */
struct crash_module {
	bool is_used;
	char object[32];
	char file[CRASH_FILE_SIZE];
	char name[64];
	char version[32];
	char build_id[48];
};

struct crash_place {
	uintptr_t from, to; /* addresses */
	uintptr_t base;
	char file[CRASH_FILE_SIZE];
	const struct crash_module *module; /* NULL: of none */
};

/* NULL: nothing that is known. */
const struct crash_place *crash_find(uintptr_t address);

/* Looks at what is loaded now. */
void crash_map_update(void);

#endif
