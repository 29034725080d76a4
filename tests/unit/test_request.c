/*
 * Requests and responses apart from the network: ids, headers, error bodies,
 * and what becomes of whatever a handler returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "work/request.h"

static struct generation gen;
static struct request *req;
static struct http_header headers[4];

static void prepare(const char *name, const char *value)
{
	atomic_init(&gen.refs, 100);
	req = request_new();
	ck_assert_ptr_nonnull(req);
	req->gen = &gen;
	strcpy(req->id, "own-id");
	req->head.headers = headers;
	req->head.header_count = name != NULL;
	if (name)
		headers[0] = (struct http_header){ name, value, (uint32_t)strlen(name),
						   (uint32_t)strlen(value) };
}

static const char *value_of(const char *name)
{
	const struct response_header *h = response_header_find(&req->res, name);
	return h ? h->value : NULL;
}

START_TEST(a_sane_request_id_of_the_client_is_taken_over)
{
	prepare("X-Request-Id", "client.id-42_X");
	request_adopt_id(req);
	ck_assert_str_eq(req->id, "client.id-42_X");
	request_free(&req);
}
END_TEST

START_TEST(an_odd_or_overlong_request_id_is_not)
{
	static const char *const odd[] = {
		"",
		"has space",
		"quote\"",
		"semi;colon",
		"\xc3\xa4",
		"0123456789012345678901234567890123456789012345678901234567890123456789",
	};
	for (size_t i = 0; i < array_len(odd); i++) {
		prepare("X-Request-Id", odd[i]);
		request_adopt_id(req);
		ck_assert_str_eq(req->id, "own-id");
		request_free(&req);
	}
}
END_TEST

START_TEST(setting_a_header_replaces_and_adding_keeps)
{
	prepare(NULL, NULL);
	ck_assert_int_eq(response_put_header(&req->res, false, "X-A", "1"), 0);
	ck_assert_int_eq(response_put_header(&req->res, false, "x-a", "2"), 0);
	ck_assert_int_eq(response_put_header(&req->res, false, "X-B", "3"), 0);
	ck_assert_ptr_nonnull(req->res.headers->next->next);
	ck_assert_int_eq(response_put_header(&req->res, true, "X-A", "4"), 0);
	ck_assert_str_eq(value_of("X-A"), "4");
	ck_assert_str_eq(value_of("X-B"), "3");
	ck_assert_ptr_null(req->res.headers->next->next);
	ck_assert_int_eq(response_put_header(&req->res, false, "X-C", "5"), 0);
	ck_assert_str_eq(value_of("X-C"), "5");
	request_free(&req);
}
END_TEST

START_TEST(error_bodies_follow_accept)
{
	prepare("Accept", "application/json");
	ck_assert_int_eq(response_error(&req->res, 404, "no such note"), 404);
	ck_assert_str_eq(req->res.type, "application/problem+json");
	ck_assert_ptr_nonnull(strstr(req->res.data, "\"detail\":\"no such note\""));
	ck_assert_ptr_nonnull(strstr(req->res.data, "\"request_id\":\"own-id\""));
	request_free(&req);
	prepare("Accept", "text/html");
	ck_assert_int_eq(response_error(&req->res, 404, NULL), 404);
	ck_assert_str_eq(req->res.type, "text/plain; charset=utf-8");
	ck_assert_uint_eq(req->res.len, strlen(req->res.data));
	request_free(&req);
}
END_TEST

/* ---- what a handler returns ---- */

static int result;
static int freed;

static void count_free(void *data)
{
	(void)data;
	freed++;
}

static int handler(struct weir_request *public, struct weir_response *res)
{
	(void)public;
	(void)res;
	req->res.kind = BODY_BYTES;
	req->res.data = "partial";
	req->res.len = 7;
	req->res.free_fn = count_free;
	return result;
}

static int bodiless(struct weir_request *public, struct weir_response *res)
{
	(void)public;
	(void)res;
	return result;
}

static int run(weir_handler *fn, int returns)
{
	static struct route route = { .label = "GET /", .handler_name = "test.handler" };
	prepare(NULL, NULL);
	route.handler = fn;
	req->route = &route;
	result = returns;
	request_run(req, NULL);
	return req->res.status;
}

START_TEST(a_status_is_sent_as_it_is)
{
	ck_assert_int_eq(run(handler, 201), 201);
	ck_assert_str_eq(req->res.data, "partial");
	request_free(&req);
	ck_assert_int_eq(freed, 1);
}
END_TEST

START_TEST(a_negative_errno_is_500_without_what_was_prepared)
{
	ck_assert_int_eq(run(handler, -EIO), 500);
	ck_assert_int_eq(freed, 1);
	ck_assert_ptr_null(strstr(req->res.data, "partial"));
	ck_assert_ptr_null(req->res.headers);
	request_free(&req);
}
END_TEST

START_TEST(what_is_no_final_status_is_500)
{
	static const int odd[] = { 0, 1, 99, 100, 102, 199, 600, 99999 };
	for (size_t i = 0; i < array_len(odd); i++) {
		ck_assert_int_eq(run(bodiless, odd[i]), 500);
		request_free(&req);
	}
}
END_TEST

START_TEST(an_error_status_without_a_body_gets_one)
{
	ck_assert_int_eq(run(bodiless, 418), 418);
	ck_assert_int_eq(req->res.kind, BODY_BYTES);
	request_free(&req);
	ck_assert_int_eq(run(bodiless, 200), 200);
	ck_assert_int_eq(req->res.kind, BODY_NONE);
	request_free(&req);
}
END_TEST

UNIT_MAIN("request", a_sane_request_id_of_the_client_is_taken_over,
	  an_odd_or_overlong_request_id_is_not, setting_a_header_replaces_and_adding_keeps,
	  error_bodies_follow_accept, a_status_is_sent_as_it_is,
	  a_negative_errno_is_500_without_what_was_prepared, what_is_no_final_status_is_500,
	  an_error_status_without_a_body_gets_one)
