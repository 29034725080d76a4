/*
 * The INI reader: text in, sections and keys with their places out. What is
 * wrong with a line is reported at its place and the reading goes on.
 *
 * Lines: `[section]`, `key = value`, comments that begin with ; or #. A value
 * ends before ` ;`. "Quotes" keep spaces and semicolons. Every section and key
 * begins at column 1.
 *
 * Thread: boot and reload.
 */
#ifndef WEIR_CONF_INI_H
#define WEIR_CONF_INI_H

#include "base/arena.h"
#include "conf/place.h"

/* Who is told. Both return 0, or a negative error that ends the reading; text
 * and values live in the reader's arena. */
struct ini_sink {
	/* A header; `text` is what stands between the brackets, `place` that of
	 * its first byte. NULL: a header stands there that cannot be read. */
	int (*section)(void *ctx, const char *text, struct conf_place place);

	/* A key with its value, expanded. `value` NULL: an error with the value
	 * was reported already. */
	int (*key)(void *ctx, const char *name, struct conf_place name_place, const char *value,
		   struct conf_place value_place);
};

/* Reads `len` bytes of `text`; `file` stands in places. 0, ERR_NOMEM, or what
 * the sink returned. */
must_check int ini_read(const char *file, const char *text, size_t len, const struct ini_sink *sink,
			void *ctx, struct arena *a, struct conf_errors *errs);

#endif
