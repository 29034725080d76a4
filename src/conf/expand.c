/*
 * From written to meant and back, one pass each, so that an error can name the
 * column it is about.
 *
 * Thread: boot and reload; reads the environment, which nobody changes.
 */
#include "conf/expand.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

enum { VARIABLE_MAX = 128 };

struct expansion {
	const struct written *w;
	size_t at; /* in w->text */
	struct buf out;
	struct conf_errors *errs;
};

static struct conf_place here(const struct expansion *x)
{
	struct conf_place place = x->w->place;
	place.column += (unsigned)x->at;
	return place;
}

static bool is_name_byte(char c, bool is_first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!is_first && c >= '0' && c <= '9');
}

/* A variable may hold anything; a value is one line of text. */
static bool is_line_of_text(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
			return false;
	}
	return utf8_good(text, len) == len;
}

static int add_variable(struct expansion *x, const char *name, const char *fallback,
			size_t fallback_len)
{
	const char *value = getenv(name);
	if (fallback && (!value || value[0] == '\0'))
		return buf_add(&x->out, fallback, fallback_len);
	if (!value) {
		conf_error(x->errs, here(x),
			   "environment variable %s is not set; set it, or write ${%s:-DEFAULT}",
			   name, name);
		return ERR_CONFIG;
	}
	if (!is_line_of_text(value)) {
		conf_error(x->errs, here(x),
			   "environment variable %s holds more than one line of UTF-8 text", name);
		return ERR_CONFIG;
	}
	return buf_add(&x->out, value, strlen(value));
}

/* At "${". */
static int variable(struct expansion *x)
{
	const char *p = x->w->text + x->at + 2;
	const char *end = memchr(p, '}', x->w->len - x->at - 2);
	if (!end) {
		conf_error(x->errs, here(x), "'${' without its '}'");
		return ERR_CONFIG;
	}
	size_t len = 0, left = (size_t)(end - p);
	while (len < left && is_name_byte(p[len], len == 0))
		len++;
	bool has_fallback = left - len >= 2 && p[len] == ':' && p[len + 1] == '-';
	if (len == 0 || len >= VARIABLE_MAX || (len < left && !has_fallback)) {
		conf_error(x->errs, here(x), "write ${NAME} or ${NAME:-DEFAULT}");
		return ERR_CONFIG;
	}
	char name[VARIABLE_MAX];
	memcpy(name, p, len);
	name[len] = '\0';
	int rc = add_variable(x, name, has_fallback ? p + len + 2 : NULL, left - len - 2);
	x->at += left + 3;
	return rc;
}

static int dollar(struct expansion *x)
{
	char next = x->at + 1 < x->w->len ? x->w->text[x->at + 1] : '\0';
	if (next == '{')
		return variable(x);
	if (next != '$') {
		conf_error(x->errs, here(x), "a single '$'; write $$, or ${NAME} for a variable");
		return ERR_CONFIG;
	}
	x->at += 2;
	return buf_add(&x->out, "$", 1);
}

static int backslash(struct expansion *x)
{
	char next = x->at + 1 < x->w->len ? x->w->text[x->at + 1] : '\0';
	if (next != '"' && next != '\\') {
		conf_error(x->errs, here(x),
			   "inside quotes a '\\' is written \\\\ and a '\"' \\\"");
		return ERR_CONFIG;
	}
	x->at += 2;
	return buf_add(&x->out, &next, 1);
}

static int step(struct expansion *x)
{
	const char *p = x->w->text + x->at;
	if (*p == '$')
		return dollar(x);
	if (*p == '\\' && x->w->is_quoted)
		return backslash(x);
	x->at++;
	return buf_add(&x->out, p, 1);
}

int expand_value(const struct written *w, struct arena *a, struct conf_errors *errs,
		 const char **ret_value)
{
	struct expansion x = { .w = w, .errs = errs };
	int rc = 0;
	while (rc == 0 && x.at < w->len)
		rc = step(&x);
	size_t len = buf_len(&x.out);
	if (rc == 0 && len > VALUE_MAX) {
		conf_error(errs, w->place, "the value is %zu bytes long; at most %d are allowed",
			   len, VALUE_MAX);
		rc = ERR_CONFIG;
	}
	const char *value = rc == 0 ? arena_strndup(a, len ? buf_head(&x.out) : "", len) : NULL;
	buf_done(&x.out);
	if (rc < 0)
		return rc;
	if (!value)
		return ERR_NOMEM;
	*ret_value = value;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool needs_quotes(const char *text)
{
	size_t len = strlen(text);
	if (len == 0)
		return false;
	if (text[0] == '"' || text[0] == ';' || is_blank(text[0]) || is_blank(text[len - 1]))
		return true;
	for (size_t i = 1; i < len; i++) {
		if (text[i] == ';' && is_blank(text[i - 1]))
			return true;
	}
	return false;
}

const char *expand_write(const char *text, struct arena *a)
{
	bool quote = needs_quotes(text);
	char *to = arena_alloc(a, 2 * strlen(text) + 3);
	if (!to)
		return NULL;
	char *p = to;
	if (quote)
		*p++ = '"';
	for (; *text; text++) {
		if (*text == '$')
			*p++ = '$';
		else if (quote && (*text == '"' || *text == '\\'))
			*p++ = '\\';
		*p++ = *text;
	}
	if (quote)
		*p++ = '"';
	*p = '\0';
	return to;
}
