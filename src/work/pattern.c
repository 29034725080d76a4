/*
 * Reading path patterns, and telling which of two is the narrower one.
 *
 * Thread: any; pure functions. The trie that uses patterns is router.c.
 */
#include "work/pattern.h"

#include <string.h>

#include "base/err.h"
#include "work/pattern_private.h"

static const struct {
	const char *name;
	enum pattern_type type;
} type_names[] = {
	{ "int", PATTERN_INT },   { "float", PATTERN_FLOAT },       { "str", PATTERN_STR },
	{ "uuid", PATTERN_UUID }, { "datetime", PATTERN_DATETIME }, { "path", PATTERN_PATH },
};

/* ---- does a segment have a type ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* How many digits `s` begins with. */
static size_t digits(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && is_digit(s[n]))
		n++;
	return n;
}

static bool is_int(const char *s, size_t len)
{
	return len > 0 && digits(s, len) == len;
}

static bool is_float(const char *s, size_t len)
{
	size_t whole = digits(s, len);
	if (whole == 0 || whole == len)
		return whole > 0;
	return s[whole] == '.' && is_int(s + whole + 1, len - whole - 1);
}

/* `s` has exactly the form of `form`: 0 is a digit, x a hex digit, anything
 * else itself. */
static bool has_form(const char *s, size_t len, const char *form)
{
	if (len != strlen(form))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool fits = form[i] == '0'   ? is_digit(s[i])
			    : form[i] == 'x' ? is_hex(s[i])
					     : s[i] == form[i];
		if (!fits)
			return false;
	}
	return true;
}

/* The two digits at `s` as a number within min and max. */
static bool is_within(const char *s, int min, int max)
{
	int n = (s[0] - '0') * 10 + (s[1] - '0');
	return n >= min && n <= max;
}

static bool is_zone(const char *s, size_t len)
{
	if (len == 0 || (len == 1 && *s == 'Z'))
		return true;
	return (has_form(s, len, "+00:00") || has_form(s, len, "-00:00")) &&
	       is_within(s + 1, 0, 23) && is_within(s + 4, 0, 59);
}

static bool is_datetime(const char *s, size_t len)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t at = sizeof(form) - 1;
	if (len < at || !has_form(s, at, form))
		return false;
	/* A leap second is a moment, too. */
	if (!is_within(s + 5, 1, 12) || !is_within(s + 8, 1, 31) || !is_within(s + 11, 0, 23) ||
	    !is_within(s + 14, 0, 59) || !is_within(s + 17, 0, 60))
		return false;
	if (at < len && s[at] == '.') {
		size_t fraction = digits(s + at + 1, len - at - 1);
		if (fraction == 0)
			return false;
		at += 1 + fraction;
	}
	return is_zone(s + at, len - at);
}

