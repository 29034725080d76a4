/*
 * Redirects of the configuration: "301 https://example.org/{rest}" taken apart,
 * and what a client is sent to.
 *
 * Thread: main parses; immutable afterwards, any thread reads.
 */
#ifndef WEIR_WORK_REDIRECT_H
#define WEIR_WORK_REDIRECT_H

#include "work/pattern.h"

struct redirect_piece {
	const char *text; /* NULL: a parameter's value */
	size_t len;
	size_t param;
};

struct redirect {
	int status; /* 301, 302, 303, 307, 308 */
	bool is_absolute;
	bool has_query;
	struct redirect_piece *pieces;
	size_t count;
	const struct pattern *pattern; /* whose parameters it names */
};

/* 0, ERR_NOMEM, or ERR_SYNTAX with *ret_why saying what is wrong, and *ret_at
 * where in `text`. What it holds lives in `a`, but for the pattern. */
must_check int redirect_parse(struct redirect *ret, const char *text, const struct pattern *p,
			      struct arena *a, const char **ret_why, size_t *ret_at);

/* The target for these values of the pattern's parameters, which are
 * percent-encoded, with the query behind it. It leads to the host that was
 * written, whatever they are. NULL when memory is out. */
must_check char *redirect_target(const struct redirect *r, const char *const *params,
				 const char *query, struct arena *a);

#endif
