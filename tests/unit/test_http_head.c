/*
 * http/parse: each row is fed in one piece, in two pieces cut at every byte,
 * and byte by byte, with the same result.
 *
 * Thread: one.
 */
#include "http/parse.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

enum { HEADERS_MAX = 8, MORE = 1 };

static struct http_limits limits = { 600, 128, HEADERS_MAX, false };

struct row {
	const char *text;
	size_t len;
	int rc;              /* 0, MORE, or a negative status */
	const char *summary; /* of what is good */
};

#define GOOD(text, summary) \
	{ \
		text, sizeof(text) - 1, 0, summary \
	}
#define BAD(status, text) \
	{ \
		text, sizeof(text) - 1, -(status), NULL \
	}
#define WANTS_MORE(text) \
	{ \
		text, sizeof(text) - 1, MORE, NULL \
	}

#define LINE(line) line "\r\nHost: h\r\n\r\n"
#define TARGET(target) LINE("GET " target " HTTP/1.1")
#define WITH(fields) "GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n\r\n"
#define WITH_10(fields) "GET / HTTP/1.0\r\n" fields "\r\n\r\n"
#define HOST(value) "GET / HTTP/1.1\r\nHost:" value "\r\n\r\n"

/* "GET /path?query @host 1.1 keep …", in one line of text. */
static void summarize(const struct http_head *head, char *to)
{
	static const char *const forms[] = { "", " absolute", " asterisk" };
	static const char *const expects[] = { "", " continue", " expects" };
	to += sprintf(to, "%.*s %.*s%s%.*s @%.*s 1.%d %s%s", (int)head->method_text.len,
		      head->method_text.at, (int)head->path.len, head->path.at,
		      head->query.at ? "?" : "", (int)head->query.len,
		      head->query.at ? head->query.at : "", (int)head->host.len,
		      head->host.at ? head->host.at : "", head->minor,
		      head->keep_alive ? "keep" : "close", head->chunked ? " chunked" : "");
	if (head->has_length)
		to += sprintf(to, " %llu", (unsigned long long)head->length);
	sprintf(to, "%s%s", forms[head->form], expects[head->expect]);
}

/* Parses memory that ends with the head. */
static int parse(const char *text, size_t len, const struct http_lines *lines, char *summary)
{
	struct guard g;
	struct http_header headers[HEADERS_MAX];
	struct http_head head = { .minor = -1 };
	int rc = http_head_parse(guard_put(&g, text, len), len, &limits, lines, headers, &head);
	if (rc == 0)
		summarize(&head, summary);
	else
		ck_assert_int_eq(head.minor, -1);
	guard_close(&g);
	return rc;
}

/* Feeds `first` bytes, then `others` at a time. */
static int feed(const char *text, size_t len, size_t first, size_t others, char *summary)
{
	struct http_scan scan = { 0 };
	struct http_lines lines;
	size_t come = first < len ? first : len;
	for (;;) {
		struct guard g;
		long n = http_head_scan(guard_put(&g, text, come), come, &scan, &limits, &lines);
		guard_close(&g);
		ck_assert(scan.at <= come && n <= (long)come);
		if (n < 0)
			return (int)n;
		if (n > 0)
			return parse(text, (size_t)n, &lines, summary);
		if (come == len)
			return MORE;
		come += others < len - come ? others : len - come;
	}
}

static void check(const struct row *r, size_t first, size_t others)
{
	char summary[1024] = "";
	int rc = feed(r->text, r->len, first, others, summary);
	ck_assert_msg(rc == r->rc, "'%s' cut at %zu: %d", r->text, first, rc);
	if (r->summary)
		ck_assert_msg(strcmp(summary, r->summary) == 0, "'%s' cut at %zu: '%s'", r->text,
			      first, summary);
}

static void check_rows(const struct row *rows, size_t count)
{
	for (const struct row *r = rows; r < rows + count; r++) {
		for (size_t cut = 0; cut <= r->len; cut++)
			check(r, cut, r->len);
		check(r, 1, 1);
	}
}

