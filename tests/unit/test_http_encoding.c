/*
 * http/encoding: what headers say of packing.
 *
 * Thread: one.
 */
#include "http/encoding.h"

#include <string.h>

#include "unit.h"

static enum http_packing packing(const char *one, const char *two)
{
	struct http_header headers[] = {
		{ .name = "Content-Type", .name_len = 12, .value = "gzip", .value_len = 4 },
		{ .name = "content-encoding", .name_len = 16, .value = one },
		{ .name = "Content-Encoding", .name_len = 16, .value = two },
	};
	struct http_head head = { .headers = headers, .header_count = two ? 3 : one ? 2 : 1 };
	for (size_t i = 1; i < head.header_count; i++)
		headers[i].value_len = strlen(headers[i].value);
	return http_packing(&head);
}

START_TEST(one_gzip_is_gzip_and_two_are_not)
{
	ck_assert_int_eq(packing(NULL, NULL), HTTP_PACKING_NONE);
	ck_assert_int_eq(packing("identity", NULL), HTTP_PACKING_NONE);
	ck_assert_int_eq(packing("gzip", NULL), HTTP_PACKING_GZIP);
	ck_assert_int_eq(packing(" , X-GZIP ,", NULL), HTTP_PACKING_GZIP);
	ck_assert_int_eq(packing("identity, gzip", NULL), HTTP_PACKING_GZIP);
	ck_assert_int_eq(packing("gzip, gzip", NULL), HTTP_PACKING_OTHER);
	ck_assert_int_eq(packing("gzip", "gzip"), HTTP_PACKING_OTHER);
	ck_assert_int_eq(packing("br", NULL), HTTP_PACKING_OTHER);
	ck_assert_int_eq(packing("gzipped", NULL), HTTP_PACKING_OTHER);
	ck_assert_int_eq(packing("gzip", "deflate"), HTTP_PACKING_OTHER);
}
END_TEST

START_TEST(gzip_is_sent_to_who_prefers_it)
{
	static const char *const yes[] = { "gzip",     "gzip, br;q=0.1",       "*",
					   "br, gzip", "identity;q=0.5, gzip", "GZIP;q=1.0" };
	static const char *const no[] = { "",       "identity", "gzip;q=0",
					  "br",     "*;q=0",    "gzip;q=0.1, identity",
					  "deflate" };
	for (size_t i = 0; i < array_len(yes); i++)
		ck_assert_msg(http_prefers_gzip(yes[i]), "%s", yes[i]);
	for (size_t i = 0; i < array_len(no); i++)
		ck_assert_msg(!http_prefers_gzip(no[i]), "%s", no[i]);
	ck_assert(!http_prefers_gzip(NULL));
}
END_TEST

START_TEST(vary_grows_by_what_it_has_not)
{
	struct arena a;
	arena_init(&a);
	ck_assert_str_eq(http_vary_add(NULL, "Accept-Encoding", &a), "Accept-Encoding");
	ck_assert_str_eq(http_vary_add("", "Accept-Encoding", &a), "Accept-Encoding");
	ck_assert_str_eq(http_vary_add("Origin", "Accept-Encoding", &a), "Origin, Accept-Encoding");
	ck_assert_str_eq(http_vary_add("Origin,accept-encoding", "Accept-Encoding", &a),
			 "Origin,accept-encoding");
	ck_assert_str_eq(http_vary_add("*", "Accept-Encoding", &a), "*");
	arena_done(&a);
}
END_TEST

START_TEST(types_match_whole_or_by_their_kind)
{
	static const char patterns[] = "text/*  application/json";
	ck_assert(http_type_matches("text/html", patterns));
	ck_assert(http_type_matches("TEXT/plain; charset=utf-8", patterns));
	ck_assert(http_type_matches("application/json ; x", patterns));
	ck_assert(!http_type_matches("application/jsonp", patterns));
	ck_assert(!http_type_matches("application/jso", patterns));
	ck_assert(!http_type_matches("texts/html", patterns));
	ck_assert(!http_type_matches("text", patterns));
	ck_assert(!http_type_matches("", patterns));
	ck_assert(!http_type_matches("text/html", ""));
}
END_TEST

START_TEST(words_are_found_in_lists)
{
	ck_assert(http_list_has("public, No-Transform", "no-transform"));
	ck_assert(http_list_has("no-transform;x=1", "no-transform"));
	ck_assert(!http_list_has("no-transformation", "no-transform"));
	ck_assert(!http_list_has("", "no-transform"));
	ck_assert(!http_list_has(NULL, "no-transform"));
}
END_TEST

UNIT_MAIN("encoding", one_gzip_is_gzip_and_two_are_not, gzip_is_sent_to_who_prefers_it,
	  vary_grows_by_what_it_has_not, types_match_whole_or_by_their_kind,
	  words_are_found_in_lists)
