/*
 * Lines: patterns, each behind a byte that chooses its methods, up to an empty
 * line; then paths. What the trie finds is compared with trying all patterns
 * one after the other.
 *
 * Thread: one.
 */
#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "work/pattern_private.h"

enum { TARGETS_MAX = 64, PATHS_MAX = 64 };

struct table {
	struct arena a;
	struct router *router;
	struct pattern_target targets[TARGETS_MAX];
	size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As PATTERN_PATH says: all that is left, may be empty. */
static bool matches(const struct pattern *p, const char *path, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < p->segment_count; i++) {
		if (at >= len || path[at] != '/')
			return false;
		at++;
		const struct pattern_segment *s = &p->segments[i];
		if (s->type == PATTERN_PATH)
			return true;
		size_t n = 0;
		while (at + n < len && path[at + n] != '/')
			n++;
		bool fits = s->type == PATTERN_TEXT
				    ? n == strlen(s->text) && memcmp(s->text, path + at, n) == 0
				    : pattern_segment_is(s->type, path + at, n);
		if (!fits)
			return false;
		at += n;
	}
	return at == len;
}

static bool has_method(const struct pattern_target *t, enum http_method method)
{
	unsigned bits = HTTP_BIT(method);
	if (method == HTTP_HEAD)
		bits |= HTTP_BIT(HTTP_GET);
	return (t->methods & bits) != 0;
}

static void check_params(const struct router_match *m, const char *path, size_t len)
{
	const struct pattern *p = &m->target->pattern;
	for (size_t i = 0; i < p->param_count; i++) {
		const struct http_span *s = &m->params[i];
		must(s->at >= path && s->at + s->len <= path + len);
		must(s->at[-1] == '/');
		enum pattern_type type = pattern_param_type(p, i);
		must(type == PATTERN_PATH ? s->at + s->len == path + len
					  : pattern_segment_is(type, s->at, s->len));
	}
}

static void check_path(struct table *t, enum http_method method, const char *path, size_t len)
{
	struct router_match m;
	router_match(t->router, method, path, len, &m);
	unsigned allow = 0;
	bool found = false;
	for (size_t i = 0; i < t->count; i++) {
		struct pattern_target *x = &t->targets[i];
		if (!matches(&x->pattern, path, len))
			continue;
		allow |= x->methods;
		must(!m.target ||
		     pattern_compare(&x->pattern, &m.target->pattern) != PATTERN_APART);
		if (!has_method(x, method))
			continue;
		found = true;
		must(m.target);
		must(pattern_compare(&x->pattern, &m.target->pattern) != PATTERN_NARROWER);
	}
	must(found == (m.target != NULL));
	if (allow & HTTP_BIT(HTTP_GET))
		allow |= HTTP_BIT(HTTP_HEAD);
	must(m.allow == (found ? 0 : allow));
	if (found) {
		must(has_method(m.target, method) && matches(&m.target->pattern, path, len));
		check_params(&m, path, len);
	}
}

static void add(struct table *t, const char *line, size_t len)
{
	if (t->count == TARGETS_MAX)
		return;
	struct pattern_target *target = &t->targets[t->count], *other = NULL;
	char *text = arena_strndup(&t->a, line + 1, len - 1);
	const char *why = NULL;
	must(text);
	target->methods = (unsigned)line[0] & HTTP_ROUTABLE;
	int rc = pattern_parse(&target->pattern, "", text, &t->a, &why);
	must(rc == 0 || (rc == ERR_SYNTAX && why));
	if (rc < 0)
		return;
	rc = router_add(t->router, target, &other);
	must(rc == 0 || (rc == ERR_EXISTS && other));
	must(pattern_compare(&target->pattern, &target->pattern) == PATTERN_EQUAL);
	t->count += rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table *t = &(struct table){ 0 };
	arena_init(&t->a);
	t->router = router_new(&t->a);
	must(t->router);
	const char *at = (const char *)data, *end = at + size;
	bool are_paths = false;
	for (int lines = 0; at < end && lines < TARGETS_MAX + PATHS_MAX; lines++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);
		if (len == 0)
			are_paths = true;
		else if (!are_paths)
			add(t, at, len);
		for (int method = 0; are_paths && method <= HTTP_METHOD_COUNT - 1; method++)
			check_path(t, (enum http_method)method, at, len);
		at += len + 1;
	}
	arena_done(&t->a);
	return 0;
}
