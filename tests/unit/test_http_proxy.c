/*
 * http/proxy: headers of the PROXY protocol. Each case is read as a whole, cut
 * at every byte, and with bytes behind it; what it ends with lies at the end of
 * a page.
 *
 * Thread: one.
 */
#include "http/proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "guard.h"
#include "unit.h"

struct row {
	const char *bytes;
	size_t len;
	const char *said; /* "192.0.2.1 4321 [tls]", "unknown", "self", "more", "bad" */
};

#define ROW(bytes, said) \
	{ \
		(bytes), sizeof(bytes) - 1, (said) \
	}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x10\xe1\x00\x50" /* 192.0.2.1:4321 */
#define V6 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02" \
	"\x10\xe1\x00\x50"
#define MAPPED \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x02" \
	"\x10\xe1\x00\x50"
#define TEN "\0\0\0\0\0\0\0\0\0\0"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define A10 "aaaaaaaaaa"
/* A line of 105 bytes but for its end. */
#define UNKNOWN_105 "PROXY UNKNOWN " A10 A10 A10 A10 A10 A10 A10 A10 A10 "a"

static long read_copy(const char *bytes, size_t len, struct http_proxy *ret)
{
	struct guard g;
	const char *copy = guard_put(&g, bytes, len);
	long rc = http_proxy_read(copy, len, ret);
	guard_close(&g);
	return rc;
}

static void say(long rc, const struct http_proxy *p, char *to)
{
	char text[ADDR_TEXT_SIZE];
	if (rc <= 0)
		strcpy(to, rc == 0 ? "more" : rc == ERR_SYNTAX ? "bad" : "?");
	else if (p->source == HTTP_PROXY_CLIENT)
		sprintf(to, "%s %u%s", addr_text(&p->client, text), p->port,
			p->is_tls ? " tls" : "");
	else
		sprintf(to, "%s%s", p->source == HTTP_PROXY_SELF ? "self" : "unknown",
			p->is_tls ? " tls" : "");
}

/* A header is not there before its last byte; what is certain to be none stays
 * that; and what lies behind it does not matter. */
static void check_cuts(const struct row *row, size_t index)
{
	struct http_proxy p;
	bool is_bad = strcmp(row->said, "bad") == 0, was_bad = false;
	for (size_t len = 0; len < row->len; len++) {
		long rc = read_copy(row->bytes, len, &p);
		bool is_fine = rc == 0 || (is_bad && rc == ERR_SYNTAX);
		ck_assert_msg(is_fine && !(was_bad && rc == 0), "row %zu, %zu bytes: %ld", index,
			      len, rc);
		was_bad = rc < 0;
	}
	static const char *const tails[] = { "G", "GET / HTTP/1.1\r\n\r\n", "\r\n", "\0" };
	for (size_t i = 0; i < array_len(tails) && strcmp(row->said, "more") != 0; i++) {
		char all[8192], said[100];
		size_t more = strlen(tails[i]) + 1;
		memcpy(all, row->bytes, row->len);
		memcpy(all + row->len, tails[i], more);
		long rc = read_copy(all, row->len + more, &p);
		say(rc, &p, said);
		ck_assert_str_eq(said, row->said);
		ck_assert_int_eq(rc, is_bad ? ERR_SYNTAX : (long)row->len);
	}
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct http_proxy p = { .port = 7 };
		char said[100];
		long rc = read_copy(rows[i].bytes, rows[i].len, &p);
		say(rc, &p, said);
		ck_assert_msg(strcmp(said, rows[i].said) == 0, "row %zu: '%s', not '%s'", i, said,
			      rows[i].said);
		ck_assert(rc > 0 ? rc == (long)rows[i].len : p.port == 7);
		check_cuts(&rows[i], i);
	}
}

