/*
 * What the files that build a configuration share.
 *
 * Thread: boot and reload.
 */
#ifndef WEIR_CONF_CONF_PRIVATE_H
#define WEIR_CONF_CONF_PRIVATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"

enum { INCLUDE_DEPTH_MAX = 8 };

/* A text that is being read. */
struct source {
	const char *file;   /* as it stands in places */
	const char *folder; /* absolute: where relative paths start */
	struct source *includer;
	dev_t dev; /* of a file; 0 of text in memory */
	ino_t ino;
	unsigned depth;
};

enum reading {
	READING_START,   /* before the first section */
	READING_SECTION, /* keys belong to `section` */
	READING_BROKEN,  /* behind a header that was an error: keys are passed over */
};

struct loader {
	struct conf *conf;
	struct conf_errors *errs;
	struct source *source; /* innermost */
	enum reading state;
	struct conf_section *section; /* in its list, until the next one is added */
};

/* Reads `text`, named by source->file. 0 or ERR_NOMEM. */
must_check int source_read(struct loader *l, struct source *source, const char *text, size_t len);

/* Reads a file: the first one when `place.file` is NULL, else the one included
 * there. What is wrong goes to errs. 0 or ERR_NOMEM. */
must_check int source_load(struct loader *l, const char *file, struct conf_place place);

/* `include = pattern` of l->source. 0 or ERR_NOMEM. */
must_check int source_include(struct loader *l, const char *pattern, struct conf_place place);

/* A header's text between its brackets: enters the section, or reports. 0 or
 * ERR_NOMEM. */
must_check int section_enter(struct loader *l, const char *text, struct conf_place place);

/* Adds a section with every default. ERR_NOMEM. */
must_check int section_add(struct loader *l, struct conf_section **list, size_t *count,
			   const struct conf_section *head);

/* "[pool NAME]" and the like, to tell users how a header is written. */
const char *section_form(enum section_kind kind);

/* What must hold between values and sections. */
void conf_check(const struct conf *conf, struct conf_errors *errs);

#endif
