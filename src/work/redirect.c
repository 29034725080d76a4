/*
 * Targets of redirects. The host is never made of what a client sent, and a path
 * never begins with two slashes, which browsers take for a host.
 *
 * Thread: see redirect.h.
 */
#include "work/redirect.h"

#include <string.h>

#include "base/err.h"
#include "http/target.h"

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* ---- parsing ---- */

struct parser {
	const char *text, *at; /* what is looked at, also when it is wrong */
	const char *why;
	struct redirect *to;
	struct arena *a;
};

static bool is_wrong(struct parser *p, const char *at, const char *why)
{
	p->at = at;
	p->why = why;
	return true;
}

static bool has_bad_status(struct parser *p)
{
	static const int known[] = { 301, 302, 303, 307, 308 };
	const char *t = p->text;
	size_t len = strcspn(t, " \t");
	for (size_t i = 0; i < array_len(known) && len == 3; i++) {
		if (t[0] == '3' && t[1] == '0' && t[2] == '0' + known[i] % 10)
			p->to->status = known[i];
	}
	if (p->to->status == 0)
		return is_wrong(p, t, "begins with a status: 301, 302, 303, 307 or 308");
	p->at = t + len + strspn(t + len, " \t");
	return *p->at == '\0' && is_wrong(p, p->at, "names no target behind the status");
}

/* http://HOST, https://HOST, or one slash. */
static bool has_bad_start(struct parser *p)
{
	const char *t = p->at;
	size_t scheme = strncmp(t, "https://", 8) == 0 ? 8 : strncmp(t, "http://", 7) == 0 ? 7 : 0;
	if (scheme == 0 && (t[0] != '/' || t[1] == '/'))
		return is_wrong(p, t, "leads to http://HOST, https://HOST or a path with one '/'");
	if (scheme == 0)
		return false;
	p->to->is_absolute = true;
	struct http_span host = { t + scheme, strcspn(t + scheme, "/?") };
	if (memchr(host.at, '{', host.len))
		return is_wrong(p, host.at, "has a parameter before the '/' that ends the host");
	return !http_host_is_valid(host, false) && is_wrong(p, host.at, "has no good host");
}

static bool has_bad_text(struct parser *p, const char *at, size_t len)
{
	for (const char *end = at + len; at < end; at++) {
		if (*at == '#')
			return is_wrong(p, at, "has a fragment, behind which no query can stand");
		if (*at == '%' && !(end - at > 2 && is_hex(at[1]) && is_hex(at[2])))
			return is_wrong(p, at, "has a '%' without two hex digits");
		if (!is_alnum(*at) && !strchr("-._~:/?[]@!$&'()*+,;=%", *at))
			return is_wrong(p, at, "has a character that is written as %XX");
		if (*at == '?')
			p->to->has_query = true;
	}
	return false;
}

static bool has_bad_param(struct parser *p, const char *at, size_t len, size_t *ret)
{
	char name[64];
	if (at[len] != '}')
		return is_wrong(p, at - 1, "has a '{' without '}'");
	int i = -1;
	if (len < sizeof(name)) {
		memcpy(name, at, len);
		name[len] = '\0';
		i = pattern_param(p->to->pattern, name);
	}
	if (i < 0)
		return is_wrong(p, at, "names a parameter that the route's pattern has not");
	*ret = (size_t)i;
	return false;
}

/* Text and parameters in turn. ERR_NOMEM, ERR_SYNTAX. */
static int read_pieces(struct parser *p)
{
	struct redirect *to = p->to;
	size_t most = 1;
	for (const char *c = p->at; *c; c++)
		most += 2 * (*c == '{');
	to->pieces = arena_alloc(p->a, most * sizeof(*to->pieces));
	const char *copy = arena_strdup(p->a, p->at);
	if (!to->pieces || !copy)
		return ERR_NOMEM;
	for (const char *at = p->at; *at;) {
		struct redirect_piece piece = { .text = copy + (at - p->at) };
		struct parser q = *p;
		bool bad;
		piece.len = strcspn(at, "{");
		if (piece.len > 0) {
			bad = has_bad_text(&q, at, piece.len);
			at += piece.len;
		} else {
			size_t len = strcspn(at + 1, "{}");
			piece.text = NULL;
			bad = has_bad_param(&q, at + 1, len, &piece.param);
			at += len + 2;
		}
		if (bad) {
			*p = q;
			return ERR_SYNTAX;
		}
		to->pieces[to->count++] = piece;
	}
	return 0;
}

int redirect_parse(struct redirect *ret, const char *text, const struct pattern *p, struct arena *a,
		   const char **ret_why, size_t *ret_at)
{
	struct redirect made = { .pattern = p };
	struct parser parser = { .text = text, .at = text, .to = &made, .a = a };
	int rc = has_bad_status(&parser) || has_bad_start(&parser) ? ERR_SYNTAX
								   : read_pieces(&parser);
	if (rc == ERR_SYNTAX) {
		*ret_why = parser.why;
		*ret_at = (size_t)(parser.at - text);
	}
	if (rc == 0)
		*ret = made;
	return rc;
}

/* ---- targets ---- */

/* Of a value that may be several segments the slashes are its own, and what
 * percent signs are left in it belong to escapes. */
static char *put_escaped(char *to, const char *value, bool is_path)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (is_alnum((char)c) || strchr("-._~", c) || (is_path && strchr("/%", c))) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = "0123456789ABCDEF"[c >> 4];
		*to++ = "0123456789ABCDEF"[c & 15];
	}
	return to;
}

static size_t size_of(const struct redirect *r, const char *const *params, const char *query)
{
	size_t size = strlen(query) + 2;
	for (size_t i = 0; i < r->count; i++) {
		const struct redirect_piece *p = &r->pieces[i];
		size += p->text ? p->len : 3 * strlen(params[p->param]);
	}
	return size;
}

char *redirect_target(const struct redirect *r, const char *const *params, const char *query,
		      struct arena *a)
{
	char *start = arena_alloc(a, size_of(r, params, query)), *to = start;
	if (!start)
		return NULL;
	for (size_t i = 0; i < r->count; i++) {
		const struct redirect_piece *p = &r->pieces[i];
		if (p->text) {
			memcpy(to, p->text, p->len);
			to += p->len;
			continue;
		}
		bool is_path = pattern_param_type(r->pattern, p->param) == PATTERN_PATH;
		to = put_escaped(to, params[p->param], is_path);
	}
	if (*query)
		*to++ = r->has_query ? '&' : '?';
	memcpy(to, query, strlen(query) + 1);
	while (!r->is_absolute && start[1] == '/')
		start++;
	return start;
}
