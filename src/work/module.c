/*
 * Loading of modules: the file is copied into memory first, so that what was
 * described is what gets loaded, two instances share no globals, and a file
 * that is overwritten on disk changes nothing that runs.
 *
 * Thread: boot and the keeper.
 */
#include "work/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "work/context.h"
#include "work/crash.h"
#include "work/route.h"

struct instance {
	unsigned magic;
	struct generation *gen;
	const struct conf_section *section;
	const char *path;
	struct description about;
	struct option_set options;
	int fd;                         /* of the private copy; see load_image */
	void *image;                    /* of dlopen */
	const struct weir_module *desc; /* inside it */
	void *data;                     /* what init left */
	bool is_initialised;
};

struct generation *instance_generation(const struct instance *inst)
{
	return inst->gen;
}

const char *instance_name(const struct instance *inst)
{
	return inst->section->name;
}

const char *instance_path(const struct instance *inst)
{
	return inst->path;
}

const struct conf_section *instance_section(const struct instance *inst)
{
	return inst->section;
}

const struct description *instance_description(const struct instance *inst)
{
	return &inst->about;
}

const struct option_set *instance_options(const struct instance *inst)
{
	return &inst->options;
}

void *instance_data(const struct instance *inst)
{
	return inst->data;
}

struct weir_instance *instance_public(struct instance *inst)
{
	return (struct weir_instance *)(void *)inst;
}

struct instance *instance_private(const struct weir_instance *self)
{
	struct instance *inst = (struct instance *)(void *)(uintptr_t)self;
	must_be(inst, INSTANCE_MAGIC);
	return inst;
}

/* Where an error about the instance's file belongs. */
static struct conf_place file_place(const struct conf_section *section)
{
	struct conf_place given = section->set.values[MODULE_FILE].place;
	return given.file ? given : section->place;
}

static const char *module_path(const struct conf_section *section, const char *module_dir,
			       struct arena *a)
{
	const char *file = conf_text(section, MODULE_FILE);
	if (file[0] == '/')
		return file;
	if (file[0] == '\0')
		return arena_printf(a, "%s/%s.so", module_dir, section->name);
	return arena_printf(a, "%s/%s", module_dir, file);
}

static int copy_bytes(int from, int to)
{
	char block[65536];
	for (;;) {
		ssize_t n = read(from, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, block + done, (size_t)(n - done));
			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
	}
}

/* A private copy in memory, named so that maps, debuggers and profilers show
 * whose it is. Returns its descriptor, or a negative errno. */
static int private_copy(const char *path)
{
	/* Without waiting: the path may name a pipe. */
	int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (from < 0)
		return -errno;
	struct stat st;
	int rc = fstat(from, &st) < 0 ? -errno : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	const char *base = strrchr(path, '/');
	char name[128];
	snprintf(name, sizeof(name), "weir-module:%s", base ? base + 1 : path);
	int to = rc == 0 ? memfd_create(name, MFD_CLOEXEC) : -1;
	if (rc == 0 && to < 0)
		rc = -errno;
	if (rc == 0)
		rc = copy_bytes(from, to);
	close(from);
	if (rc < 0) {
		if (to >= 0)
			close(to);
		return rc;
	}
	return to;
}

static void unknown_key(const struct conf_key *key, const struct conf_section *section,
			const struct weir_option *defs, struct conf_errors *errs)
{
	const char *near = option_nearest(section_options(SECTION_MODULE), defs, key->name);
	conf_error(errs, key->name_place, "unknown key '%s' in [module %s]%s%s%s", key->name,
		   section->name, near ? "; did you mean '" : "", near ? near : "",
		   near ? "'?" : "");
}

/* The section's remaining keys are the module's options. */
static int read_options(struct instance *inst, struct arena *a, struct conf_errors *errs)
{
	const struct conf_section *section = inst->section;
	const struct weir_option *defs = inst->about.options;
	int rc = option_set_init(&inst->options, defs, a, inst->about.name, file_place(section),
				 errs);
	for (size_t i = 0; rc == 0 && i < section->rest_count; i++) {
		const struct conf_key *key = &section->rest[i];
		int index = option_find(defs, key->name);
		if (index >= 0) {
			rc = option_set_value(&inst->options, (size_t)index, key->text,
					      key->text_place, key->folder, a, errs);
			continue;
		}
		unknown_key(key, section, defs, errs);
	}
	if (rc == 0)
		option_set_require(&inst->options, section->place, errs);
	return rc;
}

/* The loader knows images by name: while this one is loaded its descriptor
 * stays open, so that no other copy gets the same number and is taken for it. */
static void copy_path(const struct instance *inst, char to[32])
{
	snprintf(to, 32, "/proc/self/fd/%d", inst->fd);
}

static bool load_image(struct instance *inst, struct conf_errors *errs)
{
	char path[32];
	copy_path(inst, path);
	inst->image = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!inst->image) {
		const char *why = dlerror();
		/* dlerror names the copy; the user knows the file. */
		size_t len = strlen(path);
		if (strncmp(why, path, len) == 0 && strncmp(why + len, ": ", 2) == 0)
			why += len + 2;
		conf_error(errs, file_place(inst->section), "module file %s cannot be loaded: %s",
			   inst->path, why);
		return false;
	}
	crash_loaded(path, inst->path, &inst->about);
	inst->desc = dlsym(inst->image, "weir_module");
	if (!inst->desc || inst->desc->magic != WEIR_MODULE_MAGIC) {
		conf_error(errs, file_place(inst->section),
			   "module file %s has no usable descriptor once loaded", inst->path);
		return false;
	}
	return true;
}

