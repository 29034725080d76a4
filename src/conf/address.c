/*
 * Taking apart what `listen` says.
 *
 * Thread: any; pure functions.
 */
#include "conf/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/parse.h"

static const char systemd[] = "systemd";
static const char is_none[] = "is none of HOST:PORT, [IPV6]:PORT, unix:/PATH and systemd";

static bool is_port(const char *text)
{
	int64_t port;
	return text[0] != '-' && parse_int(text, &port) == 0 && port <= 65535;
}

/* [IPV6]:PORT */
static bool is_v6_address(const char *text)
{
	const char *close = strchr(text, ']');
	char host[INET6_ADDRSTRLEN];
	size_t len = close ? (size_t)(close - text) - 1 : sizeof(host);
	struct in6_addr addr;
	if (len >= sizeof(host) || close[1] != ':')
		return false;
	memcpy(host, text + 1, len);
	host[len] = '\0';
	return inet_pton(AF_INET6, host, &addr) == 1 && is_port(close + 2);
}

/* As of FileDescriptorName=. */
static bool is_name(const char *text)
{
	return text[0] != '\0' && strcspn(text, ": \t") == strlen(text);
}

const char *address_name(const struct address *a)
{
	const char *behind = a->text + strlen(systemd);
	return *behind == ':' ? behind + 1 : behind;
}

/* "systemd" alone, or with a name behind a colon that is no port. */
static bool is_passed(const char *text)
{
	size_t len = strlen(systemd);
	return strncmp(text, systemd, len) == 0 &&
	       (text[len] == '\0' || (text[len] == ':' && !is_port(text + len + 1)));
}

static bool is_good(const struct address *a)
{
	const char *text = a->text;
	if (a->is_unix)
		return text[5] == '/' &&
		       strlen(text + 5) < sizeof(((struct sockaddr_un *)0)->sun_path);
	if (a->is_passed)
		return text[strlen(systemd)] == '\0' || is_name(address_name(a));
	if (text[0] == '[')
		return is_v6_address(text);
	size_t len = strcspn(text, ":/[] \t");
	return len > 0 && text[len] == ':' && is_port(text + len + 1);
}

/* The last word where it is "proxy", with the space before it; else the end. */
static const char *find_proxy(const char *value)
{
	size_t len = strlen(value), word = strlen("proxy");
	if (len <= word || strcmp(value + len - word, "proxy") != 0)
		return value + len;
	const char *end = value + len - word;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return end < value + len - word ? end : value + len;
}

struct address address_read(const char *value)
{
	struct address a = { .is_unix = strncmp(value, "unix:", 5) == 0 };
	const char *end = find_proxy(value);
	size_t len = (size_t)(end - value);
	a.announces = *end != '\0';
	snprintf(a.text, sizeof(a.text), "%.*s", (int)(len < sizeof(a.text) ? len : 0), value);
	a.is_passed = is_passed(a.text);
	if (is_good(&a))
		return a;
	a.error = is_none;
	size_t host = strcspn(a.text, " \t");
	if (!a.is_unix && a.text[host]) {
		a.text[host] = '\0';
		if (is_good(&a))
			a.error = "has a word behind the address; there is only proxy";
	}
	return a;
}
