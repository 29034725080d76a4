/*
 * Request targets and Host values.
 *
 * Thread: any; pure functions.
 */
#include "http/target.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_port(const char *text, size_t len)
{
	unsigned port = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
		if (port > 65535)
			return false;
	}
	return true;
}

static bool is_v6_literal(const char *text, size_t len)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return inet_pton(AF_INET6, copy, &addr) == 1;
}

/* How much of it is a reg-name of RFC 3986, of which IPv4 addresses are a part. */
static size_t reg_name_len(const char *text, size_t len)
{
	size_t n = http_plain_name_len(text, len);
	while (len - n >= 3 && text[n] == '%' && is_hex(text[n + 1]) && is_hex(text[n + 2]))
		n += 3 + http_plain_name_len(text + n + 3, len - n - 3);
	return n;
}

static size_t v6_len(const char *text, size_t len)
{
	const char *end = memchr(text, ']', len);
	bool is_good = end && is_v6_literal(text + 1, (size_t)(end - text - 1));
	return is_good ? (size_t)(end + 1 - text) : 0;
}

bool http_host_is_valid(struct http_span host, bool may_be_empty)
{
	if (host.len == 0)
		return may_be_empty;
	size_t name = *host.at == '[' ? v6_len(host.at, host.len) : reg_name_len(host.at, host.len);
	if (name == 0 || name == host.len)
		return name != 0;
	return host.at[name] == ':' && is_port(host.at + name + 1, host.len - name - 1);
}

static void split_query(struct http_span rest, struct http_head *head)
{
	const char *mark = memchr(rest.at, '?', rest.len);
	head->path = (struct http_span){ rest.at, mark ? (size_t)(mark - rest.at) : rest.len };
	if (mark)
		head->query = (struct http_span){ mark + 1, rest.len - head->path.len - 1 };
}

static int parse_absolute(struct http_span target, struct http_head *head)
{
	size_t scheme = strncasecmp(target.at, "http://", 7) == 0    ? 7
			: strncasecmp(target.at, "https://", 8) == 0 ? 8
								     : 0;
	if (scheme == 0 || target.len < scheme)
		return -400;
	struct http_span rest = { target.at + scheme, target.len - scheme };
	size_t host = 0;
	while (host < rest.len && rest.at[host] != '/' && rest.at[host] != '?')
		host++;
	head->form = HTTP_ABSOLUTE_FORM;
	head->host = (struct http_span){ rest.at, host };
	if (!http_host_is_valid(head->host, false))
		return -400;
	split_query((struct http_span){ rest.at + host, rest.len - host }, head);
	if (head->path.len == 0)
		head->path = (struct http_span){ "/", 1 };
	return 0;
}

int http_target_parse(struct http_span target, struct http_head *head)
{
	if (target.len == 0 || !http_is_target_text(target.at, target.len))
		return -400;
	if (*target.at == '/') {
		head->form = HTTP_ORIGIN_FORM;
		split_query(target, head);
		return 0;
	}
	if (target.len == 1 && *target.at == '*' && head->method == HTTP_OPTIONS) {
		head->form = HTTP_ASTERISK_FORM;
		head->path = target;
		return 0;
	}
	return parse_absolute(target, head);
}
