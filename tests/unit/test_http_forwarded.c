/*
 * http/forwarded: who the client is, by what proxies say in headers. 10.0.0.0/8
 * and 2001:db8:f::/48 are trusted, and 10.0.0.1 sends.
 *
 * Thread: one.
 */
#include "http/forwarded.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "unit.h"

enum { HEADERS_MAX = 4 };

struct row {
	const char *header; /* "\n" begins another one of the same name */
	const char *said;   /* "client[ scheme][ host]" */
};

static struct cidr ranges[2];
static const struct cidr_list trusted = { ranges, array_len(ranges) };

static void say(const struct http_origin *o, char *to)
{
	static const char *const schemes[] = { "", " http", " https" };
	char text[ADDR_TEXT_SIZE];
	sprintf(to, "%s%s%s%.*s", addr_text(&o->client, text), schemes[o->scheme],
		o->host.at ? " " : "", (int)o->host.len, o->host.at ? o->host.at : "");
}

static void read_one(const struct http_head *head, enum http_forwarded which, char *to)
{
	struct addr peer;
	struct http_origin origin;
	ck_assert_int_eq(cidr_parse("10.0.0.0/8", &ranges[0]), 0);
	ck_assert_int_eq(cidr_parse("2001:db8:f::/48", &ranges[1]), 0);
	ck_assert_int_eq(addr_parse("10.0.0.1", 8, &peer), 0);
	http_forwarded_read(head, which, &trusted, &peer, &origin);
	say(&origin, to);
}

static void add(struct http_head *head, struct http_header *headers, const char *name,
		const char *value, size_t len)
{
	must(head->header_count < HEADERS_MAX);
	head->headers = headers;
	headers[head->header_count++] = (struct http_header){
		.name = name,
		.value = value,
		.name_len = (uint32_t)strlen(name),
		.value_len = (uint32_t)len,
	};
}

static void check_rows(const char *name, enum http_forwarded which, const struct row *rows,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct http_header headers[HEADERS_MAX];
		struct http_head head = { 0 };
		struct guard g;
		char said[600];
		const char *at = guard_put(&g, rows[i].header, strlen(rows[i].header));
		const char *end = at + strlen(rows[i].header);
		while (at) {
			const char *line = memchr(at, '\n', (size_t)(end - at));
			const char *stop = line ? line : end;
			add(&head, headers, name, at, (size_t)(stop - at));
			at = line ? line + 1 : NULL;
		}
		read_one(&head, which, said);
		ck_assert_msg(strcmp(said, rows[i].said) == 0, "'%s': '%s', not '%s'",
			      rows[i].header, said, rows[i].said);
		guard_close(&g);
	}
}

START_TEST(x_forwarded_for_is_walked_from_the_right)
{
	static const struct row rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7, 10.0.0.2", "192.0.2.7" },
		{ "192.0.2.7,10.0.0.3,10.0.0.2", "192.0.2.7" },
		{ "1.1.1.1, 192.0.2.7, 10.0.0.2", "192.0.2.7" },
		{ "10.9.9.9, 192.0.2.7", "192.0.2.7" },
		{ "junk, 192.0.2.7", "192.0.2.7" },
		{ "\"junk, 192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7 ,\t10.0.0.2 ", "192.0.2.7" },
		{ ",192.0.2.7,,10.0.0.2,", "192.0.2.7" },
		{ "10.0.0.3, 10.0.0.2", "10.0.0.3" },
		{ "192.0.2.7\n10.0.0.2", "192.0.2.7" },
		{ "1.1.1.1, 192.0.2.7\n10.0.0.3, 10.0.0.2", "192.0.2.7" },
		{ "192.0.2.7\n", "192.0.2.7" },
		{ "192.0.2.7:8080", "192.0.2.7" },
		{ "192.0.2.7:8080, 10.0.0.2:1", "192.0.2.7" },
		{ "2001:db8::7", "2001:db8::7" },
		{ "[2001:db8::7]", "2001:db8::7" },
		{ "[2001:db8::7]:8080", "2001:db8::7" },
		{ "192.0.2.7, 2001:db8:f::2", "192.0.2.7" },
		{ "192.0.2.7, [2001:db8:f::2]:80", "192.0.2.7" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "192.0.2.7, ::ffff:10.0.0.2", "192.0.2.7" },
		{ "", "10.0.0.1" },
		{ " , ,", "10.0.0.1" },
		{ "unknown", "10.0.0.1" },
		{ "192.0.2.7, unknown", "10.0.0.1" },
		{ "192.0.2.7, unknown, 10.0.0.2", "10.0.0.2" },
		{ "192.0.2.7, junk, 10.0.0.2", "10.0.0.2" },
		{ "192.0.2.7 192.0.2.8", "10.0.0.1" },
		{ "192.0.2.256", "10.0.0.1" },
		{ "192.0.2.07", "10.0.0.1" },
		{ "192.0.2.7:", "10.0.0.1" },
		{ "192.0.2.7:x", "10.0.0.1" },
		{ "192.0.2.7:123456", "10.0.0.1" },
		{ "[192.0.2.7]", "10.0.0.1" },
		{ "[2001:db8::7", "10.0.0.1" },
		{ "2001:db8::7]", "10.0.0.1" },
		{ "[2001:db8::7]x", "10.0.0.1" },
		{ "[]", "10.0.0.1" },
		{ "[", "10.0.0.1" },
		{ ":", "10.0.0.1" },
		{ "\"192.0.2.7\"", "10.0.0.1" },
		{ "unix:", "10.0.0.1" },
		{ "for=192.0.2.7", "10.0.0.1" },
		{ "192.0.2.7;10.0.0.2", "10.0.0.1" },
	};
	check_rows("X-Forwarded-For", HTTP_FORWARDED_X, rows, array_len(rows));
}
END_TEST

