/*
 * The tables made from options.def, and sets of values: defaults, look-up,
 * what is required. Reading one value from text is option_value.c's.
 *
 * Thread: boot and reload build; any thread reads.
 */
#include "conf/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/near.h"

#define OPTION_DEF(enumerator, key, type, flags, value, min, max, choices, change, help, text) \
	{ key, type, flags, value, min, max, choices, help },
#define OPTION_END \
	{ \
		NULL, 0, 0, NULL, 0, 0, NULL, NULL \
	}

static const struct weir_option server_defs[] = { OPTIONS_OF_SERVER(OPTION_DEF) OPTION_END };
static const struct weir_option pool_defs[] = { OPTIONS_OF_POOL(OPTION_DEF) OPTION_END };
static const struct weir_option module_defs[] = { OPTIONS_OF_MODULE(OPTION_DEF) OPTION_END };
static const struct weir_option route_defs[] = { OPTIONS_OF_ROUTE(OPTION_DEF) OPTION_END };
static const struct weir_option static_defs[] = { OPTIONS_OF_STATIC(OPTION_DEF) OPTION_END };
static const struct weir_option admin_defs[] = { OPTIONS_OF_ADMIN(OPTION_DEF) OPTION_END };

#define OPTION_EXTRA(enumerator, key, type, flags, value, min, max, choices, change, help, text) \
	{ change, text },

static const struct option_extra server_extras[] = { OPTIONS_OF_SERVER(OPTION_EXTRA) };
static const struct option_extra pool_extras[] = { OPTIONS_OF_POOL(OPTION_EXTRA) };
static const struct option_extra module_extras[] = { OPTIONS_OF_MODULE(OPTION_EXTRA) };
static const struct option_extra route_extras[] = { OPTIONS_OF_ROUTE(OPTION_EXTRA) };
static const struct option_extra static_extras[] = { OPTIONS_OF_STATIC(OPTION_EXTRA) };
static const struct option_extra admin_extras[] = { OPTIONS_OF_ADMIN(OPTION_EXTRA) };

static const struct {
	const char *name;
	const struct weir_option *defs;
	const struct option_extra *extras;
} sections[] = {
	[SECTION_SERVER] = { "server", server_defs, server_extras },
	[SECTION_POOL] = { "pool", pool_defs, pool_extras },
	[SECTION_MODULE] = { "module", module_defs, module_extras },
	[SECTION_ROUTE] = { "route", route_defs, route_extras },
	[SECTION_STATIC] = { "static", static_defs, static_extras },
	[SECTION_ADMIN] = { "admin", admin_defs, admin_extras },
};

const char *section_name(enum section_kind kind)
{
	return sections[kind].name;
}

const struct weir_option *section_options(enum section_kind kind)
{
	return sections[kind].defs;
}

const struct option_extra *section_extra(enum section_kind kind, size_t index)
{
	return &sections[kind].extras[index];
}

int option_find(const struct weir_option *defs, const char *name)
{
	for (int i = 0; defs[i].name; i++) {
		if (strcmp(defs[i].name, name) == 0)
			return i;
	}
	return -1;
}

const char *option_nearest(const struct weir_option *defs, const struct weir_option *more,
			   const char *name)
{
	struct near near;
	near_init(&near, name);
	for (; defs->name; defs++)
		near_offer(&near, defs->name);
	for (; more && more->name; more++)
		near_offer(&near, more->name);
	return near.best;
}

const char *option_folder(const char *file, struct arena *a)
{
	const char *slash = strrchr(file, '/');
	const char *folder =
		slash ? arena_strndup(a, file, slash > file ? (size_t)(slash - file) : 1) : ".";
	if (!folder)
		return NULL;
	char absolute[PATH_MAX];
	/* A folder that is not there will be missed when a file in it is. */
	return realpath(folder, absolute) ? arena_strdup(a, absolute) : folder;
}

/* A default that is wrong stays an error of the section that brought it, but
 * the value does not count as given. */
static int set_default(struct option_set *set, size_t index, const char *whose,
		       struct conf_place place, struct arena *a, struct conf_errors *errs)
{
	struct option_value *v = &set->values[index];
	size_t errors = errs->count;
	const char *folder = place.file ? option_folder(place.file, a) : "";
	int rc = folder ? option_set_value(set, index, set->defs[index].value, place, folder, a,
					   errs)
			: ERR_NOMEM;
	v->place = (struct conf_place){ 0 };
	for (size_t i = 0; i < v->count; i++)
		v->texts[i].place = v->place;
	if (errs->count > errors)
		conf_error(errs, place, "the default of option '%s' of %s cannot be",
			   set->defs[index].name, whose);
	return rc;
}

int option_set_init(struct option_set *set, const struct weir_option *defs, struct arena *a,
		    const char *whose, struct conf_place place, struct conf_errors *errs)
{
	size_t count = 0;
	while (defs[count].name)
		count++;
	struct option_value *values = arena_zalloc(a, count * sizeof(*values));
	if (!values)
		return ERR_NOMEM;
	*set = (struct option_set){ .defs = defs, .count = count, .values = values };
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		values[i].text = "";
		if (defs[i].value)
			rc = set_default(set, i, whose, place, a, errs);
	}
	return rc;
}

void option_set_require(const struct option_set *set, struct conf_place place,
			struct conf_errors *errs)
{
	for (size_t i = 0; i < set->count; i++) {
		if ((set->defs[i].flags & WEIR_REQUIRED) && !set->values[i].place.file)
			conf_error(errs, place, "key '%s' is missing: %s", set->defs[i].name,
				   set->defs[i].help ? set->defs[i].help : "it has no default");
	}
}