START_TEST(lines_of_version_1_are_read)
{
	static const struct row rows[] = {
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80\r\n", "192.0.2.1 4321"),
		ROW("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
		    "255.255.255.255 65535"),
		ROW("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", "0.0.0.0 0"),
		ROW("PROXY TCP6 2001:db8::1 2001:db8::2 4321 80\r\n", "2001:db8::1 4321"),
		ROW("PROXY TCP6 2001:DB8::A ::1 4321 80\r\n", "2001:db8::a 4321"),
		ROW("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1 1"),
		ROW("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"),
		ROW("PROXY UNKNOWN\r\n", "unknown"),
		ROW("PROXY UNKNOWN \r\n", "unknown"),
		ROW("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", "unknown"),
		ROW("PROXY UNKNOWN whatever stands here\r\n", "unknown"),
		ROW(UNKNOWN_105 "\r\n", "unknown"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(other_lines_are_refused)
{
	static const struct row rows[] = {
		ROW("GET / HTTP/1.1\r\n", "bad"),
		ROW("P", "more"),
		ROW("POST", "bad"),
		ROW("PROXY", "more"),
		ROW("PROXY\r\n", "bad"),
		ROW("PROXY \r\n", "bad"),
		ROW("PROXY  TCP4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("proxy TCP4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW(" PROXY TCP4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("\r\nPROXY TCP4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY tcp4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP5 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY UDP4 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4\r\n", "bad"),
		ROW("PROXY TCP4 \r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 \r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80 \r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80 90\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1  198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4\t192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80\r", "more"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 80\rG", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 8\0\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 04321 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 080\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 65536 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 4321 65536\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 99999 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 100000 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 -1 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 +1 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 198.51.100.2 0x1 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.01 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.256 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 localhost 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 192.0.2.1 nowhere 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 2001:db8::1 2001:db8::2 4321 80\r\n", "bad"),
		ROW("PROXY TCP4 ::ffff:192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP6 192.0.2.1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP6 2001:db8::1 198.51.100.2 4321 80\r\n", "bad"),
		ROW("PROXY TCP6 [2001:db8::1] [::1] 4321 80\r\n", "bad"),
		ROW("PROXY TCP6 2001::db8::1 ::1 4321 80\r\n", "bad"),
		ROW("PROXY UNKNOWNX\r\n", "bad"),
		ROW("PROXY UNKNOW\r\n", "bad"),
		ROW("PROXY UNKNOWN\n", "bad"),
		ROW("PROXY UNKNOWN \x80\r\n", "bad"),
		ROW(UNKNOWN_105 "a\r\n", "bad"),
		ROW(UNKNOWN_105 "aa", "bad"),
		ROW(UNKNOWN_105 "a\r", "bad"),
		ROW(UNKNOWN_105 "\r", "more"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(headers_of_version_2_are_read)
{
	static const struct row rows[] = {
		ROW(SIGNATURE "\x21\x11\0\x0c" V4, "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x12\0\x0c" V4, "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x21\0\x24" V6, "2001:db8::1 4321"),
		ROW(SIGNATURE "\x21\x22\0\x24" V6, "2001:db8::1 4321"),
		ROW(SIGNATURE "\x21\x21\0\x24" MAPPED, "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x31\0\xd8" HUNDRED HUNDRED TEN "abcdef", "unknown"),
		ROW(SIGNATURE "\x21\x00\0\0", "unknown"),
		ROW(SIGNATURE "\x21\x01\0\0", "unknown"),
		ROW(SIGNATURE "\x21\x10\0\x0c" V4, "unknown"),
		ROW(SIGNATURE "\x21\x00\0\x05"
			      "abcde",
		    "unknown"),
		ROW(SIGNATURE "\x20\x00\0\0", "self"),
		ROW(SIGNATURE "\x20\x11\0\x0c" V4, "self"),
		ROW(SIGNATURE "\x20\xff\0\x03"
			      "abc",
		    "self"),
		/* TLVs: an authority, nothing, a checksum, a unique id. */
		ROW(SIGNATURE "\x21\x11\0\x10" V4 "\x02\0\x01"
			      "a",
		    "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\0", "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x11\0\x13" V4 "\x03\0\x04\0\0\0\0", "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x11\0\x13" V4 "\x04\0\0\x05\0\x01"
			      "a",
		    "192.0.2.1 4321"),
		ROW(SIGNATURE "\x21\x11\0\x73" V4 "\x04\0\x64" HUNDRED, "192.0.2.1 4321"),
		/* TLS: spoken, with a version inside, and not spoken. */
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x20\0\x05\x01\0\0\0\0", "192.0.2.1 4321 tls"),
		ROW(SIGNATURE "\x21\x11\0\x1a" V4 "\x20\0\x0b\x07\0\0\0\0\x21\0\x03"
			      "1.3",
		    "192.0.2.1 4321 tls"),
		ROW(SIGNATURE "\x21\x21\0\x2c" V6 "\x20\0\x05\x01\0\0\0\0", "2001:db8::1 4321 tls"),
		ROW(SIGNATURE "\x21\x11\0\x14" V4 "\x20\0\x05\x06\0\0\0\0", "192.0.2.1 4321"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(other_headers_are_refused)
{
	static const struct row rows[] = {
		ROW(SIGNATURE, "more"),
		ROW(SIGNATURE "\x21\x11\0", "more"),
		ROW(SIGNATURE "\x21\x11\0\x0c", "more"),
		ROW("\r\n\r\n\0\r\nQUIT\r", "bad"),
		ROW("\r\n\r\n\r\nQUIT\n", "bad"),
		ROW("\n", "bad"),
		ROW("\0", "bad"),
		ROW("\x16\x03\x01", "bad"),
		ROW(SIGNATURE "\x11\x11\0\x0c" V4, "bad"), /* version 1, 3 */
		ROW(SIGNATURE "\x31\x11\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x22\x11\0\x0c" V4, "bad"), /* another command */
		ROW(SIGNATURE "\x2f\x11\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x21\x41\0\x0c" V4, "bad"), /* another family */
		ROW(SIGNATURE "\x21\xf1\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x21\x13\0\x0c" V4, "bad"), /* another transport */
		ROW(SIGNATURE "\x21\x1f\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x21\x03\0\0", "bad"),
		ROW(SIGNATURE "\x21\x11\0\0", "bad"), /* shorter than its addresses */
		ROW(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\x10\xe1\0", "bad"),
		ROW(SIGNATURE "\x21\x21\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x21\x31\0\x0c" V4, "bad"),
		ROW(SIGNATURE "\x21\x11\0\x0d" V4 "\x04", "bad"), /* cut TLVs */
		ROW(SIGNATURE "\x21\x11\0\x0e" V4 "\x04\0", "bad"),
		ROW(SIGNATURE "\x21\x11\0\x0f" V4 "\x04\0\x01", "bad"),
		ROW(SIGNATURE "\x21\x11\0\x10" V4 "\x04\xff\xff"
			      "a",
		    "bad"),
		ROW(SIGNATURE "\x21\x11\0\x13" V4 "\x20\0\x04\x01\0\0\0", "bad"),
		ROW(SIGNATURE "\x21\x11\x0f\xf1", "bad"), /* 4081 bytes behind 16 */
		ROW(SIGNATURE "\x21\x11\xff\xff", "bad"),
		ROW(SIGNATURE "\x21\x11\x0f\xf0", "more"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(the_longest_header_is_taken)
{
	static const char head[] = SIGNATURE "\x21\x11\x0f\xf0" V4 "\x04\x0f\xe1";
	size_t len = sizeof(head) - 1;
	char all[HTTP_PROXY_V2_MAX] = "";
	struct http_proxy p;
	memcpy(all, head, len);
	ck_assert_int_eq(read_copy(all, sizeof(all) - 1, &p), 0);
	ck_assert_int_eq(read_copy(all, sizeof(all), &p), sizeof(all));
	ck_assert_int_eq(p.source, HTTP_PROXY_CLIENT);
}
END_TEST

UNIT_MAIN("http_proxy", lines_of_version_1_are_read, other_lines_are_refused,
	  headers_of_version_2_are_read, other_headers_are_refused, the_longest_header_is_taken)