START_TEST(forwarded_is_walked_from_the_right)
{
	static const struct row rows[] = {
		{ "for=192.0.2.7", "192.0.2.7" },
		{ "For=192.0.2.7", "192.0.2.7" },
		{ "for=\"192.0.2.7\"", "192.0.2.7" },
		{ "for=\"192.0.2.7:80\"", "192.0.2.7" },
		{ "for=\"192.0.2.7:_port\"", "192.0.2.7" },
		{ "for=\"[2001:db8::7]\"", "2001:db8::7" },
		{ "for=\"[2001:db8::7]:4711\"", "2001:db8::7" },
		{ "for=\"[::ffff:192.0.2.7]\"", "192.0.2.7" },
		{ "for=192.0.2.7;proto=https", "192.0.2.7 https" },
		{ "proto=HTTP;for=192.0.2.7;by=10.0.0.1", "192.0.2.7 http" },
		{ "for=192.0.2.7; proto=https ;host=a.example", "192.0.2.7 https a.example" },
		{ "for=192.0.2.7;host=\"a.example:8080\"", "192.0.2.7 a.example:8080" },
		{ "for=192.0.2.7;host=\"[2001:db8::1]:80\"", "192.0.2.7 [2001:db8::1]:80" },
		{ "for=192.0.2.7;proto=ws", "192.0.2.7" },
		{ "for=192.0.2.7;secret=\"a;b,c\\\"=\";proto=https", "192.0.2.7 https" },
		{ "for=192.0.2.7;secret=\"a\\\";proto=https", "10.0.0.1" },
		{ "for=192.0.2.7;secret=\"a;b,c=\";proto=https", "192.0.2.7 https" },
		{ ";for=192.0.2.7;", "192.0.2.7" },
		{ "for=192.0.2.7, for=10.0.0.2", "192.0.2.7" },
		{ "for=1.1.1.1, for=192.0.2.7,for=10.0.0.2", "192.0.2.7" },
		{ "for=192.0.2.7;proto=https, for=10.0.0.2;proto=http", "192.0.2.7 https" },
		{ "for=192.0.2.7, for=10.0.0.2;proto=https;host=b", "192.0.2.7 https b" },
		{ "for=1.1.1.1;proto=https;host=evil, for=192.0.2.7;proto=http;host=b",
		  "192.0.2.7 http b" },
		{ "for=192.0.2.7\nfor=10.0.0.2", "192.0.2.7" },
		{ "for=\"1.1.1.1\nfor=192.0.2.7", "192.0.2.7" },
		{ "for=\"1.1.1.1, for=192.0.2.7", "192.0.2.7" },
		{ "for=\"1.1.1.1, for=\"192.0.2.7\"", "192.0.2.7" },
		{ "for=1.1.1.1\", for=\"192.0.2.7:1\";host=\"b\"", "192.0.2.7 b" },
		{ "\\\", for=192.0.2.7", "192.0.2.7" },
		{ "for=\"1.1.1.1\\, for=192.0.2.7;x=\"a, b\"", "192.0.2.7" },
		{ "for=192.0.2.7, for=\"10.0.0.2", "10.0.0.1" },
		{ "", "10.0.0.1" },
		{ "for=unknown", "10.0.0.1" },
		{ "for=_hidden;proto=https", "10.0.0.1 https" },
		{ "for=Unknown;host=b", "10.0.0.1 b" },
		{ "for=192.0.2.7, for=_proxy, for=10.0.0.2", "10.0.0.2" },
		{ "for=\"_hidden:80\"", "10.0.0.1" },
		{ "proto=https", "10.0.0.1 https" },
		{ "for=192.0.2.7, proto=https;host=b", "10.0.0.1 https b" },
		{ "192.0.2.7", "10.0.0.1" },
		{ "for", "10.0.0.1" },
		{ "for=", "10.0.0.1" },
		{ "for=\"\"", "10.0.0.1" },
		{ "=192.0.2.7", "10.0.0.1" },
		{ "for =192.0.2.7", "10.0.0.1" },
		{ "for= 192.0.2.7", "10.0.0.1" },
		{ "for=192.0.2.7:80", "10.0.0.1" },
		{ "for=2001:db8::7", "10.0.0.1" },
		{ "for=[2001:db8::7]", "10.0.0.1" },
		{ "for=\"2001:db8::7\"", "10.0.0.1" },
		{ "for=\"[192.0.2.7]\"", "10.0.0.1" },
		{ "for=\"192.0.2.7:123456\"", "10.0.0.1" },
		{ "for=\"192\\.0.2.7\"", "10.0.0.1" },
		{ "for=192.0.2.7;for=192.0.2.8", "10.0.0.1" },
		{ "for=192.0.2.7;proto=http;Proto=https", "10.0.0.1" },
		{ "for=192.0.2.7;proto=https junk", "10.0.0.1" },
		{ "for=192.0.2.7;proto=https;", "192.0.2.7 https" },
		{ "for=192.0.2.7;host=\"a b\"", "192.0.2.7" },
		{ "for=192.0.2.7;host=\"\"", "192.0.2.7" },
		{ "for=junk;proto=https;host=b", "10.0.0.1" },
		{ "proto=https, for=junk, for=10.0.0.2;proto=http", "10.0.0.2 http" },
	};
	check_rows("Forwarded", HTTP_FORWARDED_RFC, rows, array_len(rows));
}
END_TEST

