/*
 * Path patterns with typed parameters, and the trie that finds the one a path
 * matches.
 *
 * Thread: built by boot and reload; afterwards immutable, any thread matches.
 */
#ifndef WEIR_WORK_PATTERN_H
#define WEIR_WORK_PATTERN_H

#include "base/arena.h"
#include "http/http.h"

enum {
	PATTERN_SEGMENTS_MAX = 64,
	PATTERN_PARAMS_MAX = 16,
};

/* Narrow to wide: each is contained in some later one, never in an earlier. */
enum pattern_type {
	PATTERN_TEXT,     /* the segment itself */
	PATTERN_INT,      /* [0-9]+ */
	PATTERN_FLOAT,    /* [0-9]+(\.[0-9]+)? */
	PATTERN_UUID,     /* 8-4-4-4-12 hex digits, any case */
	PATTERN_DATETIME, /* YYYY-MM-DDTHH:MM:SS, then optional fraction, Z or ±HH:MM */
	PATTERN_STR,      /* any one segment that is not empty */
	PATTERN_PATH,     /* the rest, slashes and all, may be empty; last only */
};

struct pattern_segment {
	enum pattern_type type;
	const char *text; /* PATTERN_TEXT: the text; else the parameter's name */
};

struct pattern {
	const char *text; /* as written, with the mount put before it */
	struct pattern_segment *segments;
	size_t segment_count;
	size_t param_count;
};

/* Parses `mount` followed by `text` ("" or "/" and text; a mount of "/" adds
 * nothing, nor does a slash at a mount's end). 0, ERR_NOMEM, or ERR_SYNTAX with *ret_why saying
 * what is wrong, in the arena. */
must_check int pattern_parse(struct pattern *ret, const char *mount, const char *text,
			     struct arena *a, const char **ret_why);

/* Index of a parameter among the pattern's parameters, or -1. */
int pattern_param(const struct pattern *p, const char *name);

/* Type of the `i`th parameter. */
enum pattern_type pattern_param_type(const struct pattern *p, size_t i);

/* Could one path match both, with neither pattern the narrower one? Equal
 * patterns (apart from names) are ambiguous too. */
bool pattern_is_ambiguous(const struct pattern *x, const struct pattern *y);

/* What the trie leads to: anything that begins with these. */
struct pattern_target {
	struct pattern pattern;
	unsigned methods; /* bits of enum http_method */
};

struct router; /* lives in the arena it was made in */

must_check struct router *router_new(struct arena *a);

/* ERR_NOMEM, or ERR_EXISTS with *ret_other being an earlier target that
 * shares a method and is ambiguous with this one. */
must_check int router_add(struct router *r, struct pattern_target *target,
			  struct pattern_target **ret_other);

struct router_match {
	struct pattern_target *target; /* NULL: no target with this method */
	unsigned allow; /* methods of all targets whose pattern matches, when target is
			   NULL; 0: no such path */
	unsigned steps; /* comparisons and nodes it took: what a test can count */
	struct http_span params[PATTERN_PARAMS_MAX]; /* in the path; %2F not yet decoded; as many
							as the target's pattern has */
};

/* Matches a normalised path. The narrowest pattern that has the method wins;
 * HEAD falls back to GET on the same pattern. */
void router_match(const struct router *r, enum http_method method, const char *path, size_t len,
		  struct router_match *ret);

#endif
