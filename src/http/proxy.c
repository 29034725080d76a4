/*
 * Reading of PROXY headers, by the specification of HAProxy ("The PROXY
 * protocol", versions 1 and 2). What a header holds beside the client's address
 * and whether it spoke TLS is passed over, checksums too: the header comes from
 * an address that is trusted, over TCP.
 *
 * Thread: any; pure functions.
 */
#include "http/proxy.h"

#include <string.h>

#include "base/err.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* ---- version 1 ---- */

static const char v1_start[] = "PROXY ";

/* 0 to 65535 without a leading zero. */
static bool read_port(const char *text, size_t len, uint16_t *ret)
{
	unsigned port = 0;
	if (len == 0 || len > 5 || (text[0] == '0' && len > 1))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	*ret = (uint16_t)port;
	return port <= 65535;
}

/* The family that was said and the one it is written in must be the same. */
static bool read_addr(const char *text, size_t len, bool is_v6, struct addr *ret)
{
	bool has_colon = len > 0 && memchr(text, ':', len) != NULL;
	return has_colon == is_v6 && addr_parse(text, len, ret) == 0;
}

/* "SOURCE DESTINATION PORT PORT" */
static long read_tcp(const char *text, size_t len, bool is_v6, struct http_proxy *ret)
{
	const char *words[4];
	size_t lens[4];
	for (int i = 0; i < 4; i++) {
		const char *end = i < 3 ? memchr(text, ' ', len) : text + len;
		if (!end)
			return ERR_SYNTAX;
		words[i] = text;
		lens[i] = (size_t)(end - text);
		len -= i < 3 ? lens[i] + 1 : lens[i];
		text = end + 1;
	}
	struct http_proxy p = { .source = HTTP_PROXY_CLIENT };
	struct addr destination;
	uint16_t port;
	bool is_good = read_addr(words[0], lens[0], is_v6, &p.client) &&
		       read_addr(words[1], lens[1], is_v6, &destination) &&
		       read_port(words[2], lens[2], &p.port) && read_port(words[3], lens[3], &port);
	if (!is_good)
		return ERR_SYNTAX;
	*ret = p;
	return 0;
}

/* A line without its CR LF. */
static long read_line(const char *line, size_t len, struct http_proxy *ret)
{
	const char *text = line + sizeof(v1_start) - 1;
	size_t left = len - (sizeof(v1_start) - 1);
	if (left >= 5 && (memcmp(text, "TCP4 ", 5) == 0 || memcmp(text, "TCP6 ", 5) == 0))
		return read_tcp(text + 5, left - 5, text[3] == '6', ret);
	if (left < 7 || memcmp(text, "UNKNOWN", 7) != 0 || (left > 7 && text[7] != ' '))
		return ERR_SYNTAX;
	*ret = (struct http_proxy){ .source = HTTP_PROXY_UNKNOWN };
	return 0;
}

/* So much of a line as is there: can it still become one? */
static bool may_be_line(const char *buf, size_t len)
{
	static const char *const kinds[] = { "TCP4 ", "TCP6 ", "UNKNOWN" };
	size_t start = sizeof(v1_start) - 1;
	if (len <= start)
		return true;
	for (size_t i = 0; i < array_len(kinds); i++) {
		if (memcmp(buf + start, kinds[i], least(len - start, strlen(kinds[i]))) == 0)
			return true;
	}
	return false;
}

/* The first byte that cannot stand inside of a line, or the end. */
static size_t printable(const char *buf, size_t len)
{
	size_t i = 0;
	while (i < len && (unsigned char)buf[i] >= 0x20 && (unsigned char)buf[i] < 0x7f)
		i++;
	return i;
}

