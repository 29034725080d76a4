/*
 * Reading, writing and comparing of addresses.
 *
 * Thread: any; pure functions.
 */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/parse.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

struct addr addr_v4(const uint8_t bytes[4])
{
	struct addr a = { .kind = ADDR_V4 };
	memcpy(a.bytes, bytes, 4);
	return a;
}

struct addr addr_v6(const uint8_t bytes[16])
{
	struct addr a = { .kind = ADDR_V6 };
	if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
		return addr_v4(bytes + sizeof(mapped));
	memcpy(a.bytes, bytes, 16);
	return a;
}

struct addr addr_of_socket(const struct sockaddr *from)
{
	const void *any = from;
	if (from->sa_family == AF_INET)
		return addr_v4((const uint8_t *)&((const struct sockaddr_in *)any)->sin_addr);
	if (from->sa_family == AF_INET6)
		return addr_v6((const uint8_t *)&((const struct sockaddr_in6 *)any)->sin6_addr);
	return (struct addr){ .kind = ADDR_UNIX };
}

int addr_parse(const char *text, size_t len, struct addr *ret)
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return ERR_SYNTAX;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1)
		*ret = addr_v4(bytes);
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		*ret = addr_v6(bytes);
	else
		return ERR_SYNTAX;
	return 0;
}

/* inet_ntop would take longer than the rest of a line of the access log. */
static void put_v4(const uint8_t bytes[4], char *to)
{
	for (int i = 0; i < 4; i++) {
		unsigned n = bytes[i];
		if (n >= 100)
			*to++ = (char)('0' + n / 100);
		if (n >= 10)
			*to++ = (char)('0' + n / 10 % 10);
		*to++ = (char)('0' + n % 10);
		*to++ = i < 3 ? '.' : '\0';
	}
}

const char *addr_text(const struct addr *a, char *to)
{
	if (a->kind == ADDR_V4)
		put_v4(a->bytes, to);
	else if (a->kind == ADDR_UNIX || !inet_ntop(AF_INET6, a->bytes, to, ADDR_TEXT_SIZE))
		snprintf(to, ADDR_TEXT_SIZE, "unix");
	return to;
}

bool addr_is_same(const struct addr *a, const struct addr *b)
{
	return a->kind == b->kind && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* ---- ranges ---- */

/* The bits of the `i`th byte that belong to a prefix. */
static uint8_t mask(unsigned bits, unsigned i)
{
	unsigned left = bits > i * 8 ? bits - i * 8 : 0;
	return left >= 8 ? 0xff : (uint8_t)(0xff00 >> left);
}

bool cidr_holds(const struct cidr *c, const struct addr *a)
{
	if (c->base.kind != a->kind)
		return false;
	for (unsigned i = 0; i * 8 < c->bits; i++) {
		if ((c->base.bytes[i] ^ a->bytes[i]) & mask(c->bits, i))
			return false;
	}
	return true;
}

bool cidr_list_holds(const struct cidr_list *l, const struct addr *a)
{
	for (size_t i = 0; i < l->count; i++) {
		if (cidr_holds(&l->list[i], a))
			return true;
	}
	return false;
}

static int parse_bits(const char *text, unsigned most, unsigned *ret)
{
	int64_t bits;
	if (text[0] < '0' || text[0] > '9' || parse_int(text, &bits) < 0)
		return ERR_SYNTAX;
	if (bits > most)
		return ERR_RANGE;
	*ret = (unsigned)bits;
	return 0;
}

static bool has_rest(const struct cidr *c)
{
	for (unsigned i = 0; i < sizeof(c->base.bytes); i++) {
		if (c->base.bytes[i] & ~mask(c->bits, i))
			return true;
	}
	return false;
}

int cidr_parse(const char *text, struct cidr *ret)
{
	struct cidr c = { 0 };
	if (strcmp(text, "unix") == 0) {
		*ret = c;
		return 0;
	}
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int rc = addr_parse(text, len, &c.base);
	if (rc < 0)
		return rc;
	bool is_written_v6 = memchr(text, ':', len) != NULL;
	unsigned width = is_written_v6 ? 128 : 32;
	c.bits = width;
	if (slash && (rc = parse_bits(slash + 1, width, &c.bits)) < 0)
		return rc;
	if (is_written_v6 && c.base.kind == ADDR_V4) {
		if (c.bits < sizeof(mapped) * 8)
			return ERR_RANGE;
		c.bits -= sizeof(mapped) * 8;
	}
	if (has_rest(&c))
		return ERR_RANGE;
	*ret = c;
	return 0;
}