static bool load_copy(struct instance *inst, struct arena *a, struct conf_errors *errs)
{
	struct conf_place place = file_place(inst->section);
	inst->fd = private_copy(inst->path);
	if (inst->fd < 0) {
		conf_error(errs, place, "module file %s cannot be read: %s", inst->path,
			   strerror(-inst->fd));
		return false;
	}
	const char *why = "out of memory";
	size_t errors = errs->count;
	if (describe_fd(inst->fd, a, &inst->about, &why) < 0)
		conf_error(errs, place, "module file %s refused: %s", inst->path, why);
	else if (read_options(inst, a, errs) < 0)
		conf_error(errs, place, "out of memory");
	return errs->count == errors && load_image(inst, errs);
}

struct instance *instance_load(const struct conf_section *section, const char *module_dir,
			       struct generation *gen, struct conf_errors *errs)
{
	struct instance *inst = calloc(1, sizeof(*inst));
	const char *path = module_path(section, module_dir, &gen->arena);
	if (!inst || !path) {
		conf_error(errs, section->place, "out of memory");
		free(inst);
		return NULL;
	}
	inst->magic = INSTANCE_MAGIC;
	inst->gen = gen;
	inst->section = section;
	inst->path = path;
	inst->fd = -1;
	if (!load_copy(inst, &gen->arena, errs))
		instance_free(&inst);
	return inst;
}

struct instance *instance_builtin(const struct conf_section *section,
				  const struct weir_module *desc, struct generation *gen,
				  void *data)
{
	size_t count = 0;
	while (desc->routes[count].name)
		count++;
	struct instance *inst = calloc(1, sizeof(*inst));
	struct describe_handler *handlers =
		arena_zalloc(&gen->arena, (count + 1) * sizeof(*handlers));
	if (!inst || !handlers) {
		free(inst);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		handlers[i] = (struct describe_handler){
			.name = desc->routes[i].name,
			.methods = desc->routes[i].methods,
			.pattern = desc->routes[i].pattern,
			.flags = desc->routes[i].flags,
		};
	*inst = (struct instance){
		.magic = INSTANCE_MAGIC,
		.gen = gen,
		.section = section,
		.path = "",
		.desc = desc,
		.data = data,
		.fd = -1,
	};
	inst->about = (struct description){
		.name = desc->name,
		.version = "",
		.summary = "",
		.build_id = "",
		.handlers = handlers,
		.handler_count = count,
	};
	return inst;
}

bool instance_check(struct instance *inst, struct conf_errors *errs)
{
	if (!inst->about.has_check)
		return true;
	struct context was = context_enter(inst, NULL, "check");
	int rc = inst->desc->check(instance_public(inst));
	context_leave(was);
	if (rc < 0)
		conf_error(errs, inst->section->place, "module \"%s\": its check failed: %s",
			   instance_name(inst), strerror(-rc));
	return rc >= 0;
}

bool instance_init(struct instance *inst, struct conf_errors *errs)
{
	int rc = 0;
	if (inst->about.has_init) {
		struct context was = context_enter(inst, NULL, "init");
		rc = inst->desc->init(instance_public(inst), &inst->data);
		context_leave(was);
	}
	inst->is_initialised = rc >= 0;
	if (rc < 0)
		conf_error(errs, inst->section->place, "module \"%s\": its init failed: %s",
			   instance_name(inst), strerror(-rc));
	return rc >= 0;
}

/* Some images never go (unique symbols of C++, -z nodelete): theirs is a name
 * that must not be used again, so their descriptor stays. */
static void unload(struct instance *inst)
{
	char path[32];
	copy_path(inst, path);
	if (inst->image && dlclose(inst->image) != 0)
		log_warn("module \"%s\": %s", instance_name(inst), dlerror());
	void *still = inst->image ? dlopen(path, RTLD_NOLOAD | RTLD_LAZY) : NULL;
	if (still)
		dlclose(still);
	else if (inst->fd >= 0)
		close(inst->fd);
	if (inst->image && !still)
		crash_unloaded(path);
}

void instance_free(struct instance **instance)
{
	struct instance *inst = *instance;
	if (!inst)
		return;
	if (inst->is_initialised && inst->about.has_fini) {
		struct context was = context_enter(inst, NULL, "fini");
		inst->desc->fini(instance_public(inst), inst->data);
		context_leave(was);
	}
	unload(inst);
	inst->magic = 0;
	free(inst);
	*instance = NULL;
}

weir_handler *instance_handler(const struct instance *inst, size_t i)
{
	must(i < inst->about.handler_count);
	const char *routes = (const char *)inst->desc->routes;
	const struct weir_route *route =
		(const void *)(routes + i * (size_t)inst->desc->route_size);
	return route->handler;
}

const char *instance_handler_list(const struct instance *inst, struct arena *a)
{
	const char *list = "";
	for (size_t i = 0; list && i < inst->about.handler_count; i++)
		list = arena_printf(a, "%s%s%s", list, i ? ", " : "", inst->about.handlers[i].name);
	return list ? list : "";
}

bool instance_has_thread_init(const struct instance *inst)
{
	return inst->about.has_thread_init;
}

int instance_thread_init(struct instance *inst, void **ret_data)
{
	struct context was = context_enter(inst, NULL, "thread_init");
	int rc = inst->desc->thread_init(instance_public(inst), inst->data, ret_data);
	context_leave(was);
	return rc;
}

void instance_thread_fini(struct instance *inst, void *data)
{
	if (!inst->about.has_thread_fini)
		return;
	struct context was = context_enter(inst, NULL, "thread_fini");
	inst->desc->thread_fini(instance_public(inst), inst->data, data);
	context_leave(was);
}
