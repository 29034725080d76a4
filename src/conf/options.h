/*
 * Typed options: the daemon's own, declared in options.def, and those a module
 * declares with the same struct weir_option. Text from the INI file becomes a
 * checked value here and nowhere else.
 *
 * Thread: boot and reload build; a finished set is immutable, any thread reads.
 */
#ifndef WEIR_CONF_OPTIONS_H
#define WEIR_CONF_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weir/module.h>

#include "base/arena.h"
#include "conf/options.def"
#include "conf/place.h"

/* One given value of a repeated option. */
struct option_text {
	const char *text;
	struct conf_place place;
	const char *cred; /* "@cred:NAME" that the text came from; NULL: it was written out */
};

struct option_value {
	int64_t num;             /* bool 0/1, int, size in bytes, duration in ms, index of a choice;
				    WEIR_AUTO, WEIR_INF, WEIR_OFF */
	const char *text;        /* text, path, the choice's word; never NULL, "" without value */
	struct conf_place place; /* place.file NULL: the default */
	const char *cred;        /* as of an option_text */
	struct option_text *texts; /* of a repeated option, in order */
	size_t count;              /* of texts */
};

/* The values of one section, index by index as its definitions. */
struct option_set {
	const struct weir_option *defs; /* ended by name NULL */
	size_t count;
	struct option_value *values;
};

/* What change of an option at run time needs. */
enum option_change {
	CHANGE_LIVE,    /* can be set at run time */
	CHANGE_RELOAD,  /* takes effect with the next reload */
	CHANGE_RESTART, /* needs a new process */
};

/* What the daemon's own options have besides. */
struct option_extra {
	enum option_change change;
	const char *paragraph; /* for weir.ini(5) */
};

/* The kinds of sections, in the order of the manual. */
enum section_kind {
	SECTION_SERVER, /* [server] */
	SECTION_POOL,   /* [pool NAME] */
	SECTION_MODULE, /* [module NAME] */
	SECTION_ROUTE,  /* [route METHODS PATTERN] */
	SECTION_STATIC, /* [static PREFIX] */
	SECTION_ADMIN,  /* [admin] */
	SECTION_COUNT,
};

/* Indexes into the sets of the daemon's own sections: SERVER_LISTEN,
 * POOL_THREAD_TOKENS, MODULE_FILE, ROUTE_HANDLER, STATIC_ROOT, … */
#define OPTION_ENUM(enumerator, ...) enumerator,
enum server_option { OPTIONS_OF_SERVER(OPTION_ENUM) SERVER_OPTIONS };
enum pool_option { OPTIONS_OF_POOL(OPTION_ENUM) POOL_OPTIONS };
enum module_option { OPTIONS_OF_MODULE(OPTION_ENUM) MODULE_OPTIONS };
enum route_option { OPTIONS_OF_ROUTE(OPTION_ENUM) ROUTE_OPTIONS };
enum static_option { OPTIONS_OF_STATIC(OPTION_ENUM) STATIC_OPTIONS };
enum admin_option { OPTIONS_OF_ADMIN(OPTION_ENUM) ADMIN_OPTIONS };
#undef OPTION_ENUM

/* "server", "pool", … */
const char *section_name(enum section_kind kind);

/* The daemon's definitions of a kind of section, ended by name NULL. */
const struct weir_option *section_options(enum section_kind kind);

/* What stands beside the `index`th of them. */
const struct option_extra *section_extra(enum section_kind kind, size_t index);

/* A set with every default in place. ERR_NOMEM. The set lives in `a`. Defaults
 * that do not parse are errors at `place`, named with `whose` (a module's
 * descriptor comes from outside). */
must_check int option_set_init(struct option_set *set, const struct weir_option *defs,
			       struct arena *a, const char *whose, struct conf_place place,
			       struct conf_errors *errs);

/* Index of an option by name, or -1. */
int option_find(const struct weir_option *defs, const char *name);

/* The option name of either list that is nearest to an unknown one, or NULL
 * when none is near enough to be a typing mistake. `more` may be NULL. */
const char *option_nearest(const struct weir_option *defs, const struct weir_option *more,
			   const char *name);

/* Parses `text` into option `index`; what is wrong is added to errs at
 * `value_place`, a second value of an option that is not repeated at the start
 * of its line. `folder` is what relative paths start from. ERR_NOMEM, else 0
 * (also when errs grew). */
must_check int option_set_value(struct option_set *set, size_t index, const char *text,
				struct conf_place value_place, const char *folder, struct arena *a,
				struct conf_errors *errs);

/* The absolute folder of a file, in `a`; NULL when memory is out. */
must_check const char *option_folder(const char *file, struct arena *a);

/* Errors at `place` for required options that have no value yet. */
void option_set_require(const struct option_set *set, struct conf_place place,
			struct conf_errors *errs);

/* The value as text that option_set_value reads back to the same value, with
 * units; secrets as `********`. "" when it is not set. In `a`; NULL when memory
 * is out. `i` counts repeated ones. */
const char *option_text(const struct option_set *set, size_t index, size_t i, struct arena *a);

/* The bounds of a number's option, `auto`, `inf` and `off` left out. */
void option_range(const struct weir_option *def, int64_t *ret_min, int64_t *ret_max);

/* A number as it would be written for this option. In `a`; NULL when memory is
 * out. */
const char *option_number_text(const struct weir_option *def, int64_t num, struct arena *a);

/* What an option takes: "0 to 10000, or inf", "one of …". In `a`; NULL when
 * memory is out. */
const char *option_wanted(const struct weir_option *def, struct arena *a);

/* Whole generated documents: conf/weir.ini, the option part of weir.ini(5)
 * in mdoc, and JSON. */
void options_write_ini(FILE *to);
void options_write_man(FILE *to);
void options_write_json(FILE *to);

#endif
