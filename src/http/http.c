/*
 * Methods, status texts, character classes, comma-separated lists.
 *
 * Thread: any; pure functions and constants.
 */
#include "http/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/find.h"

#define METHOD_NAME(name) [HTTP_##name] = { #name, sizeof(#name) - 1 },
static const struct http_span method_names[] = { HTTP_METHODS(METHOD_NAME) };
#undef METHOD_NAME

enum http_method http_method_find(const char *name, size_t len)
{
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		const struct http_span *its = &method_names[m];
		if (its->len == len && memcmp(its->at, name, len) == 0)
			return (enum http_method)m;
	}
	return HTTP_OTHER;
}

const char *http_method_name(enum http_method method)
{
	return method < HTTP_METHOD_COUNT ? method_names[method].at : "";
}

unsigned http_methods_parse(const char *text)
{
	unsigned methods = 0;
	if (strcmp(text, "*") == 0)
		return HTTP_ROUTABLE;
	for (;;) {
		size_t len = strcspn(text, ",");
		enum http_method m = http_method_find(text, len);
		if (m == HTTP_OTHER || !(HTTP_BIT(m) & HTTP_ROUTABLE))
			return 0;
		methods |= HTTP_BIT(m);
		if (text[len] == '\0')
			return methods;
		text += len + 1;
	}
}

char *http_methods_text(unsigned methods, char *to, size_t size)
{
	size_t at = 0;
	to[0] = '\0';
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (!(methods & HTTP_BIT(m)))
			continue;
		int n = snprintf(to + at, size - at, "%s%s", at ? ", " : "", method_names[m].at);
		if (n < 0 || (size_t)n >= size - at)
			break;
		at += (size_t)n;
	}
	return to;
}

struct status_text {
	int status;
	const char *text;
};

/* The registry of RFC 9110 section 16.2 and its additions, in order. */
static const struct status_text status_texts[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 102, "Processing" },
	{ 103, "Early Hints" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 203, "Non-Authoritative Information" },
	{ 204, "No Content" },
	{ 205, "Reset Content" },
	{ 206, "Partial Content" },
	{ 207, "Multi-Status" },
	{ 208, "Already Reported" },
	{ 226, "IM Used" },
	{ 300, "Multiple Choices" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 305, "Use Proxy" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 407, "Proxy Authentication Required" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 422, "Unprocessable Content" },
	{ 423, "Locked" },
	{ 424, "Failed Dependency" },
	{ 425, "Too Early" },
	{ 426, "Upgrade Required" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 451, "Unavailable For Legal Reasons" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 506, "Variant Also Negotiates" },
	{ 507, "Insufficient Storage" },
	{ 508, "Loop Detected" },
	{ 510, "Not Extended" },
	{ 511, "Network Authentication Required" },
};

const char *http_status_text(int status)
{
	size_t low = 0, high = array_len(status_texts);
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (status_texts[mid].status == status)
			return status_texts[mid].text;
		if (status_texts[mid].status < status)
			low = mid + 1;
		else
			high = mid;
	}
	return "";
}

/* ---- character classes ---- */

enum { TCHAR = 1, NAME_CHAR = 2, TARGET_CHAR = 4 };

/* Bits by byte: RFC 9110's tchar; what RFC 3986's reg-name may hold unescaped; what a
 * request target may: printable ASCII without the fragment's mark and without what no
 * client may leave unescaped and some servers take for something else. The bytes from
 * 0x80 on are none of these. */
static const unsigned char classes[256] = {
	/* clang-format off */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 7, 4, 1, 7, 5, 7, 7, 6, 6, 7, 7, 6, 7, 7, 4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 6, 4, 6, 4, 4,
	4, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 0, 4, 5, 7,
	5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 4, 5, 4, 7, 0,
	/* clang-format on */
};

static inline size_t class_len(const char *text, size_t len, unsigned char class)
{
	size_t i = 0;
	while (i < len && (classes[(unsigned char)text[i]] & class))
		i++;
	return i;
}

size_t http_token_len(const char *text, size_t len)
{
	return class_len(text, len, TCHAR);
}

bool http_is_token(const char *text, size_t len)
{
	return len > 0 && http_token_len(text, len) == len;
}

/* All but control characters, of which the tab may be there. */
bool http_is_field_value(const char *text, size_t len)
{
	size_t i = 0;
	while ((i += http_find_control(text + i, len - i)) < len) {
		if (text[i++] != '\t')
			return false;
	}
	return true;
}

size_t http_plain_name_len(const char *text, size_t len)
{
	return class_len(text, len, NAME_CHAR);
}

bool http_is_target_text(const char *text, size_t len)
{
	return class_len(text, len, TARGET_CHAR) == len;
}

bool http_span_is(struct http_span s, const char *word)
{
	return strlen(word) == s.len && strncasecmp(s.at, word, s.len) == 0;
}

/* Behind the member that begins at `i`. */
static size_t member_end(const char *text, size_t len, size_t i)
{
	bool quoted = false;
	for (; i < len; i++) {
		if (quoted && text[i] == '\\' && i + 1 < len)
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (text[i] == ',' && !quoted)
			break;
	}
	return i;
}

bool http_list_next(const char *text, size_t len, size_t *pos, struct http_span *ret_member)
{
	while (*pos < len) {
		size_t start = *pos;
		size_t end = member_end(text, len, start);
		*pos = end + 1;
		while (start < end && (text[start] == ' ' || text[start] == '\t'))
			start++;
		while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t'))
			end--;
		if (end > start) {
			*ret_member = (struct http_span){ text + start, end - start };
			return true;
		}
	}
	return false;
}
