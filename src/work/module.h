/*
 * Module instances: one private copy of a `.so`, loaded under one [module
 * NAME] section, with its options and its own data.
 *
 * Thread: boot and the keeper build, the keeper ends; workers and loops call
 * handlers in between.
 * An instance is immutable from instance_init to instance_fini.
 */
#ifndef WEIR_WORK_MODULE_H
#define WEIR_WORK_MODULE_H

#include <stdbool.h>
#include <weir/module.h>

#include "conf/conf.h"
#include "work/describe.h"

#define INSTANCE_MAGIC 0x1257a9ceU

struct generation;
struct instance;

/*
 * Copies and describes the file of `section`, checks its options, loads the
 * copy. None of the module's callbacks runs; constructors of the file do.
 * Everything wrong goes to `errs`; NULL then. Everything lives in the arena of
 * `gen`, apart from what instance_free frees.
 */
struct instance *instance_load(const struct conf_section *section, const char *module_dir,
			       struct generation *gen, struct conf_errors *errs);

/* One of the daemon itself: its options are all at their defaults. NULL when
 * memory is out. */
struct instance *instance_builtin(const struct conf_section *section,
				  const struct weir_module *desc, struct generation *gen,
				  void *data);

/* The module's check(), then init(). False: errs grew. */
bool instance_check(struct instance *inst, struct conf_errors *errs);
bool instance_init(struct instance *inst, struct conf_errors *errs);

/* fini(), when init had succeeded, and unloading. */
void instance_free(struct instance **inst);

/* The one it belongs to. */
struct generation *instance_generation(const struct instance *inst);

const char *instance_name(const struct instance *inst);
const struct conf_section *instance_section(const struct instance *inst);
/* The file it was loaded from. */
const char *instance_path(const struct instance *inst);
const struct description *instance_description(const struct instance *inst);
const struct option_set *instance_options(const struct instance *inst);

/* The function behind the `i`th handler of its description. */
weir_handler *instance_handler(const struct instance *inst, size_t i);

/* "a, b, c": the names of its handlers, in `a`; "" when memory is out. */
const char *instance_handler_list(const struct instance *inst, struct arena *a);

/* What init left. */
void *instance_data(const struct instance *inst);

bool instance_has_thread_init(const struct instance *inst);
must_check int instance_thread_init(struct instance *inst, void **ret_data);
void instance_thread_fini(struct instance *inst, void *data);

/* The module API's view of an instance, and back. */
struct weir_instance *instance_public(struct instance *inst);
struct instance *instance_private(const struct weir_instance *self);

#endif
