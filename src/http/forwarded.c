/*
 * Reading of Forwarded and X-Forwarded-For, from the right: what trusted
 * proxies added there is well-formed, and whatever an untrusted client wrote
 * to its left cannot change how it is read.
 *
 * Thread: any; pure functions.
 */
#include "http/forwarded.h"

#include <string.h>
#include <strings.h>

#include "http/target.h"

/* ---- elements from the right ---- */

/* A list of elements, of which those from `end` on have been taken. */
struct rest {
	const char *text;
	const char *end; /* NULL: all of them */
	bool has_quotes;
};

/* From a closing quote to its opening one, or to the start. */
static const char *before_quoted(const char *text, const char *quote)
{
	while (quote > text) {
		quote--;
		const char *escape = quote;
		while (*quote == '"' && escape > text && escape[-1] == '\\')
			escape--;
		if (*quote == '"' && (quote - escape) % 2 == 0)
			break;
	}
	return quote;
}

static struct http_span trim(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	while (at < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct http_span){ at, (size_t)(end - at) };
}

/* Empty elements are passed over. */
static bool last_element(struct rest *r, struct http_span *ret)
{
	while (r->end) {
		const char *at = r->end;
		while (at > r->text && at[-1] != ',') {
			at--;
			if (r->has_quotes && *at == '"')
				at = before_quoted(r->text, at);
		}
		*ret = trim(at, r->end);
		r->end = at > r->text ? at - 1 : NULL;
		if (ret->len > 0)
			return true;
	}
	return false;
}

/* ---- nodes ---- */

static bool is_digits(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	return len > 0 && len <= 5;
}

static bool is_obfuscated(const char *text, size_t len)
{
	if (len < 2 || text[0] != '_')
		return false;
	for (size_t i = 1; i < len; i++) {
		char c = text[i];
		bool is_name = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			       (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
		if (!is_name)
			return false;
	}
	return true;
}

/* Nothing, or ":PORT". */
static bool is_port(const char *text, size_t len)
{
	return len == 0 || (text[0] == ':' &&
			    (is_digits(text + 1, len - 1) || is_obfuscated(text + 1, len - 1)));
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80"; with
 * `may_be_bare` also "2001:db8::1", as X-Forwarded-For has it. */
static bool read_node(struct http_span node, bool may_be_bare, struct addr *ret)
{
	const char *end = node.at + node.len;
	bool is_bracketed = node.len > 0 && *node.at == '[';
	const char *at = is_bracketed ? node.at + 1 : node.at;
	const char *stop =
		node.len == 0 ? NULL : memchr(at, is_bracketed ? ']' : ':', (size_t)(end - at));
	struct addr a;
	if (may_be_bare && !is_bracketed && addr_parse(node.at, node.len, ret) == 0)
		return true;
	if (!stop && is_bracketed)
		return false;
	stop = stop ? stop : end;
	/* Between brackets IPv6, without them IPv4. */
	bool has_colon = stop > at && memchr(at, ':', (size_t)(stop - at)) != NULL;
	const char *port = is_bracketed ? stop + 1 : stop;
	if (has_colon != is_bracketed || addr_parse(at, (size_t)(stop - at), &a) < 0 ||
	    !is_port(port, (size_t)(end - port)))
		return false;
	*ret = a;
	return true;
}

static enum http_scheme read_scheme(struct http_span s)
{
	return http_span_is(s, "https")  ? HTTP_SCHEME_HTTPS
	       : http_span_is(s, "http") ? HTTP_SCHEME_HTTP
					 : HTTP_SCHEME_UNSAID;
}

/* ---- elements of Forwarded ---- */

enum parameter { PARAMETER_FOR, PARAMETER_BY, PARAMETER_HOST, PARAMETER_PROTO, PARAMETERS };
static const char *const names[PARAMETERS] = { "for", "by", "host", "proto" };

static bool is_quotable(struct http_span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '"' || (text.at[i] == '\\' && ++i == text.len))
			return false;
	}
	return true;
}

/* A token, or what stands between quotes. Escapes stay: they are needed for
 * nothing that means something to us. */
static bool read_value(struct http_span raw, struct http_span *ret)
{
	*ret = raw;
	if (raw.len < 2 || raw.at[0] != '"' || raw.at[raw.len - 1] != '"')
		return http_is_token(raw.at, raw.len);
	*ret = (struct http_span){ raw.at + 1, raw.len - 2 };
	return is_quotable(*ret);
}