static long read_v1(const char *buf, size_t len, struct http_proxy *ret)
{
	size_t seen = least(len, HTTP_PROXY_V1_MAX);
	size_t end = printable(buf, seen);
	if (!may_be_line(buf, end))
		return ERR_SYNTAX;
	if (end == seen)
		return seen == HTTP_PROXY_V1_MAX ? ERR_SYNTAX : 0;
	if (buf[end] != '\r' || end < sizeof(v1_start) - 1)
		return ERR_SYNTAX;
	if (end + 1 == seen)
		return seen == HTTP_PROXY_V1_MAX ? ERR_SYNTAX : 0;
	if (buf[end + 1] != '\n')
		return ERR_SYNTAX;
	long rc = read_line(buf, end, ret);
	return rc < 0 ? rc : (long)end + 2;
}

/* ---- version 2 ---- */

static const char v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

enum {
	V2_START = sizeof(v2_start) - 1,
	V2_FIXED = 16, /* start, version and command, family, length */
	COMMAND_LOCAL = 0x20,
	COMMAND_PROXY = 0x21,
	TYPE_SSL = 0x20,
	CLIENT_SSL = 0x01,
};

/* Families of addresses, and how much room the two and their ports take. */
enum v2_family { V2_UNSPEC, V2_INET, V2_INET6, V2_UNIX, V2_FAMILIES };
static const size_t address_size[V2_FAMILIES] = { 0, 12, 36, 216 };

static size_t number(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* What comes behind the addresses: is it whole, and did the client speak TLS? */
static bool read_extras(const uint8_t *at, size_t len, bool *ret_is_tls)
{
	bool is_tls = false;
	while (len > 0) {
		if (len < 3 || number(at + 1) > len - 3)
			return false;
		size_t size = number(at + 1);
		if (at[0] == TYPE_SSL && size < 5)
			return false;
		if (at[0] == TYPE_SSL)
			is_tls = at[3] & CLIENT_SSL;
		at += 3 + size;
		len -= 3 + size;
	}
	*ret_is_tls = is_tls;
	return true;
}

/* `len` bytes behind the fixed part. */
static long read_block(const uint8_t *head, size_t len, struct http_proxy *ret)
{
	unsigned family = head[13] >> 4, transport = head[13] & 15;
	const uint8_t *block = head + V2_FIXED;
	struct http_proxy p = { .source = HTTP_PROXY_UNKNOWN };
	if (family >= V2_FAMILIES || transport > 2 || len < address_size[family])
		return ERR_SYNTAX;
	if (family == V2_UNSPEC) { /* nothing behind it can be told apart */
		*ret = p;
		return 0;
	}
	if (!read_extras(block + address_size[family], len - address_size[family], &p.is_tls))
		return ERR_SYNTAX;
	if (transport != 0 && (family == V2_INET || family == V2_INET6)) {
		size_t size = family == V2_INET ? 4 : 16;
		p.source = HTTP_PROXY_CLIENT;
		p.client = family == V2_INET ? addr_v4(block) : addr_v6(block);
		p.port = (uint16_t)number(block + 2 * size);
	}
	*ret = p;
	return 0;
}

static long read_v2(const uint8_t *head, size_t len, struct http_proxy *ret)
{
	if (len > 12 && head[12] != COMMAND_LOCAL && head[12] != COMMAND_PROXY)
		return ERR_SYNTAX;
	if (len < V2_FIXED)
		return 0;
	size_t block = number(head + 14);
	if (block > HTTP_PROXY_V2_MAX - V2_FIXED)
		return ERR_SYNTAX;
	if (len < V2_FIXED + block)
		return 0;
	if (head[12] == COMMAND_LOCAL)
		*ret = (struct http_proxy){ .source = HTTP_PROXY_SELF };
	else if (read_block(head, block, ret) < 0)
		return ERR_SYNTAX;
	return (long)(V2_FIXED + block);
}

long http_proxy_read(const char *buf, size_t len, struct http_proxy *ret)
{
	if (len == 0)
		return 0;
	if (memcmp(buf, v2_start, least(len, V2_START)) == 0)
		return read_v2((const uint8_t *)buf, len, ret);
	if (memcmp(buf, v1_start, least(len, sizeof(v1_start) - 1)) == 0)
		return read_v1(buf, len, ret);
	return ERR_SYNTAX;
}
