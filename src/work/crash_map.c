/*
 * The table of what is loaded. Two take turns: the one that is read is never
 * the one that is being made.
 *
 * Thread: see crash.h.
 */
#include "work/crash_map.h"

#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "work/crash.h"
#include "work/describe.h"

enum { PLACES_MAX = 128, MODULES_MAX = 64 };

struct map {
	size_t count;
	struct crash_place places[PLACES_MAX];
};

static struct map maps[2];
static struct map *_Atomic current;
static struct crash_module modules[MODULES_MAX];

static struct crash_module *module_of(const char *object)
{
	for (size_t i = 0; i < MODULES_MAX; i++) {
		if (modules[i].is_used && strcmp(modules[i].object, object) == 0)
			return &modules[i];
	}
	return NULL;
}

static void name_place(struct crash_place *p, const char *object)
{
	p->module = module_of(object);
	if (p->module)
		object = p->module->file;
	snprintf(p->file, sizeof(p->file), "%s", object);
	if (object[0])
		return;
	ssize_t len = readlink("/proc/self/exe", p->file, sizeof(p->file) - 1);
	p->file[len > 0 ? len : 0] = '\0';
}

static int add(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct map *map = arg;
	(void)size;
	if (map->count == PLACES_MAX)
		return 1;
	struct crash_place *p = &map->places[map->count];
	*p = (struct crash_place){ .from = UINTPTR_MAX, .base = info->dlpi_addr };
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + h->p_vaddr, to = from + h->p_memsz;
		if (h->p_type != PT_LOAD)
			continue;
		p->from = from < p->from ? from : p->from;
		p->to = to > p->to ? to : p->to;
	}
	name_place(p, info->dlpi_name ? info->dlpi_name : "");
	map->count++;
	return 0;
}

void crash_map_update(void)
{
	struct map *map = atomic_load(&current) == &maps[0] ? &maps[1] : &maps[0];
	map->count = 0;
	(void)dl_iterate_phdr(add, map);
	atomic_store(&current, map);
}

const struct crash_place *crash_find(uintptr_t address)
{
	const struct map *map = atomic_load(&current);
	for (size_t i = 0; map && i < map->count; i++) {
		if (address >= map->places[i].from && address < map->places[i].to)
			return &map->places[i];
	}
	return NULL;
}

void crash_loaded(const char *object, const char *file, const struct description *about)
{
	for (size_t i = 0; i < MODULES_MAX; i++) {
		struct crash_module *m = &modules[i];
		if (m->is_used)
			continue;
		snprintf(m->object, sizeof(m->object), "%s", object);
		snprintf(m->file, sizeof(m->file), "%s", file);
		snprintf(m->name, sizeof(m->name), "%s", about->name);
		snprintf(m->version, sizeof(m->version), "%s", about->version);
		snprintf(m->build_id, sizeof(m->build_id), "%s", about->build_id);
		m->is_used = true;
		break;
	}
	crash_map_update();
}

void crash_unloaded(const char *object)
{
	struct crash_module *m = module_of(object);
	if (m)
		m->is_used = false;
	crash_map_update();
}
