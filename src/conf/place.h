/*
 * Where in the configuration something stands, and the list of what is wrong
 * with it: all errors of a run are collected, sorted by place, and shown
 * together.
 *
 * Thread: boot and reload, one at a time.
 */
#ifndef WEIR_CONF_PLACE_H
#define WEIR_CONF_PLACE_H

#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"

struct conf_place {
	const char *file; /* as it was named; NULL: a default, not from a file */
	unsigned line;    /* from 1 */
	unsigned column;  /* from 1, in bytes */
};

struct conf_error {
	struct conf_place place;
	const char *message; /* names the remedy; no line end */
	unsigned serial;     /* order of discovery, the second sorting key */
};

struct conf_errors {
	struct arena arena;
	struct conf_error *list; /* realloc'd */
	size_t count;
	size_t size;
	unsigned lost; /* found when memory was out */
	struct conf_hidden *hidden;
};

void conf_errors_init(struct conf_errors *errs);
void conf_errors_done(struct conf_errors *errs);

/* Messages say `shown` where they would quote `text`, or the beginning of it. */
void conf_errors_hide(struct conf_errors *errs, const char *text, const char *shown);

/* Adds one; `place.file` may be NULL for what has no place. */
void conf_error(struct conf_errors *errs, struct conf_place place, const char *fmt, ...)
	printf_like(3, 4);

/* Sorts by file (in order of first appearance), line, column and writes
 * `file:line:column: message` lines. */
void conf_errors_print(struct conf_errors *errs, FILE *to);

/* The same lines into the error log. */
void conf_errors_log(struct conf_errors *errs);

#endif
