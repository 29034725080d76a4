/*
 * What differs between two configurations.
 *
 * Thread: any; the result is its caller's.
 */
#ifndef WEIR_CONF_CONF_DIFF_H
#define WEIR_CONF_CONF_DIFF_H

#include "conf/conf.h"

/* A section that came or went (key NULL), or another value. */
struct conf_change {
	const char *section; /* "[pool default]" */
	const char *key;
	const char *was, *is; /* secrets as `********`; NULL: the section was, is not there */
	bool needs_restart;
	struct conf_place place; /* in the new one; of what went, in the old one */
};

struct conf_changes {
	struct arena arena;
	struct conf_change *list;
	size_t count;
	size_t restarts; /* of these, those that need one */
	bool is_short;   /* memory was out: there are more */
};

/* Modules' own options are compared where both sides know them. `old_of` and `new_of` may be NULL.
 * Ended by conf_changes_done, also when it could not list all. The result does not refer to the
 * configurations. */
void conf_diff(struct conf_changes *ret, const struct conf *was, conf_set_of *old_of, void *old_ctx,
	       const struct conf *is, conf_set_of *new_of, void *new_ctx);
/* Adds one; what it points to is copied. */
void conf_changes_add(struct conf_changes *changes, const struct conf_change *change);

void conf_changes_done(struct conf_changes *changes);

#endif
