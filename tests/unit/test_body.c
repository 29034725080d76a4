/*
 * Request bodies: in memory, in the spool, beyond the bounds.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"
#include "work/body.h"

static struct generation gen;
static struct request *req;
static char folder[] = "/tmp/weir-body-XXXXXX";

static void prepare(uint64_t memory, uint64_t max)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	atomic_init(&gen.refs, 100);
	gen.spool_dir = folder;
	gen.body_memory = memory;
	gen.body_max = max;
	req = request_new();
	ck_assert_ptr_nonnull(req);
	req->gen = &gen;
}

static void clean_up(void)
{
	request_free(&req);
	ck_assert_int_eq(rmdir(folder), 0); /* empty: the spool's files have no name */
}

static void add(const char *text)
{
	ck_assert_int_eq(body_add(req, text, strlen(text)), 0);
}

START_TEST(a_small_body_stays_in_memory_and_ends_with_a_nul)
{
	prepare(16, 1000);
	add("hello ");
	add("body");
	ck_assert_int_eq(body_end(req), 0);
	ck_assert_int_lt(req->body.fd, 0);
	ck_assert_uint_eq(req->body.len, 10);
	ck_assert_str_eq(req->body.data, "hello body");
	clean_up();
}
END_TEST

START_TEST(a_body_above_the_bound_moves_to_a_nameless_file_in_order)
{
	char text[64] = "";
	prepare(8, 1000);
	add("01234567");
	ck_assert_int_lt(req->body.fd, 0);
	add("89");
	ck_assert_int_ge(req->body.fd, 0);
	ck_assert_ptr_null(req->body.data);
	add("abc");
	ck_assert_int_eq(body_end(req), 0);
	ck_assert_uint_eq(req->body.len, 13);
	ck_assert_int_eq(pread(req->body.fd, text, sizeof(text), 0), 14);
	ck_assert_str_eq(text, "0123456789abc");
	clean_up();
}
END_TEST

START_TEST(a_body_beyond_the_maximum_is_413)
{
	prepare(100, 10);
	ck_assert_int_eq(body_expect(req, 11), 413);
	ck_assert_int_eq(body_expect(req, 10), 0);
	add("0123456789");
	ck_assert_int_eq(body_add(req, "x", 1), 413);
	ck_assert_uint_eq(req->body.len, 10);
	clean_up();
}
END_TEST

START_TEST(a_spool_that_is_missing_is_500)
{
	prepare(1, 1000);
	gen.spool_dir = "/nonexistent-folder";
	ck_assert_int_eq(body_add(req, "too long", 8), 500);
	clean_up();
}
END_TEST

START_TEST(a_reset_request_has_given_everything_back)
{
	prepare(2, 1000);
	add("spooled");
	int fd = req->body.fd;
	request_reset(req);
	ck_assert_int_lt(fcntl(fd, F_GETFD), 0);
	ck_assert_uint_eq(req->body.len, 0);
	clean_up();
}
END_TEST

UNIT_MAIN("body", a_small_body_stays_in_memory_and_ends_with_a_nul,
	  a_body_above_the_bound_moves_to_a_nameless_file_in_order,
	  a_body_beyond_the_maximum_is_413, a_spool_that_is_missing_is_500,
	  a_reset_request_has_given_everything_back)
