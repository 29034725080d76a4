/*
 * Cookies and parameters of header values.
 *
 * Thread: any; pure functions.
 */
#include "http/form.h"

#include <string.h>

struct http_span http_trim(struct http_span s)
{
	while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

bool http_cookie_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
		      struct http_span *ret_value)
{
	while (*pos < len) {
		const char *start = text + *pos;
		const char *semi = memchr(start, ';', len - *pos);
		size_t n = semi ? (size_t)(semi - start) : len - *pos;
		const char *equals = memchr(start, '=', n);
		*pos += n + 1;
		if (!equals)
			continue;
		size_t name = (size_t)(equals - start);
		struct http_span value = http_trim((struct http_span){ equals + 1, n - name - 1 });
		if (value.len >= 2 && value.at[0] == '"' && value.at[value.len - 1] == '"')
			value = (struct http_span){ value.at + 1, value.len - 2 };
		*ret_name = http_trim((struct http_span){ start, name });
		*ret_value = value;
		return true;
	}
	return false;
}

bool http_cookie_is_valid(const char *name, const char *value)
{
	if (!http_is_token(name, strlen(name)))
		return false;
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (c <= 0x20 || c >= 0x7f || strchr("\",;\\", c))
			return false;
	}
	return true;
}

/* ---- name=value parameters ---- */

static const char *skip_blank(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

/* The token or quoted string at *at: quotes stay out, escapes stay in. At NULL
 * when the closing quote is missing. */
static struct http_span take_value(const char **at, const char *end)
{
	const char *start = *at, *i = start;
	if (i == end || *i != '"') {
		while (i < end && *i != ';' && *i != ' ' && *i != '\t')
			i++;
		*at = i;
		return (struct http_span){ start, (size_t)(i - start) };
	}
	for (i++; i < end && *i != '"'; i++) {
		if (*i == '\\' && i + 1 < end)
			i++;
	}
	if (i == end)
		return (struct http_span){ NULL, 0 };
	*at = i + 1;
	return (struct http_span){ start + 1, (size_t)(i - start - 1) };
}

int http_parameter_next(const char *text, size_t len, size_t *pos, struct http_span *ret_name,
			struct http_span *ret_value)
{
	const char *end = text + len;
	const char *at = *pos ? text + *pos : memchr(text, ';', len);
	struct http_span name = { NULL, 0 }, value = { NULL, 0 };
	if (at && at < end && *at != ';')
		return -400;
	do {
		if (!at || at == end)
			return 0;
		const char *start = skip_blank(at + 1, end);
		for (at = start; at < end && *at != '=' && *at != ';';)
			at++;
		name = http_trim((struct http_span){ start, (size_t)(at - start) });
	} while (name.len == 0 && (at == end || *at == ';'));
	if (at < end && *at == '=') {
		at++;
		value = take_value(&at, end);
		if (!value.at)
			return -400;
		at = skip_blank(at, end);
	}
	*ret_name = name;
	*ret_value = value;
	*pos = (size_t)(at - text);
	return 1;
}

/* The raw value of a parameter behind the first ';'; at NULL when absent or
 * malformed. */
static struct http_span find_parameter(struct http_span line, const char *name)
{
	struct http_span its, value;
	size_t pos = 0;
	while (http_parameter_next(line.at, line.len, &pos, &its, &value) == 1) {
		if (value.at && http_span_is(its, name))
			return value;
	}
	return (struct http_span){ NULL, 0 };
}

bool http_type_span_is(struct http_span value, const char *type)
{
	const char *semi = memchr(value.at, ';', value.len);
	size_t len = semi ? (size_t)(semi - value.at) : value.len;
	return http_span_is(http_trim((struct http_span){ value.at, len }), type);
}

long http_parameter(const char *text, size_t len, const char *name, char *to)
{
	struct http_span raw = find_parameter((struct http_span){ text, len }, name);
	if (!raw.at)
		return -1;
	bool is_quoted = raw.at[-1] == '"'; /* else it is the '=' */
	size_t n = 0;
	for (size_t i = 0; i < raw.len; i++) {
		if (is_quoted && raw.at[i] == '\\')
			i++;
		to[n++] = raw.at[i];
	}
	to[n] = '\0';
	return (long)n;
}