/* "name=value" into its place. False: it is malformed, or there already.
 * Extensions are checked and passed over. */
static bool read_pair(struct http_span pair, struct http_span values[PARAMETERS])
{
	const char *equals = memchr(pair.at, '=', pair.len);
	if (!equals)
		return false;
	struct http_span name = { pair.at, (size_t)(equals - pair.at) }, value;
	struct http_span raw = { equals + 1, pair.len - name.len - 1 };
	if (!http_is_token(name.at, name.len) || !read_value(raw, &value))
		return false;
	for (int i = 0; i < PARAMETERS; i++) {
		if (!http_span_is(name, names[i]))
			continue;
		if (values[i].at)
			return false;
		values[i] = value;
	}
	return true;
}

/* Behind the pair that begins at `at`: its semicolon, or the end. */
static const char *pair_end(const char *at, const char *end)
{
	bool is_quoted = false;
	for (; at < end && (is_quoted || *at != ';'); at++) {
		if (*at == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && *at == '\\' && at + 1 < end)
			at++;
	}
	return at;
}

static bool read_element(struct http_span element, struct http_span values[PARAMETERS])
{
	const char *at = element.at, *end = element.at + element.len;
	for (;;) {
		const char *stop = pair_end(at, end);
		struct http_span pair = trim(at, stop);
		if (pair.len > 0 && !read_pair(pair, values))
			return false;
		if (stop == end)
			return true;
		at = stop + 1;
	}
}

/* ---- the walk ---- */

/* False: it ends here. */
static bool take_element(struct http_span element, struct http_origin *o)
{
	struct http_span values[PARAMETERS] = { 0 };
	if (!read_element(element, values))
		return false;
	struct http_span node = values[PARAMETER_FOR], host = values[PARAMETER_HOST];
	struct addr client;
	bool is_named = node.at && read_node(node, false, &client);
	bool is_hidden =
		!node.at || is_obfuscated(node.at, node.len) || http_span_is(node, "unknown");
	if (!is_named && !is_hidden)
		return false;
	if (values[PARAMETER_PROTO].at && read_scheme(values[PARAMETER_PROTO]))
		o->scheme = read_scheme(values[PARAMETER_PROTO]);
	if (host.at && http_host_is_valid(host, false))
		o->host = host;
	if (is_named)
		o->client = client;
	return is_named;
}

static void walk(const struct http_head *head, const char *name, bool is_rfc,
		 const struct cidr_list *trusted, struct http_origin *o)
{
	for (size_t i = head->header_count; i-- > 0;) {
		const struct http_header *h = &head->headers[i];
		struct http_span element;
		if (strcasecmp(h->name, name) != 0)
			continue;
		struct rest r = { h->value, h->value + h->value_len, is_rfc };
		while (last_element(&r, &element)) {
			bool is_good = is_rfc ? take_element(element, o)
					      : read_node(element, true, &o->client);
			if (!is_good || !cidr_list_holds(trusted, &o->client))
				return;
		}
	}
}

/* The last value of all headers of a name; at NULL: there is none. */
static struct http_span last_value(const struct http_head *head, const char *name)
{
	struct http_span value = { NULL, 0 };
	for (size_t i = head->header_count; i-- > 0;) {
		const struct http_header *h = &head->headers[i];
		struct rest r = { h->value, h->value + h->value_len, false };
		if (strcasecmp(h->name, name) == 0 && last_element(&r, &value))
			return value;
	}
	return (struct http_span){ NULL, 0 };
}

void http_forwarded_read(const struct http_head *head, enum http_forwarded which,
			 const struct cidr_list *trusted, const struct addr *peer,
			 struct http_origin *ret)
{
	*ret = (struct http_origin){ .client = *peer };
	if (which == HTTP_FORWARDED_RFC)
		walk(head, "Forwarded", true, trusted, ret);
	if (which != HTTP_FORWARDED_X)
		return;
	walk(head, "X-Forwarded-For", false, trusted, ret);
	struct http_span scheme = last_value(head, "X-Forwarded-Proto");
	struct http_span host = last_value(head, "X-Forwarded-Host");
	if (scheme.at)
		ret->scheme = read_scheme(scheme);
	if (host.at && http_host_is_valid(host, false))
		ret->host = host;
}
