/*
 * A whole configuration: the INI file with its includes, read, expanded,
 * typed, checked, and from then on immutable.
 *
 * Thread: boot and reload build; any thread reads.
 */
#ifndef WEIR_CONF_CONF_H
#define WEIR_CONF_CONF_H

#include "conf/options.h"

/* A key of a [module NAME] section that is not one of the daemon's own: the
 * module's descriptor decides what it means. */
struct conf_key {
	const char *name;
	const char *text; /* expanded */
	struct conf_place name_place, text_place;
	const char *folder; /* of the file it stands in */
};

struct conf_section {
	enum section_kind kind;
	const char *name;        /* pool or instance; of a route its pattern, of static files their
				    prefix; "" of server */
	const char *methods;     /* of a route: "GET", "GET,POST", "*" */
	struct conf_place place; /* of its header; file NULL: not in any file */
	struct option_set set;
	struct conf_key *rest; /* of a module: its own keys */
	size_t rest_count;
};

struct conf {
	struct arena arena;
	const char *file; /* as given; a name that stands in places */
	const char *text; /* what was read in its place; NULL: the file was */
	struct conf_section server, admin;
	struct conf_section *pools; /* `default` and `background` always exist */
	size_t pool_count;
	struct conf_section *modules;
	size_t module_count;
	struct conf_section *routes;
	size_t route_count;
	struct conf_section *statics;
	size_t static_count;
};

/* Reads `file`. 0, ERR_NOMEM, or ERR_CONFIG when errs grew; *ret_conf is set
 * also with ERR_CONFIG (what could be read), so that modules can be checked
 * in the same run; it is untouched with ERR_NOMEM. */
must_check int conf_load(const char *file, struct conf **ret_conf, struct conf_errors *errs);

/* As conf_load for INI text in memory, which cannot include files; `name`
 * stands in places. */
must_check int conf_load_text(const char *name, const char *text, struct conf **ret_conf,
			      struct conf_errors *errs);

/* As conf_load, of what `was` was read from, as it is now. */
must_check int conf_load_again(const struct conf *was, struct conf **ret_conf,
			       struct conf_errors *errs);

void conf_free(struct conf **conf);

/* Section by name, or NULL. */
const struct conf_section *conf_pool(const struct conf *conf, const char *name);
const struct conf_section *conf_module(const struct conf *conf, const char *name);

static inline int64_t conf_int(const struct conf_section *s, size_t index)
{
	return s->set.values[index].num;
}

static inline const char *conf_text(const struct conf_section *s, size_t index)
{
	return s->set.values[index].text;
}

static inline bool conf_is_given(const struct conf_section *s, size_t index)
{
	return s->set.values[index].place.file != NULL;
}

/* The header of a section as text: "[pool default]". In `a`; NULL when memory
 * is out. */
const char *section_header(const struct conf_section *s, struct arena *a);

/* The set of a module's own options; NULL where it is not known. */
typedef const struct option_set *conf_set_of(void *ctx, const char *instance);

/* Calls fn for each section, with the module's own options where it has some. */
void conf_each_section(const struct conf *conf,
		       void (*fn)(void *ctx, const struct conf_section *s,
				  const struct option_set *own),
		       conf_set_of *module_set, void *set_ctx, void *ctx);

/* Errors that are still to come do not quote what credentials hold. */
void conf_hide(const struct conf *conf, struct conf_errors *errs);

/* Writes every section with every effective value and, as a comment, where
 * each comes from; what is not set, as a comment only. `module_set` gives the
 * set of a module's own options, or NULL where it is not known: the keys of
 * that module are then named in comments, masked, as each could be a secret. */
void conf_dump(const struct conf *conf, FILE *to, conf_set_of *module_set, void *ctx);

#endif
