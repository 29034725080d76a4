/*
 * Values as they are written in an INI file and as they are meant: ${NAME} and
 * ${NAME:-default} from the environment, $$ for one $, and inside quotes \" and
 * \\ for the character itself.
 *
 * Thread: boot and reload.
 */
#ifndef WEIR_CONF_EXPAND_H
#define WEIR_CONF_EXPAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "conf/place.h"

/* Longest value, as it is meant. */
enum { VALUE_MAX = 4096 };

/* `text` without the quotes around it; `place` is that of its first byte. */
struct written {
	const char *text;
	size_t len;
	bool is_quoted;
	struct conf_place place;
};

/* 0 with *ret_value in `a`; ERR_NOMEM; ERR_CONFIG when errs grew. */
must_check int expand_value(const struct written *w, struct arena *a, struct conf_errors *errs,
			    const char **ret_value);

/* How a value must be written to be read as `text`: quoted only where it must
 * be. In `a`; NULL when memory is out. */
const char *expand_write(const char *text, struct arena *a);

#endif
