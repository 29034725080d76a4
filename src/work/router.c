/*
 * The trie of segments that finds the target of a path: for each segment the
 * same text first, then the parameter types from narrow to wide, going back
 * when a narrow way ends without the method. Two patterns that share a method
 * never cross, therefore the first target found is the narrowest.
 *
 * Thread: built by boot and reload; afterwards immutable, any thread matches.
 */
#include <string.h>

#include "base/err.h"
#include "work/pattern_private.h"

/* A target at the place where its pattern ends. */
struct end {
	struct end *next;
	struct pattern_target *target;
};

struct node {
	const char *text; /* of a child by text */
	size_t len;
	struct node **texts; /* children by text, sorted by compare_text */
	size_t text_count, text_size;
	struct node *typed[PATTERN_PATH]; /* children by type; NULL: none */
	struct end *ends;                 /* patterns that end here */
	struct end *rests; /* patterns whose next segment takes the rest of the path */
};

struct router {
	struct arena *a;
	struct node *root;
	struct end *targets; /* all of them, newest first */
};

struct router *router_new(struct arena *a)
{
	struct router *r = arena_zalloc(a, sizeof(*r));
	if (!r)
		return NULL;
	r->a = a;
	r->root = arena_zalloc(a, sizeof(*r->root));
	return r->root ? r : NULL;
}

/* Shorter ones first: most comparisons end with the length. */
static int compare_text(const struct node *n, const char *text, size_t len)
{
	if (n->len != len)
		return n->len < len ? -1 : 1;
	return memcmp(n->text, text, len);
}

/* Where a text stands among the children, or would. */
static size_t find_text(const struct node *parent, const char *text, size_t len, bool *ret_found,
			unsigned *steps)
{
	size_t low = 0, high = parent->text_count;
	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_text(parent->texts[middle], text, len);
		++*steps;
		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node *insert_text(struct router *r, struct node *parent, size_t at, const char *text,
				size_t len)
{
	if (parent->text_count == parent->text_size) {
		size_t size = parent->text_size ? parent->text_size * 2 : 4;
		struct node **texts = arena_alloc(r->a, size * sizeof(struct node *));
		if (!texts)
			return NULL;
		if (parent->text_count > 0)
			memcpy(texts, parent->texts, parent->text_count * sizeof(struct node *));
		parent->texts = texts;
		parent->text_size = size;
	}
	struct node *n = arena_zalloc(r->a, sizeof(*n));
	if (!n)
		return NULL;
	n->text = text;
	n->len = len;
	memmove(&parent->texts[at + 1], &parent->texts[at],
		(parent->text_count - at) * sizeof(struct node *));
	parent->texts[at] = n;
	parent->text_count++;
	return n;
}

static struct node *child_for(struct router *r, struct node *parent,
			      const struct pattern_segment *s)
{
	if (s->type == PATTERN_TEXT) {
		bool found;
		unsigned steps = 0;
		size_t len = strlen(s->text);
		size_t at = find_text(parent, s->text, len, &found, &steps);
		return found ? parent->texts[at] : insert_text(r, parent, at, s->text, len);
	}
	struct node **child = &parent->typed[s->type];
	if (!*child)
		*child = arena_zalloc(r->a, sizeof(**child));
	return *child;
}

static bool add_end(struct router *r, struct end **list, struct pattern_target *target)
{
	struct end *e = arena_alloc(r->a, sizeof(*e));
	if (!e)
		return false;
	*e = (struct end){ .next = *list, .target = target };
	*list = e;
	return true;
}

/* The list in which a pattern's target belongs. */
static struct end **place_for(struct router *r, const struct pattern *p)
{
	struct node *n = r->root;
	for (size_t i = 0; i < p->segment_count; i++) {
		if (p->segments[i].type == PATTERN_PATH)
			return &n->rests;
		n = child_for(r, n, &p->segments[i]);
		if (!n)
			return NULL;
	}
	return &n->ends;
}

int router_add(struct router *r, struct pattern_target *target, struct pattern_target **ret_other)
{
	struct pattern_target *other = NULL;
	for (const struct end *e = r->targets; e; e = e->next) {
		/* The earliest one is what the user wrote first. */
		if ((e->target->methods & target->methods) &&
		    pattern_is_ambiguous(&e->target->pattern, &target->pattern))
			other = e->target;
	}
	if (other) {
		*ret_other = other;
		return ERR_EXISTS;
	}
	struct end **place = place_for(r, &target->pattern);
	if (!place || !add_end(r, place, target) || !add_end(r, &r->targets, target))
		return ERR_NOMEM;
	return 0;
}

/* ---- matching ---- */

struct search {
	const char *path;
	size_t len;
	enum http_method method;
	struct router_match *match;
};

/* A pattern matches the whole path: is its method the one that is asked for? */
static bool settle(struct search *s, const struct end *ends)
{
	struct pattern_target *fallback = NULL;
	for (const struct end *e = ends; e; e = e->next) {
		unsigned methods = e->target->methods;
		s->match->steps++;
		s->match->allow |= methods;
		if (s->method < HTTP_METHOD_COUNT && (methods & HTTP_BIT(s->method))) {
			s->match->target = e->target;
			return true;
		}
		if (s->method == HTTP_HEAD && (methods & HTTP_BIT(HTTP_GET)))
			fallback = e->target;
	}
	s->match->target = fallback;
	return fallback != NULL;
}

static bool walk(struct search *s, const struct node *n, size_t at, size_t params);

/* The segment before `next` led to `child`. */
static bool go_on(struct search *s, const struct node *child, size_t next, size_t params)
{
	if (next > s->len)
		return settle(s, child->ends);
	return walk(s, child, next, params);
}

/* Matches the path from `at`, where a segment begins, with `params` parameters
 * found so far. As deep as the trie: at most PATTERN_SEGMENTS_MAX. */
static bool walk(struct search *s, const struct node *n, size_t at, size_t params)
{
	const char *text = s->path + at;
	const char *slash = memchr(text, '/', s->len - at);
	size_t len = slash ? (size_t)(slash - text) : s->len - at;
	size_t next = at + len + 1;
	struct http_span *params_out = s->match->params;
	bool found;
	s->match->steps++;
	size_t i = find_text(n, text, len, &found, &s->match->steps);
	if (found && go_on(s, n->texts[i], next, params))
		return true;
	for (int type = PATTERN_INT; type < PATTERN_PATH; type++) {
		if (!n->typed[type] || !pattern_segment_is((enum pattern_type)type, text, len))
			continue;
		params_out[params] = (struct http_span){ text, len };
		if (go_on(s, n->typed[type], next, params + 1))
			return true;
	}
	if (!n->rests)
		return false;
	params_out[params] = (struct http_span){ text, s->len - at };
	return settle(s, n->rests);
}

void router_match(const struct router *r, enum http_method method, const char *path, size_t len,
		  struct router_match *ret)
{
	struct search s = { .path = path, .len = len, .method = method, .match = ret };
	ret->target = NULL;
	ret->allow = 0;
	ret->steps = 0;
	if (len > 0 && path[0] == '/')
		(void)walk(&s, r->root, 1, 0);
	if (ret->target)
		ret->allow = 0;
	else if (ret->allow & HTTP_BIT(HTTP_GET))
		ret->allow |= HTTP_BIT(HTTP_HEAD);
}