START_TEST(of_scheme_and_host_the_last_value_counts)
{
	static const struct row schemes[] = {
		{ "https", "10.0.0.1 https" },     { "HTTPS", "10.0.0.1 https" },
		{ "http", "10.0.0.1 http" },       { "http, https", "10.0.0.1 https" },
		{ "https,http", "10.0.0.1 http" }, { "https\nhttp", "10.0.0.1 http" },
		{ "https,\n", "10.0.0.1 https" },  { "ftp", "10.0.0.1" },
		{ "https, ftp", "10.0.0.1" },      { "", "10.0.0.1" },
		{ "\"https\"", "10.0.0.1" },
	};
	static const struct row hosts[] = {
		{ "b.example", "10.0.0.1 b.example" },
		{ "b.example:8080", "10.0.0.1 b.example:8080" },
		{ "evil, b.example", "10.0.0.1 b.example" },
		{ "a b", "10.0.0.1" },
		{ "a/b", "10.0.0.1" },
		{ "user@b", "10.0.0.1" },
		{ "", "10.0.0.1" },
	};
	check_rows("X-Forwarded-Proto", HTTP_FORWARDED_X, schemes, array_len(schemes));
	check_rows("X-Forwarded-Host", HTTP_FORWARDED_X, hosts, array_len(hosts));
}
END_TEST

START_TEST(only_the_chosen_headers_are_looked_at)
{
	struct http_header headers[HEADERS_MAX];
	struct http_head head = { 0 };
	char said[100];
	add(&head, headers, "Forwarded", "for=192.0.2.1;proto=https;host=rfc", 34);
	add(&head, headers, "x-forwarded-for", "192.0.2.2", 9);
	add(&head, headers, "X-Forwarded-Host", "x", 1);
	read_one(&head, HTTP_FORWARDED_X, said);
	ck_assert_str_eq(said, "192.0.2.2 x");
	read_one(&head, HTTP_FORWARDED_RFC, said);
	ck_assert_str_eq(said, "192.0.2.1 https rfc");
	read_one(&head, HTTP_FORWARDED_OFF, said);
	ck_assert_str_eq(said, "10.0.0.1");
}
END_TEST

UNIT_MAIN("http_forwarded", x_forwarded_for_is_walked_from_the_right,
	  forwarded_is_walked_from_the_right, of_scheme_and_host_the_last_value_counts,
	  only_the_chosen_headers_are_looked_at)
