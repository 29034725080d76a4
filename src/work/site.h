/*
 * A site: what one [static PREFIX] section serves. From a path below its
 * prefix to an open file below its root, and to the answer.
 *
 * Thread: boot builds; immutable afterwards. Looking for a file on a loop
 * (cached) or a reader.
 */
#ifndef WEIR_WORK_SITE_H
#define WEIR_WORK_SITE_H

#include <sys/stat.h>

#include "http/mime.h"
#include "http/negotiate.h"
#include "work/request.h"

struct site {
	struct route route; /* PREFIX/{path:path}; first */
	struct route bare;  /* PREFIX without the slash at its end; no pattern below "/" */
	const struct conf_section *section;
	int root; /* the folder's descriptor; -1 before it is opened */
	const char *index;
	const char *fallback;      /* NULL: none */
	const char *cache_control; /* NULL: none */
	bool is_precompressed;
	bool has_cached; /* the kernel can say that a path is not cached */
	const struct mime_table *types;
};

/* Boot: opens root, reads the table of types into `a`, or shares that of one of
 * `count` others. What is wrong is added to errs. The routes are left to the
 * caller. */
void site_open(struct site *site, const struct conf_section *section, const struct site *others,
	       size_t count, struct arena *a, struct conf_errors *errs);
void site_close(struct site *site);

/* What is looked for, and what was found. */
struct site_search {
	const struct site *site;
	const char *path; /* below root; decoded */
	bool is_folder;   /* the client's path ends with a slash */
	enum http_coding codings[HTTP_CODING_COUNT];
	/* What was found: */
	int status; /* 200, 301, 403, 404, 503, 500 */
	int err;    /* of the last two: a negative errno */
	int fd;     /* of 200, until the answer takes it; else -1 */
	struct stat st;
	const char *name; /* whose ending says the type */
	enum http_coding coding;
	bool is_fallback;
};

/* Loop: begins the search for a routed request. NULL when memory is out. */
must_check struct site_search *site_begin(struct request *req);

/* Looks for the file, unless the status is known. With `is_cached` nothing waits for a
 * disk: -EAGAIN when that cannot be. Else 0. */
must_check int site_look(struct site_search *s, bool is_cached);

/* Loop: fills in the response. Returns its status. */
int site_answer(struct request *req, struct site_search *s);

#endif