bool pattern_segment_is(enum pattern_type type, const char *s, size_t len)
{
	switch (type) {
	case PATTERN_INT:
		return is_int(s, len);
	case PATTERN_FLOAT:
		return is_float(s, len);
	case PATTERN_UUID:
		return has_form(s, len, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
	case PATTERN_DATETIME:
		return is_datetime(s, len);
	case PATTERN_STR:
		return len > 0;
	case PATTERN_TEXT:
	case PATTERN_PATH:
		break;
	}
	return false;
}

/* ---- parsing ---- */

struct reader {
	struct pattern p;
	struct pattern_segment segments[PATTERN_SEGMENTS_MAX];
	struct arena *a;
	const char *why; /* what is wrong, once something is */
};

static int refuse(struct reader *r, const char *why)
{
	r->why = why;
	return why ? ERR_SYNTAX : ERR_NOMEM;
}

static int check_name(struct reader *r, const char *name)
{
	if (*name == '\0')
		return refuse(r, "a parameter has no name");
	if (is_digit(*name))
		return refuse(r,
			      arena_printf(r->a, "parameter name '%s' begins with a digit", name));
	for (const char *c = name; *c; c++) {
		if (!is_digit(*c) && *c != '_' && !(*c >= 'a' && *c <= 'z') &&
		    !(*c >= 'A' && *c <= 'Z'))
			return refuse(r, arena_printf(r->a,
						      "parameter name '%s' may have letters, "
						      "digits and _ only",
						      name));
	}
	for (size_t i = 0; i < r->p.segment_count; i++) {
		const struct pattern_segment *s = &r->segments[i];
		if (s->type != PATTERN_TEXT && strcmp(s->text, name) == 0)
			return refuse(r,
				      arena_printf(r->a, "parameter name '%s' stands twice", name));
	}
	return 0;
}

static int find_type(struct reader *r, const char *name, enum pattern_type *ret)
{
	for (size_t i = 0; i < array_len(type_names); i++) {
		if (strcmp(type_names[i].name, name) == 0) {
			*ret = type_names[i].type;
			return 0;
		}
	}
	return refuse(r, arena_printf(r->a,
				      "unknown parameter type '%s'; there are int, float, uuid, "
				      "datetime, str and path",
				      name));
}

/* `text` is what stands between the braces. */
static int read_param(struct reader *r, const char *text, size_t len, struct pattern_segment *ret)
{
	const char *colon = memchr(text, ':', len);
	size_t name_len = colon ? (size_t)(colon - text) : len;
	char *name = arena_strndup(r->a, text, name_len);
	if (!name)
		return ERR_NOMEM;
	int rc = check_name(r, name);
	if (rc < 0)
		return rc;
	if (++r->p.param_count > PATTERN_PARAMS_MAX)
		return refuse(r, "more than 16 parameters");
	*ret = (struct pattern_segment){ .type = PATTERN_STR, .text = name };
	if (!colon)
		return 0;
	char *type = arena_strndup(r->a, colon + 1, len - name_len - 1);
	return type ? find_type(r, type, &ret->type) : ERR_NOMEM;
}

static int read_text(struct reader *r, const char *text, size_t len, struct pattern_segment *ret)
{
	if (memchr(text, '{', len) || memchr(text, '}', len))
		return refuse(r, "'{' and '}' enclose a whole segment");
	if ((len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.'))
		return refuse(r, "a path has no segment '.' or '..' when it is routed");
	*ret = (struct pattern_segment){
		.type = PATTERN_TEXT,
		.text = arena_strndup(r->a, text, len),
	};
	return ret->text ? 0 : ERR_NOMEM;
}

static int read_segment(struct reader *r, const char *text, size_t len, bool is_last)
{
	if (r->p.segment_count == PATTERN_SEGMENTS_MAX)
		return refuse(r, "more than 64 segments");
	if (len == 0 && !is_last)
		return refuse(r, "an empty segment ('//')");
	struct pattern_segment *s = &r->segments[r->p.segment_count];
	bool is_param = len >= 2 && text[0] == '{' && text[len - 1] == '}' &&
			!memchr(text + 1, '{', len - 2) && !memchr(text + 1, '}', len - 2);
	int rc = is_param ? read_param(r, text + 1, len - 2, s) : read_text(r, text, len, s);
	if (rc < 0)
		return rc;
	if (s->type == PATTERN_PATH && !is_last)
		return refuse(r, "a parameter of type path can only be the last segment");
	r->p.segment_count++;
	return 0;
}

static int check_bytes(struct reader *r, const char *text)
{
	if (text[0] != '/')
		return refuse(r, "it does not begin with '/'");
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			return refuse(r, "it has a control character");
		if (*c == '?' || *c == '#')
			return refuse(r, arena_printf(r->a, "'%c' is no part of a path", *c));
	}
	return 0;
}

static int read_all(struct reader *r)
{
	int rc = check_bytes(r, r->p.text);
	const char *at = r->p.text;
	while (rc == 0 && *at) {
		at++; /* over the slash */
		size_t len = strcspn(at, "/");
		rc = read_segment(r, at, len, at[len] == '\0');
		at += len;
	}
	return rc;
}

/* Mount and text as one; a slash that ends the mount is the one that begins
 * the text. */
static char *join(const char *mount, const char *text, struct arena *a)
{
	size_t len = strlen(mount);
	if (len > 0 && mount[len - 1] == '/' && text[0] == '/')
		len--;
	return arena_printf(a, "%.*s%s", (int)len, mount, text);
}

int pattern_parse(struct pattern *ret, const char *mount, const char *text, struct arena *a,
		  const char **ret_why)
{
	struct reader r = { .a = a };
	if (text[0] != '/' && text[0] != '\0') {
		*ret_why = "it does not begin with '/'";
		return ERR_SYNTAX;
	}
	r.p.text = join(mount, text, a);
	if (!r.p.text)
		return ERR_NOMEM;
	int rc = read_all(&r);
	if (rc == ERR_SYNTAX)
		*ret_why = r.why;
	if (rc < 0)
		return rc;
	size_t size = r.p.segment_count * sizeof(r.segments[0]);
	r.p.segments = arena_alloc(a, size);
	if (!r.p.segments)
		return ERR_NOMEM;
	memcpy(r.p.segments, r.segments, size);
	*ret = r.p;
	return 0;
}

/* ---- questions ---- */

int pattern_param(const struct pattern *p, const char *name)
{
	int index = 0;
	for (size_t i = 0; i < p->segment_count; i++) {
		const struct pattern_segment *s = &p->segments[i];
		if (s->type == PATTERN_TEXT)
			continue;
		if (strcmp(s->text, name) == 0)
			return index;
		index++;
	}
	return -1;
}

enum pattern_type pattern_param_type(const struct pattern *p, size_t i)
{
	must(i < p->param_count);
	const struct pattern_segment *s = p->segments;
	for (;; s++) {
		if (s->type != PATTERN_TEXT && i-- == 0)
			return s->type;
	}
}

/* Is every segment of type `x` one of type `y`, too? */
static bool is_contained(enum pattern_type x, enum pattern_type y)
{
	return y == PATTERN_STR || (x == PATTERN_INT && y == PATTERN_FLOAT);
}

/* Two single segments never overlap in part: they are the same, apart, or one
 * contains the other. */
static enum pattern_relation compare_segments(const struct pattern_segment *x,
					      const struct pattern_segment *y)
{
	if (x->type == PATTERN_TEXT && y->type == PATTERN_TEXT)
		return strcmp(x->text, y->text) == 0 ? PATTERN_EQUAL : PATTERN_APART;
	if (x->type == y->type)
		return PATTERN_EQUAL;
	if (x->type == PATTERN_TEXT)
		return pattern_segment_is(y->type, x->text, strlen(x->text)) ? PATTERN_NARROWER
									     : PATTERN_APART;
	if (y->type == PATTERN_TEXT)
		return pattern_segment_is(x->type, y->text, strlen(y->text)) ? PATTERN_WIDER
									     : PATTERN_APART;
	if (is_contained(x->type, y->type))
		return PATTERN_NARROWER;
	return is_contained(y->type, x->type) ? PATTERN_WIDER : PATTERN_APART;
}

/* As compare_segments for what begins at segment `i` of both, one of them
 * being the rest of the path. */
static enum pattern_relation compare_rest(const struct pattern *x, const struct pattern *y,
					  size_t i)
{
	bool x_rest = x->segments[i].type == PATTERN_PATH;
	bool y_rest = y->segments[i].type == PATTERN_PATH;
	if (x_rest && y_rest)
		return PATTERN_EQUAL;
	return x_rest ? PATTERN_WIDER : PATTERN_NARROWER;
}

enum pattern_relation pattern_compare(const struct pattern *x, const struct pattern *y)
{
	size_t common = x->segment_count < y->segment_count ? x->segment_count : y->segment_count;
	bool narrower = false, wider = false, rest = false;
	for (size_t i = 0; i < common && !rest; i++) {
		rest = x->segments[i].type == PATTERN_PATH || y->segments[i].type == PATTERN_PATH;
		enum pattern_relation rel =
			rest ? compare_rest(x, y, i)
			     : compare_segments(&x->segments[i], &y->segments[i]);
		if (rel == PATTERN_APART)
			return PATTERN_APART;
		narrower |= rel == PATTERN_NARROWER;
		wider |= rel == PATTERN_WIDER;
	}
	if (!rest && x->segment_count != y->segment_count)
		return PATTERN_APART;
	if (narrower && wider)
		return PATTERN_CROSSED;
	return narrower ? PATTERN_NARROWER : wider ? PATTERN_WIDER : PATTERN_EQUAL;
}

bool pattern_is_ambiguous(const struct pattern *x, const struct pattern *y)
{
	enum pattern_relation rel = pattern_compare(x, y);
	return rel == PATTERN_EQUAL || rel == PATTERN_CROSSED;
}
