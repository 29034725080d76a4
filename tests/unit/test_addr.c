/*
 * base/addr: addresses and ranges of them.
 *
 * Thread: one.
 */
#include "base/addr.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "unit.h"

START_TEST(addresses_are_read_and_written)
{
	static const struct {
		const char *text, *again; /* NULL: it is none */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:0DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:c000:201", "192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.1.1", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.01", NULL },
		{ "192.0.2.1 ", NULL },
		{ " 192.0.2.1", NULL },
		{ "192.0.2.1:80", NULL },
		{ "0x7f.1", NULL },
		{ "127.1", NULL },
		{ "[::1]", NULL },
		{ "::1%lo", NULL },
		{ "1::2::3", NULL },
		{ "12345::", NULL },
		{ "localhost", NULL },
		{ "unix", NULL },
		{ "00000000000000000000000000000000000000000000000000000000000::1", NULL },
	};
	char text[ADDR_TEXT_SIZE];
	for (size_t i = 0; i < array_len(rows); i++) {
		struct addr a;
		int rc = addr_parse(rows[i].text, strlen(rows[i].text), &a);
		ck_assert_msg(rc == (rows[i].again ? 0 : ERR_SYNTAX), "'%s': %d", rows[i].text, rc);
		if (rc == 0)
			ck_assert_str_eq(addr_text(&a, text), rows[i].again);
	}
	struct addr a;
	ck_assert_int_eq(addr_parse("1.2.3.4\0", 8, &a), ERR_SYNTAX);
	ck_assert_int_eq(addr_parse("1.2.3.45", 7, &a), 0);
	ck_assert_str_eq(addr_text(&a, text), "1.2.3.4");
}
END_TEST

START_TEST(addresses_of_sockets_are_taken)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr none = { .sa_family = AF_UNIX };
	char text[ADDR_TEXT_SIZE];
	struct addr a = addr_of_socket((struct sockaddr *)&v4);
	ck_assert_str_eq(addr_text(&a, text), "192.0.2.1");
	a = addr_of_socket((struct sockaddr *)&v6);
	ck_assert_str_eq(addr_text(&a, text), "::1");
	memcpy(&v6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	struct addr mapped = addr_of_socket((struct sockaddr *)&v6);
	a = addr_of_socket((struct sockaddr *)&v4);
	ck_assert(addr_is_same(&a, &mapped));
	a = addr_of_socket(&none);
	ck_assert_str_eq(addr_text(&a, text), "unix");
}
END_TEST

START_TEST(ranges_hold_what_begins_with_their_prefix)
{
	static const struct {
		const char *range, *addr;
		bool holds;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "a00::", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "192.0.2.1/32", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.1", true },
		{ "192.0.2.0/31", "192.0.2.2", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.129", true },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "2001:db8::/127", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
		{ "::ffff:10.0.0.0/104", "10.9.9.9", true },
		{ "::ffff:10.0.0.0/104", "11.9.9.9", false },
		{ "::ffff:192.0.2.1", "192.0.2.1", true },
		{ "unix", "192.0.2.1", false },
		{ "unix", "::", false },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct cidr c;
		struct addr a;
		ck_assert_msg(cidr_parse(rows[i].range, &c) == 0, "%s", rows[i].range);
		ck_assert_int_eq(addr_parse(rows[i].addr, strlen(rows[i].addr), &a), 0);
		ck_assert_msg(cidr_holds(&c, &a) == rows[i].holds, "%s in %s", rows[i].addr,
			      rows[i].range);
	}
	struct addr none = { .kind = ADDR_UNIX };
	struct cidr c;
	ck_assert(cidr_parse("unix", &c) == 0 && cidr_holds(&c, &none));
	ck_assert(cidr_parse("0.0.0.0/0", &c) == 0 && !cidr_holds(&c, &none));
}
END_TEST

START_TEST(ranges_that_cannot_be_meant_are_refused)
{
	static const struct {
		const char *range;
		int rc;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "/8", ERR_SYNTAX },
		{ "10.0.0.0/", ERR_SYNTAX },
		{ "10.0.0.0/x", ERR_SYNTAX },
		{ "10.0.0.0/-1", ERR_SYNTAX },
		{ "10.0.0.0/ 8", ERR_SYNTAX },
		{ "10.0.0.0/8/8", ERR_SYNTAX },
		{ "10.0.0.0/255.0.0.0", ERR_SYNTAX },
		{ "10.0.0/8", ERR_SYNTAX },
		{ "unix/8", ERR_SYNTAX },
		{ "localhost", ERR_SYNTAX },
		{ "10.0.0.0/33", ERR_RANGE },
		{ "10.0.0.0/99999999999999999999", ERR_SYNTAX },
		{ "10.0.0.1/8", ERR_RANGE },
		{ "10.0.0.0/6", ERR_RANGE },
		{ "::/129", ERR_RANGE },
		{ "2001:db8::1/64", ERR_RANGE },
		{ "::ffff:10.0.0.0/8", ERR_RANGE },
	};
	for (size_t i = 0; i < array_len(rows); i++) {
		struct cidr c = { .bits = 77 };
		int rc = cidr_parse(rows[i].range, &c);
		ck_assert_msg(rc == rows[i].rc, "'%s': %d", rows[i].range, rc);
		ck_assert_uint_eq(c.bits, 77);
	}
}
END_TEST

UNIT_MAIN("addr", addresses_are_read_and_written, addresses_of_sockets_are_taken,
	  ranges_hold_what_begins_with_their_prefix, ranges_that_cannot_be_meant_are_refused)