START_TEST(request_lines_have_three_parts)
{
	static const struct row rows[] = {
		GOOD(LINE("GET / HTTP/1.1"), "GET / @h 1.1 keep"),
		GOOD(LINE("HEAD / HTTP/1.1"), "HEAD / @h 1.1 keep"),
		GOOD(LINE("POST /a HTTP/1.1"), "POST /a @h 1.1 keep"),
		GOOD(LINE("DELETE /a/b HTTP/1.1"), "DELETE /a/b @h 1.1 keep"),
		GOOD(LINE("PATCH / HTTP/1.1"), "PATCH / @h 1.1 keep"),
		GOOD(LINE("PROPFIND / HTTP/1.1"), "PROPFIND / @h 1.1 keep"),
		GOOD(LINE("get / HTTP/1.1"), "get / @h 1.1 keep"),
		GOOD(LINE("M-SEARCH / HTTP/1.1"), "M-SEARCH / @h 1.1 keep"),
		GOOD(LINE("!#$%&'*+-.^_`|~09 / HTTP/1.1"), "!#$%&'*+-.^_`|~09 / @h 1.1 keep"),
		BAD(400, LINE("GET")),
		BAD(400, LINE("GET /")),
		BAD(400, LINE("GET HTTP/1.1")),
		BAD(400, LINE("GET  / HTTP/1.1")),
		BAD(400, LINE("GET /  HTTP/1.1")),
		BAD(400, LINE("GET / HTTP/1.1 ")),
		BAD(400, LINE(" GET / HTTP/1.1")),
		BAD(400, LINE("GET\t/ HTTP/1.1")),
		BAD(400, LINE("GET /\tHTTP/1.1")),
		BAD(400, LINE("GET / HTTP/1.1\t")),
		BAD(400, LINE("GET / a HTTP/1.1")),
		BAD(400, LINE("G(T / HTTP/1.1")),
		BAD(400, LINE("G:T / HTTP/1.1")),
		BAD(400, LINE("\"GET\" / HTTP/1.1")),
		BAD(400, LINE("G\x01T / HTTP/1.1")),
		BAD(400, LINE("G\xc3\x89T / HTTP/1.1")),
		BAD(400, LINE("GET\0 / HTTP/1.1")),
		BAD(400, LINE("GET /\0 HTTP/1.1")),
		BAD(400, LINE("\x16\x03\x01\x02")),
		BAD(400, "Host: h\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(versions_are_one_point_something)
{
	static const struct row rows[] = {
		GOOD(LINE("GET / HTTP/1.0"), "GET / @h 1.0 close"),
		GOOD(LINE("GET / HTTP/1.1"), "GET / @h 1.1 keep"),
		GOOD(LINE("GET / HTTP/1.2"), "GET / @h 1.1 keep"),
		GOOD(LINE("GET / HTTP/1.9"), "GET / @h 1.1 keep"),
		BAD(505, LINE("GET / HTTP/0.9")),
		BAD(505, LINE("GET / HTTP/2.0")),
		BAD(505, LINE("GET / HTTP/3.0")),
		BAD(505, LINE("GET / HTTP/9.9")),
		BAD(505, LINE("PRI * HTTP/2.0")),
		BAD(400, LINE("GET / HTTP/2")),
		BAD(400, LINE("GET / HTTP/1")),
		BAD(400, LINE("GET / HTTP/1.")),
		BAD(400, LINE("GET / HTTP/.1")),
		BAD(400, LINE("GET / HTTP/1.10")),
		BAD(400, LINE("GET / HTTP/01.1")),
		BAD(400, LINE("GET / HTTP/1.01")),
		BAD(400, LINE("GET / HTTP/1.x")),
		BAD(400, LINE("GET / HTTP/x.1")),
		BAD(400, LINE("GET / HTTP/1,1")),
		BAD(400, LINE("GET / HTTP 1.1")),
		BAD(400, LINE("GET / http/1.1")),
		BAD(400, LINE("GET / Http/1.1")),
		BAD(400, LINE("GET / HTTPS/1.1")),
		BAD(400, LINE("GET / HTTP/-1.1")),
		BAD(400, LINE("GET / ICY/1.1")),
		BAD(400, LINE("GET / ")),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(targets_have_their_forms)
{
	static const struct row rows[] = {
		GOOD(TARGET("/a?b"), "GET /a?b @h 1.1 keep"),
		GOOD(TARGET("/?"), "GET /? @h 1.1 keep"),
		GOOD(TARGET("/a?b?c/d"), "GET /a?b?c/d @h 1.1 keep"),
		GOOD(TARGET("//a"), "GET //a @h 1.1 keep"),
		GOOD(TARGET("/a%20b"), "GET /a%20b @h 1.1 keep"),
		GOOD(TARGET("/*"), "GET /* @h 1.1 keep"),
		GOOD(TARGET("/http://x/"), "GET /http://x/ @h 1.1 keep"),
		GOOD(TARGET("http://x"), "GET / @x 1.1 keep absolute"),
		GOOD(TARGET("http://x/"), "GET / @x 1.1 keep absolute"),
		GOOD(TARGET("http://x/a?b"), "GET /a?b @x 1.1 keep absolute"),
		GOOD(TARGET("http://x?b"), "GET /?b @x 1.1 keep absolute"),
		GOOD(TARGET("HTTP://x/"), "GET / @x 1.1 keep absolute"),
		GOOD(TARGET("https://x/"), "GET / @x 1.1 keep absolute"),
		GOOD(TARGET("http://x:80/"), "GET / @x:80 1.1 keep absolute"),
		GOOD(TARGET("http://[::1]:80/a"), "GET /a @[::1]:80 1.1 keep absolute"),
		GOOD(TARGET("http://x//"), "GET // @x 1.1 keep absolute"),
		GOOD("GET http://x/ HTTP/1.0\r\n\r\n", "GET / @x 1.0 close absolute"),
		GOOD(LINE("OPTIONS * HTTP/1.1"), "OPTIONS * @h 1.1 keep asterisk"),
		GOOD(LINE("OPTIONS / HTTP/1.1"), "OPTIONS / @h 1.1 keep"),
		GOOD(LINE("OPTIONS http://x HTTP/1.1"), "OPTIONS / @x 1.1 keep absolute"),
		BAD(501, LINE("CONNECT x:443 HTTP/1.1")),
		BAD(501, LINE("CONNECT / HTTP/1.1")),
		BAD(400, TARGET("*")),
		BAD(400, LINE("OPTIONS ** HTTP/1.1")),
		BAD(400, LINE("OPTIONS *?a HTTP/1.1")),
		BAD(400, LINE("options * HTTP/1.1")),
		BAD(400, TARGET("a")),
		BAD(400, TARGET("x:443")),
		BAD(400, TARGET("?a")),
		BAD(400, TARGET("%2F")),
		BAD(400, TARGET("\\")),
		BAD(400, TARGET("/a#b")),
		BAD(400, TARGET("/a?b#c")),
		BAD(400, TARGET("/a\\b")),
		BAD(400, TARGET("/\x01")),
		BAD(400, TARGET("/\x7f")),
		BAD(400, TARGET("/\xc3\xa9")),
		BAD(400, TARGET("/\x80")),
		BAD(400, TARGET("http:")),
		BAD(400, TARGET("http:/")),
		BAD(400, TARGET("http:/x")),
		BAD(400, TARGET("http://")),
		BAD(400, TARGET("http:///a")),
		BAD(400, TARGET("http://?a")),
		BAD(400, TARGET("http://:80/")),
		BAD(400, TARGET("http://u@x/")),
		BAD(400, TARGET("http://u:p@x/")),
		BAD(400, TARGET("http://x:y/")),
		BAD(400, TARGET("http://x:99999/")),
		BAD(400, TARGET("http://[::1/")),
		BAD(400, TARGET("http://x#a")),
		BAD(400, TARGET("ftp://x/")),
		BAD(400, TARGET("httpx://x/")),
		BAD(400, "GET http://x/ HTTP/1.1\r\n\r\n"),
		BAD(400, "GET http://x/ HTTP/1.1\r\nHost:\r\n\r\n"),
		BAD(400, "GET http://x/ HTTP/1.0\r\nHost:\r\n\r\n"),
		BAD(400, "GET http://x/ HTTP/1.1\r\nHost: a b\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(host_is_one_good_name)
{
	static const struct row rows[] = {
		GOOD(HOST(" h"), "GET / @h 1.1 keep"),
		GOOD(HOST("h"), "GET / @h 1.1 keep"),
		GOOD(HOST("\t h \t"), "GET / @h 1.1 keep"),
		GOOD(HOST(" h:8080"), "GET / @h:8080 1.1 keep"),
		GOOD(HOST(" h:"), "GET / @h: 1.1 keep"),
		GOOD(HOST(" h:65535"), "GET / @h:65535 1.1 keep"),
		GOOD(HOST(" a.b-c.d_e"), "GET / @a.b-c.d_e 1.1 keep"),
		GOOD(HOST(" 127.0.0.1:80"), "GET / @127.0.0.1:80 1.1 keep"),
		GOOD(HOST(" [::1]"), "GET / @[::1] 1.1 keep"),
		GOOD(HOST(" [2001:db8::1]:80"), "GET / @[2001:db8::1]:80 1.1 keep"),
		GOOD(HOST(" [::ffff:1.2.3.4]"), "GET / @[::ffff:1.2.3.4] 1.1 keep"),
		GOOD(HOST(" a%20b"), "GET / @a%20b 1.1 keep"),
		GOOD(HOST(""), "GET / @ 1.1 keep"),
		GOOD(HOST("  "), "GET / @ 1.1 keep"),
		GOOD("GET / HTTP/1.1\r\nhOST: h\r\n\r\n", "GET / @h 1.1 keep"),
		GOOD("GET / HTTP/1.0\r\n\r\n", "GET / @ 1.0 close"),
		BAD(400, "GET / HTTP/1.1\r\n\r\n"),
		BAD(400, "GET / HTTP/1.2\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\nHosts: h\r\n\r\n"),
		BAD(400, WITH("Host: h")),
		BAD(400, WITH("host: other")),
		BAD(400, WITH("Host:")),
		BAD(400, WITH_10("Host: h\r\nHost: h")),
		BAD(400, WITH_10("Host: a/b")),
		BAD(400, HOST(" u@h")),
		BAD(400, HOST(" u:p@h")),
		BAD(400, HOST(" h:x")),
		BAD(400, HOST(" h:80x")),
		BAD(400, HOST(" h:-1")),
		BAD(400, HOST(" h:65536")),
		BAD(400, HOST(" h:99999999999999999999")),
		BAD(400, HOST(" h:80:80")),
		BAD(400, HOST(" :80")),
		BAD(400, HOST(" a b")),
		BAD(400, HOST(" a, b")),
		BAD(400, HOST(" a/b")),
		BAD(400, HOST(" http://h")),
		BAD(400, HOST(" a\\b")),
		BAD(400, HOST(" a?b")),
		BAD(400, HOST(" a#b")),
		BAD(400, HOST(" <h>")),
		BAD(400, HOST(" a%2")),
		BAD(400, HOST(" a%zz")),
		BAD(400, HOST(" h\xc3\xa9")),
		BAD(400, HOST(" ::1")),
		BAD(400, HOST(" [::1")),
		BAD(400, HOST(" ::1]")),
		BAD(400, HOST(" []")),
		BAD(400, HOST(" [:::1]")),
		BAD(400, HOST(" [1.2.3.4]")),
		BAD(400, HOST(" [::g]")),
		BAD(400, HOST(" [::1%25lo]")),
		BAD(400, HOST(" [::1]x")),
		BAD(400, HOST(" [::1]:x")),
		BAD(400, HOST(" [[::1]]")),
		BAD(400, HOST(" [1:2:3:4:5:6:7:8:9]")),
		BAD(400, HOST(" [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]")),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(content_length_is_one_plain_number)
{
	static const struct row rows[] = {
		GOOD(WITH("Content-Length: 0"), "GET / @h 1.1 keep 0"),
		GOOD(WITH("Content-Length: 5"), "GET / @h 1.1 keep 5"),
		GOOD(WITH("content-length:5"), "GET / @h 1.1 keep 5"),
		GOOD(WITH("CONTENT-LENGTH:\t5 "), "GET / @h 1.1 keep 5"),
		GOOD(WITH("Content-Length: 0005"), "GET / @h 1.1 keep 5"),
		GOOD(WITH("Content-Length: 00000000000000000000000000000005"),
		     "GET / @h 1.1 keep 5"),
		GOOD(WITH("Content-Length: 18446744073709551615"),
		     "GET / @h 1.1 keep 18446744073709551615"),
		GOOD(WITH("X-Content-Length: x"), "GET / @h 1.1 keep"),
		GOOD(WITH("Content_Length: x"), "GET / @h 1.1 keep"),
		GOOD(WITH_10("Content-Length: 5"), "GET / @ 1.0 close 5"),
		BAD(400, WITH("Content-Length:")),
		BAD(400, WITH("Content-Length: ")),
		BAD(400, WITH("Content-Length: +5")),
		BAD(400, WITH("Content-Length: -5")),
		BAD(400, WITH("Content-Length: -0")),
		BAD(400, WITH("Content-Length: 0x5")),
		BAD(400, WITH("Content-Length: a")),
		BAD(400, WITH("Content-Length: 5a")),
		BAD(400, WITH("Content-Length: 5 5")),
		BAD(400, WITH("Content-Length: 5\t5")),
		BAD(400, WITH("Content-Length: 5, 5")),
		BAD(400, WITH("Content-Length: 5,5")),
		BAD(400, WITH("Content-Length: 5,")),
		BAD(400, WITH("Content-Length: ,5")),
		BAD(400, WITH("Content-Length: 5;")),
		BAD(400, WITH("Content-Length: 5.0")),
		BAD(400, WITH("Content-Length: 1e1")),
		BAD(400, WITH("Content-Length: \"5\"")),
		BAD(400, WITH("Content-Length: 1_0")),
		BAD(400, WITH("Content-Length: \xd9\xa5")),
		BAD(400, WITH("Content-Length: 5\x0b")),
		BAD(400, WITH("Content-Length: 18446744073709551616")),
		BAD(400, WITH("Content-Length: 18446744073709551621")),
		BAD(400, WITH("Content-Length: 99999999999999999999999999")),
		BAD(400, WITH("Content-Length: 5\r\nContent-Length: 5")),
		BAD(400, WITH("Content-Length: 5\r\nContent-Length: 6")),
		BAD(400, WITH("Content-Length: 5\r\nA: b\r\ncontent-length: 5")),
		BAD(400, WITH("Content-Length: 5\r\nContent-Length:")),
		BAD(400, WITH_10("Content-Length: 5\r\nContent-Length: 5")),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(transfer_encoding_is_chunked_alone)
{
	static const struct row rows[] = {
		GOOD(WITH("Transfer-Encoding: chunked"), "GET / @h 1.1 keep chunked"),
		GOOD(WITH("transfer-encoding:ChUnKeD\t"), "GET / @h 1.1 keep chunked"),
		GOOD(WITH("Transfer_Encoding: gzip"), "GET / @h 1.1 keep"),
		GOOD(WITH("TE: trailers"), "GET / @h 1.1 keep"),
		BAD(501, WITH("Transfer-Encoding: gzip")),
		BAD(501, WITH("Transfer-Encoding: identity")),
		BAD(501, WITH("Transfer-Encoding: gzip, chunked")),
		BAD(501, WITH("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked")),
		BAD(501, WITH("Transfer-Encoding: xchunked")),
		BAD(501, WITH("Transfer-Encoding: chunkedx")),
		BAD(501, WITH("Transfer-Encoding: chunked;a=b")),
		BAD(501, WITH("Transfer-Encoding: \"chunked\"")),
		BAD(501, WITH("Transfer-Encoding: chun ked")),
		BAD(501, WITH("Transfer-Encoding: chunked\xa0")),
		BAD(400, WITH("Transfer-Encoding:")),
		BAD(400, WITH("Transfer-Encoding: ,")),
		BAD(400, WITH("Transfer-Encoding: chunked,")),
		BAD(400, WITH("Transfer-Encoding: , chunked")),
		BAD(400, WITH("Transfer-Encoding: chunked\t,")),
		BAD(400, WITH("Transfer-Encoding: chunked, chunked")),
		BAD(400, WITH("Transfer-Encoding: chunked, gzip")),
		BAD(400, WITH("Transfer-Encoding: chunked, identity")),
		BAD(400, WITH("Transfer-Encoding: gzip, chunked, gzip")),
		BAD(400, WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")),
		BAD(400, WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip")),
		BAD(400, WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding:")),
		BAD(400, WITH("Transfer-Encoding: \x0b"
			      "chunked")),
		BAD(400, WITH("Transfer-Encoding : chunked")),
		BAD(400, WITH("Transfer-Encoding: chunked\r\nContent-Length: 5")),
		BAD(400, WITH("Content-Length: 5\r\nTransfer-Encoding: chunked")),
		BAD(400, WITH("Content-Length: 0\r\nTransfer-Encoding: chunked")),
		BAD(400, WITH("Content-Length: 5\r\nA: b\r\ntransfer-encoding: gzip")),
		BAD(400, WITH("Transfer-Encoding: identity\r\nContent-Length: 5")),
		BAD(400, WITH_10("Transfer-Encoding: chunked")),
		BAD(400, WITH_10("Transfer-Encoding: gzip")),
		BAD(400, WITH_10("Connection: keep-alive\r\nTransfer-Encoding: chunked")),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(connection_says_whether_it_stays)
{
	static const struct row rows[] = {
		GOOD(WITH("Connection: close"), "GET / @h 1.1 close"),
		GOOD(WITH("connection:CLOSE"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: keep-alive"), "GET / @h 1.1 keep"),
		GOOD(WITH("Connection:"), "GET / @h 1.1 keep"),
		GOOD(WITH("Connection: upgrade"), "GET / @h 1.1 keep"),
		GOOD(WITH("Connection: closed"), "GET / @h 1.1 keep"),
		GOOD(WITH("Connection: not close"), "GET / @h 1.1 keep"),
		GOOD(WITH("Connection: x, close"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: ,close,"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: close, keep-alive"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: keep-alive, close"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: close\r\nConnection: keep-alive"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: keep-alive\r\nConnection: close"), "GET / @h 1.1 close"),
		GOOD(WITH("Connection: x\r\nA: b\r\nConnection: y, Close"), "GET / @h 1.1 close"),
		GOOD(WITH("Proxy-Connection: close"), "GET / @h 1.1 keep"),
		GOOD(WITH_10("A: b"), "GET / @ 1.0 close"),
		GOOD(WITH_10("Connection: keep-alive"), "GET / @ 1.0 keep"),
		GOOD(WITH_10("Connection: Keep-Alive"), "GET / @ 1.0 keep"),
		GOOD(WITH_10("Connection: x, keep-alive"), "GET / @ 1.0 keep"),
		GOOD(WITH_10("Connection: keep-alive, close"), "GET / @ 1.0 close"),
		GOOD(WITH_10("Connection: close"), "GET / @ 1.0 close"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(expectations_are_told)
{
	static const struct row rows[] = {
		GOOD(WITH("Expect: 100-continue"), "GET / @h 1.1 keep continue"),
		GOOD(WITH("expect:100-Continue "), "GET / @h 1.1 keep continue"),
		GOOD(WITH("Expect: 100-continue\r\nExpect: 100-continue"),
		     "GET / @h 1.1 keep continue"),
		GOOD(WITH("Expect: 200-ok"), "GET / @h 1.1 keep expects"),
		GOOD(WITH("Expect:"), "GET / @h 1.1 keep expects"),
		GOOD(WITH("Expect: 100-continue, x"), "GET / @h 1.1 keep expects"),
		GOOD(WITH("Expect: x\r\nExpect: 100-continue"), "GET / @h 1.1 keep expects"),
		GOOD(WITH("Expect: 100-continue\r\nExpect: x"), "GET / @h 1.1 keep expects"),
		GOOD(WITH_10("Expect: 100-continue"), "GET / @ 1.0 close"),
		GOOD(WITH_10("Expect: x"), "GET / @ 1.0 close"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(fields_have_names_and_values)
{
	static const struct row rows[] = {
		GOOD(WITH("A:b"), "GET / @h 1.1 keep"),
		GOOD(WITH("A:"), "GET / @h 1.1 keep"),
		GOOD(WITH("A: :"), "GET / @h 1.1 keep"),
		GOOD(WITH("A: b\tc"), "GET / @h 1.1 keep"),
		GOOD(WITH("A: \x80\xff\xc3\xa9"), "GET / @h 1.1 keep"),
		GOOD(WITH("A: b\r\nA: b"), "GET / @h 1.1 keep"),
		GOOD(WITH("!#$%&'*+-.^_`|~09: b"), "GET / @h 1.1 keep"),
		BAD(400, WITH("A")),
		BAD(400, WITH("A b")),
		BAD(400, WITH(":")),
		BAD(400, WITH(": b")),
		BAD(400, WITH("A : b")),
		BAD(400, WITH("A\t: b")),
		BAD(400, WITH(" A: b")),
		BAD(400, WITH("\tA: b")),
		BAD(400, WITH("A B: c")),
		BAD(400, WITH("A(: b")),
		BAD(400, WITH("A\": b")),
		BAD(400, WITH("A/B: c")),
		BAD(400, WITH("A\xc3\xa9: b")),
		BAD(400, WITH("A\x7f: b")),
		BAD(400, WITH("A: b\r\n c")),
		BAD(400, WITH("A: b\r\n\tc")),
		BAD(400, WITH("A: b\r\n ")),
		BAD(400, WITH("A:\r\n b")),
		BAD(400, WITH("A: b\x01")),
		BAD(400, WITH("A: b\x08")),
		BAD(400, WITH("A: b\x0b"
			      "c")),
		BAD(400, WITH("A: b\x0c"
			      "c")),
		BAD(400, WITH("A: b\x1b[m")),
		BAD(400, WITH("A: b\x1f")),
		BAD(400, WITH("A: b\x7f")),
		BAD(400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(lines_end_with_crlf)
{
	static const struct row rows[] = {
		BAD(400, "GET / HTTP/1.1\nHost: h\n\n"),
		BAD(400, "GET / HTTP/1.1\nHost: h\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\r\nA: b\nC: d\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\rHost: h\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\rHost: h\r\n\r\n"),
		BAD(400, "GET /\r HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n"),
		BAD(400, WITH("A: b\rc")),
		BAD(400, WITH("A: b\r")),
		BAD(400, WITH("A: \rb")),
		BAD(400, WITH("A\r: b")),
		BAD(400, WITH("A: b\rTransfer-Encoding: chunked")),
		BAD(400, WITH("A: b\0c")),
		BAD(400, WITH("A\0: b")),
		BAD(400, WITH("\0")),
		BAD(400, "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, "\r\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, "\r GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, " \r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
		BAD(400, "\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(a_few_empty_lines_may_come_first)
{
	static const struct row rows[] = {
		GOOD("\r\n" TARGET("/"), "GET / @h 1.1 keep"),
		GOOD("\r\n\r\n\r\n" TARGET("/"), "GET / @h 1.1 keep"),
		BAD(400, "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" TARGET("/")),
		BAD(400, "\r\n\r\nHost: h\r\n\r\n"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(what_is_not_complete_is_waited_for)
{
	static const struct row rows[] = {
		WANTS_MORE(""),
		WANTS_MORE("G"),
		WANTS_MORE("GET"),
		WANTS_MORE("GET "),
		WANTS_MORE("GET /"),
		WANTS_MORE("GET / HTTP/1.1"),
		WANTS_MORE("GET / HTTP/1.1\r"),
		WANTS_MORE("GET / HTTP/1.1\r\n"),
		WANTS_MORE("GET / HTTP/1.1\r\nHost: h"),
		WANTS_MORE("GET / HTTP/1.1\r\nHost: h\r\n"),
		WANTS_MORE("GET / HTTP/1.1\r\nHost: h\r\n\r"),
		WANTS_MORE("\r"),
		WANTS_MORE("\r\n"),
		WANTS_MORE("\r\n\r\n"),
		WANTS_MORE("\r\n\r"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

/* None of these lines is complete. */
START_TEST(what_no_head_may_hold_is_refused_at_once)
{
	static const struct row rows[] = {
		BAD(400, "GET / HTTP/1.1\r\nA\0"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\x01"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\x1f"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\x7f"),
		BAD(400, "GET / HTTP/1.1\r\nA: bcdefgh\x7f"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\rc"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\r\r"),
		BAD(400, "GET / HTTP/1.1\r\nA: b\n"),
		BAD(400, "GET / HTTP/1.1\r\n\n"),
		BAD(400, "GET /\0"),
		BAD(400, "GET /\x7f"),
		BAD(400, "GET /\n"),
		BAD(400, "GET\r\r"),
		BAD(400, "GET\t/"),
		BAD(400, "\n"),
		BAD(400, "\0"),
		BAD(400, "\r\0"),
		BAD(400, " "),
		BAD(400, "\x16\x03\x01"),
		BAD(400, "G\xff"),
		BAD(400, "SSH-2.0-x/"),
		BAD(400, "GET / HTTP/1.1 "),
		BAD(400, "GET / and so on"),
		BAD(400, "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"),
		WANTS_MORE("GET / HTTP/1.1\r\nA: b\t\xff \r"),
		WANTS_MORE("GET / HTTP/1.1\r\n\r"),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(a_limit_may_be_lowered_between_two_scans)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h";
	struct http_limits lower = { 10, 5, HEADERS_MAX, false };
	struct http_scan scan = { 0 };
	struct http_lines lines;
	ck_assert_int_eq(http_head_scan(text, sizeof(text) - 1, &scan, &limits, &lines), 0);
	ck_assert_int_eq(http_head_scan(text, sizeof(text) - 1, &scan, &lower, &lines), -431);
}
END_TEST

#define TEN "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

START_TEST(what_is_too_large_is_refused)
{
	static const struct row rows[] = {
		GOOD(TARGET("/" HUNDRED TEN TEN "0123456"),
		     "GET /" HUNDRED TEN TEN "0123456 @h 1.1 keep"),
		BAD(414, TARGET("/" HUNDRED TEN TEN "01234567")),
		BAD(414, TARGET("/" HUNDRED HUNDRED HUNDRED HUNDRED)),
		BAD(414, "GET /" HUNDRED TEN TEN TEN),
		BAD(400, LINE(HUNDRED HUNDRED " / HTTP/1.1")),
		BAD(400, HUNDRED HUNDRED),
		BAD(400, TEN TEN TEN TEN TEN TEN "01234"),
		WANTS_MORE(TEN TEN TEN TEN TEN TEN "0123"),
		WANTS_MORE("GET /" HUNDRED TEN TEN "0123456"),
		BAD(414, "GET /" HUNDRED TEN TEN "01234567"),
		BAD(431, "GET / HTTP/1.1\r\n" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED),
		GOOD(WITH("A: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED), "GET / @h 1.1 keep"),
		BAD(431, WITH("A: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED)),
		BAD(431, "GET / HTTP/1.1\r\nA: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED),
		BAD(431, WITH(HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED ": a")),
		GOOD(WITH("A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:"), "GET / @h 1.1 keep"),
		BAD(431, WITH("A:\r\nB:\r\nC:\r\nD:\r\nE:\r\nF:\r\nG:\r\nH:")),
	};
	check_rows(rows, array_len(rows));
}
END_TEST

START_TEST(heads_end_where_bodies_begin)
{
	static const char text[] = WITH("Content-Length: 3") "\r\n\nGET / HTTP/1.1\r\n";
	size_t head = strlen(WITH("Content-Length: 3"));
	for (size_t len = head; len < sizeof(text); len++) {
		struct guard g;
		struct http_scan scan = { 0 };
		struct http_lines lines;
		ck_assert_int_eq(
			http_head_scan(guard_put(&g, text, len), len, &scan, &limits, &lines),
			(long)head);
		guard_close(&g);
	}
}
END_TEST

START_TEST(a_scan_says_where_to_go_on)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b";
	struct http_scan scan = { 0 };
	struct http_lines lines;
	ck_assert_int_eq(http_head_scan(text, sizeof(text) - 1, &scan, &limits, &lines), 0);
	ck_assert_uint_gt(scan.at, 0);
	ck_assert_uint_le(scan.at, sizeof(text) - 1);
}
END_TEST

START_TEST(parsing_stands_without_scanning)
{
	static const struct row rows[] = {
		BAD(400, ""),
		BAD(400, "\r\n"),
		BAD(400, "GET"),
		BAD(400, "GET / HTTP/1.1"),
		BAD(400, "GET / HTTP/1.1\r\n"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\r\n"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\r\n\r"),
		BAD(400, "GET / HTTP/1.1\r\nHost: h\n\n"),
		BAD(400, WITH("A: b\0c")),
		BAD(400, WITH("A: b\rc")),
		BAD(400, WITH("A: b\x7f")),
		BAD(414, TARGET("/" HUNDRED HUNDRED)),
		BAD(431, WITH("A: " HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED)),
	};
	char summary[1024];
	for (const struct row *r = rows; r < rows + array_len(rows); r++)
		ck_assert_msg(parse(r->text, r->len, NULL, summary) == r->rc, "'%s'", r->text);
}
END_TEST

START_TEST(headers_are_found_by_any_case)
{
	char text[] =
		"POST /a?b HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-One: \t1 a \t\r\nx-one: 2\r\n\r\n";
	struct http_header headers[HEADERS_MAX];
	struct http_head head;
	ck_assert_int_eq(http_head_parse(text, sizeof(text) - 1, &limits, NULL, headers, &head), 0);
	ck_assert_ptr_eq(head.headers, headers);
	ck_assert_uint_eq(head.header_count, 4);
	ck_assert_int_eq(head.method, HTTP_POST);
	const struct http_header *h = http_header_find(headers, 4, "x-ONE");
	ck_assert_ptr_eq(h, &headers[2]);
	ck_assert_str_eq(h->name, "X-One");
	ck_assert_str_eq(h->value, "1 a");
	ck_assert_uint_eq(h->name_len, 5);
	ck_assert_uint_eq(h->value_len, 3);
	ck_assert_str_eq(headers[1].value, "");
	ck_assert_ptr_null(http_header_find(headers, 4, "X-On"));
	ck_assert_ptr_null(http_header_find(headers, 4, "X-Ones"));
	ck_assert_ptr_null(http_header_find(headers, 2, "X-One"));
	ck_assert_ptr_null(http_header_find(headers, 0, "Host"));
}
END_TEST

START_TEST(a_bare_lf_ends_a_line_where_it_may)
{
	static const struct row rows[] = {
		GOOD("GET / HTTP/1.1\nHost: h\n\n", "GET / @h 1.1 keep"),
		GOOD("\n\r\n\nGET / HTTP/1.1\r\nHost: h\n\r\n", "GET / @h 1.1 keep"),
		GOOD("GET / HTTP/1.1\nHost:h\r\nContent-Length: 5\n\n", "GET / @h 1.1 keep 5"),
		BAD(400, "GET / HTTP/1.1\nHost: h\n X: y\n\n"),
		BAD(400, "GET / HTTP/1.1\r\r\nHost: h\n\n"),
		BAD(400, "GET / HTTP/1.1\nHost: h\rX: y\n\n"),
		BAD(400, "\n\n\n\n\n\n\n\n\n\nGET / HTTP/1.1\nHost: h\n\n"),
		WANTS_MORE("GET / HTTP/1.1\nHost: h\n"),
		WANTS_MORE("GET / HTTP/1.1\nHost: h\n\r"),
	};
	limits.takes_bare_lf = true;
	check_rows(rows, array_len(rows));
	limits.takes_bare_lf = false;
}
END_TEST

UNIT_MAIN("head", a_bare_lf_ends_a_line_where_it_may, request_lines_have_three_parts,
	  versions_are_one_point_something, targets_have_their_forms, host_is_one_good_name,
	  content_length_is_one_plain_number, transfer_encoding_is_chunked_alone,
	  connection_says_whether_it_stays, expectations_are_told, fields_have_names_and_values,
	  lines_end_with_crlf, a_few_empty_lines_may_come_first, what_is_not_complete_is_waited_for,
	  what_no_head_may_hold_is_refused_at_once, a_limit_may_be_lowered_between_two_scans,
	  what_is_too_large_is_refused, heads_end_where_bodies_begin, a_scan_says_where_to_go_on,
	  parsing_stands_without_scanning, headers_are_found_by_any_case)
