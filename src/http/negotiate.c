/*
 * Accept, Accept-Encoding, media types, JSON strings, and the daemon's error bodies.
 *
 * Thread: any; pure functions.
 */
#include "http/negotiate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/* "0.5" → 500; anything malformed counts as 1. */
static int read_quality(const char *at, const char *end)
{
	if (at == end || (*at != '0' && *at != '1'))
		return 1000;
	int q = *at == '1' ? 1000 : 0;
	int unit = 100;
	at++;
	if (at < end && *at == '.')
		at++;
	for (; at < end && *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10)
		q += (*at - '0') * unit;
	return q > 1000 ? 1000 : q;
}

/* Splits a member of Accept into its media range and quality. */
static struct http_span media_range(struct http_span member, int *ret_quality)
{
	const char *end = member.at + member.len;
	const char *semi = memchr(member.at, ';', member.len);
	struct http_span range = { member.at, semi ? (size_t)(semi - member.at) : member.len };
	while (range.len > 0 && (range.at[range.len - 1] == ' ' || range.at[range.len - 1] == '\t'))
		range.len--;
	*ret_quality = 1000;
	while (semi) {
		semi++;
		while (semi < end && (*semi == ' ' || *semi == '\t'))
			semi++;
		if (end - semi > 2 && (*semi | 0x20) == 'q' && semi[1] == '=')
			*ret_quality = read_quality(semi + 2, end);
		semi = memchr(semi, ';', (size_t)(end - semi));
	}
	return range;
}

bool http_accepts_json(const char *accept)
{
	struct http_span member;
	size_t pos = 0;
	int json = -1, text = -1, any_text = -1;
	bool json_is_first = false;
	if (!accept)
		return false;
	size_t len = strlen(accept);
	while (http_list_next(accept, len, &pos, &member)) {
		int q;
		struct http_span range = media_range(member, &q);
		if (http_span_is(range, "application/json") ||
		    http_span_is(range, "application/problem+json") ||
		    http_span_is(range, "application/*")) {
			json_is_first = json < 0 ? text < 0 && any_text < 0 : json_is_first;
			json = q > json ? q : json;
		} else if (http_span_is(range, "text/plain")) {
			text = q;
		} else if (http_span_is(range, "text/*")) {
			any_text = q;
		}
	}
	int plain = text >= 0 ? text : any_text;
	return json > 0 && (json > plain || (json == plain && json_is_first));
}

static enum http_coding find_coding(struct http_span name)
{
	if (http_span_is(name, "br"))
		return HTTP_CODING_BR;
	if (http_span_is(name, "gzip") || http_span_is(name, "x-gzip"))
		return HTTP_CODING_GZIP;
	return http_span_is(name, "identity") ? HTTP_CODING_NONE : HTTP_CODING_COUNT;
}

/* Fills in those that the header names, then the others: by "*", or refused. */
static void read_codings(const char *accept, int quality[HTTP_CODING_COUNT])
{
	struct http_span member;
	size_t pos = 0, len = strlen(accept);
	int rest = -1;
	while (http_list_next(accept, len, &pos, &member)) {
		int q;
		struct http_span name = media_range(member, &q);
		enum http_coding coding = find_coding(name);
		if (coding < HTTP_CODING_COUNT)
			quality[coding] = q;
		else if (http_span_is(name, "*"))
			rest = q;
	}
	for (int i = 0; i < HTTP_CODING_COUNT; i++) {
		/* Who speaks of others only takes identity too, but likes them better. */
		if (quality[i] < 0)
			quality[i] = rest < 0 ? 0 : rest;
	}
}

void http_accepted_codings(const char *accept, enum http_coding ret[HTTP_CODING_COUNT])
{
	int quality[HTTP_CODING_COUNT] = { -1, -1, -1 };
	size_t count = 0;
	read_codings(accept ? accept : "", quality);
	bool gzip_first = quality[HTTP_CODING_GZIP] > quality[HTTP_CODING_BR];
	for (int i = 0; i < HTTP_CODING_NONE; i++) {
		int coding = gzip_first ? HTTP_CODING_GZIP - i : HTTP_CODING_BR + i;
		if (quality[coding] > 0 && quality[coding] >= quality[HTTP_CODING_NONE])
			ret[count++] = (enum http_coding)coding;
	}
	ret[count] = HTTP_CODING_NONE;
}

bool http_type_is(const char *content_type, const char *type)
{
	size_t len = strcspn(content_type, "; \t");
	return len == strlen(type) && strncasecmp(content_type, type, len) == 0;
}

/* ---- JSON ---- */

static char *put_escape(char *to, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", name[] = "\"\\bfnrt";
	const char *known = strchr(from, c);
	*to++ = '\\';
	if (c && known) {
		*to++ = name[known - from];
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = hex[c >> 4];
	to[4] = hex[c & 15];
	return to + 5;
}

/* Good UTF-8; only ASCII is ever escaped. */
static char *put_byte(char *to, unsigned char c)
{
	if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
		return put_escape(to, c);
	*to = (char)c;
	return to + 1;
}

char *http_json_quote(struct arena *a, const char *text, size_t len)
{
	if (len > (SIZE_MAX - 3) / 6)
		return NULL;
	char *quoted = arena_alloc(a, len * 6 + 3);
	if (!quoted)
		return NULL;
	char *to = quoted;
	*to++ = '"';
	for (size_t i = 0; i < len;) {
		size_t end = i + utf8_good(text + i, len - i);
		for (; i < end; i++)
			to = put_byte(to, (unsigned char)text[i]);
		if (i < len) {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			i++;
		}
	}
	memcpy(to, "\"", 2);
	return quoted;
}

char *http_error_body(struct arena *a, bool json, int status, const char *detail,
		      const char *request_id, const char **ret_type)
{
	const char *title = http_status_text(status);
	if (!*title)
		title = status < 500 ? "Client Error" : "Server Error";
	char *body;
	if (json) {
		const char *quoted = detail ? http_json_quote(a, detail, strlen(detail)) : "";
		const char *id = http_json_quote(a, request_id, strlen(request_id));
		if (!quoted || !id)
			return NULL;
		body = arena_printf(a,
				    "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d"
				    "%s%s,\"request_id\":%s}\n",
				    title, status, detail ? ",\"detail\":" : "", quoted, id);
	} else {
		body = arena_printf(a, "%d %s\n%s%s", status, title, detail ? detail : "",
				    detail ? "\n" : "");
	}
	if (body)
		*ret_type = json ? "application/problem+json" : "text/plain; charset=utf-8";
	return body;
}
