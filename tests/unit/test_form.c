/*
 * Forms: bodies in memory and in the spool, the bounds of values, saving.
 */
#include "work/form.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "work/body.h"

#define FIELD "Content-Disposition: form-data; "

static struct generation gen;
static struct request *req;
static char folder[] = "/tmp/weir-form-XXXXXX";
static struct http_header type = { "Content-Type", "multipart/form-data; boundary=b", 12, 31 };

static void prepare(uint64_t memory)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	atomic_init(&gen.refs, 100);
	gen.spool_dir = folder;
	gen.body_memory = memory;
	gen.body_max = 1 << 30;
	req = request_new();
	ck_assert_ptr_nonnull(req);
	req->gen = &gen;
	req->head.headers = &type;
	req->head.header_count = 1;
}

static void clean_up(void)
{
	request_free(&req);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void add(const char *data, size_t len)
{
	ck_assert_int_eq(body_add(req, data, len), 0);
}

/* A part of `len` bytes that are each other than the one before. */
static void add_part(const char *name, size_t len)
{
	char head[200], *data = malloc(len + 1);
	add(head, (size_t)sprintf(head, "--b\r\n" FIELD "name=%s\r\n\r\n", name));
	for (size_t i = 0; i < len; i++)
		data[i] = (char)('a' + i % 23);
	add(data, len);
	add("\r\n", 2);
	free(data);
}

static struct form *ended(void)
{
	int err = 1;
	add("--b--\r\n", 7);
	ck_assert_int_eq(body_end(req), 0);
	struct form *form = form_open(req, &err);
	ck_assert_ptr_nonnull(form);
	ck_assert_ptr_eq(form_open(req, &err), form);
	return form;
}

static void check_bytes(const struct form_part *part, size_t step)
{
	char block[1000];
	size_t at = 0;
	ssize_t n;
	while ((n = form_read(req, part, at, block, step)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			ck_assert_int_eq(block[i], 'a' + (int)((at + (size_t)i) % 23));
		at += (size_t)n;
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(at, part->len);
}

START_TEST(parts_lie_where_they_are_in_memory_or_spool)
{
	/* Sizes at which a boundary crosses the end of a block. */
	for (int spooled = 0; spooled <= 1; spooled++) {
		for (size_t len = 65536 - 90; len < 65536 - 30; len++) {
			if (len == 65536 - 90)
				prepare(spooled ? 100 : 1 << 20);
			req->head.headers = &type;
			req->head.header_count = 1;
			req->gen = &gen;
			add_part("first", len);
			add_part("", 0);
			add_part("last", 300);
			struct form *form = ended();
			ck_assert_int_eq(req->body.fd >= 0, spooled);
			ck_assert_ptr_null(req->body.map);
			ck_assert_uint_eq(form->count, 3);
			ck_assert_int_eq(form->error, 0);
			ck_assert_str_eq(form->parts[0].name, "first");
			ck_assert_uint_eq(form->parts[0].len, len);
			ck_assert_uint_eq(form->parts[1].len, 0);
			check_bytes(&form->parts[0], 1000);
			check_bytes(&form->parts[2], 7);
			request_reset(req);
		}
		clean_up();
		strcpy(folder + strlen(folder) - 6, "XXXXXX");
	}
}
END_TEST

START_TEST(values_are_bounded_together)
{
	prepare(100);
	add_part("a", FORM_VALUES_MAX - 10);
	add_part("b", 11);
	add_part("c", 10);
	struct form *form = ended();
	const char *value = form_value(req, form, &form->parts[0]);
	ck_assert_ptr_nonnull(value);
	ck_assert_uint_eq(strlen(value), FORM_VALUES_MAX - 10);
	ck_assert_ptr_eq(form_value(req, form, &form->parts[0]), value);
	ck_assert_ptr_null(form_value(req, form, &form->parts[1]));
	ck_assert_str_eq(form_value(req, form, &form->parts[2]), "abcdefghij");
	check_bytes(&form->parts[1], 3);
	clean_up();
}
END_TEST

START_TEST(what_fits_into_memory_fits_as_values)
{
	prepare(4 * FORM_VALUES_MAX);
	add_part("a", 2 * FORM_VALUES_MAX);
	struct form *form = ended();
	ck_assert_ptr_nonnull(form_value(req, form, &form->parts[0]));
	clean_up();
}
END_TEST

START_TEST(parts_before_trouble_are_kept)
{
	int err;
	prepare(1000);
	add_part("a", 3);
	add("--b\r\nX", 6);
	ck_assert_int_eq(body_end(req), 0);
	struct form *form = form_open(req, &err);
	ck_assert_ptr_nonnull(form);
	ck_assert_uint_eq(form->count, 1);
	ck_assert_int_eq(form->error, -EINVAL);
	clean_up();
}
END_TEST

START_TEST(too_many_parts_are_a_large_message)
{
	prepare(1000);
	for (int i = 0; i < 1001; i++)
		add_part("a", 1);
	struct form *form = ended();
	ck_assert_uint_eq(form->count, 1000);
	ck_assert_int_eq(form->error, -EMSGSIZE);
	clean_up();
}
END_TEST

START_TEST(other_types_are_no_forms)
{
	static const char *const bad[] = { "text/plain; boundary=b", "multipart/form-data",
					   "multipart/form-data; boundary=",
					   "multipart/form-data; boundary=\"b" };
	struct http_header other = type;
	int err = 0;
	prepare(1000);
	req->head.headers = &other;
	for (size_t i = 0; i < array_len(bad); i++) {
		other.value = bad[i];
		other.value_len = (uint32_t)strlen(bad[i]);
		ck_assert_ptr_null(form_open(req, &err));
		ck_assert_int_eq(err, -EINVAL);
	}
	req->head.header_count = 0;
	ck_assert_ptr_null(form_open(req, &err));
	clean_up();
}
END_TEST

START_TEST(a_part_is_saved_whole_or_not_at_all)
{
	for (int spooled = 0; spooled <= 1; spooled++) {
		char path[100], missing[100];
		struct stat st;
		prepare(spooled ? 100 : 1 << 20);
		snprintf(path, sizeof(path), "%s/saved", folder);
		snprintf(missing, sizeof(missing), "%s/none/saved", folder);
		add_part("a", 100000);
		add_part("b", 0);
		struct form *form = ended();
		ck_assert_int_eq(form_save(req, &form->parts[0], missing), -ENOENT);
		ck_assert_int_eq(form_save(req, &form->parts[0], path), 0);
		ck_assert_int_eq(form_save(req, &form->parts[1], path), -EEXIST);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_size, 100000);
		ck_assert_int_eq(unlink(path), 0);
		ck_assert_int_eq(form_save(req, &form->parts[1], path), 0);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_size, 0);
		ck_assert_int_eq(unlink(path), 0);
		atomic_store(&req->call.cancelled, true);
		ck_assert_int_eq(form_save(req, &form->parts[0], path), -ECANCELED);
		ck_assert_int_lt(stat(path, &st), 0);
		clean_up();
		strcpy(folder + strlen(folder) - 6, "XXXXXX");
	}
}
END_TEST

UNIT_MAIN("form", parts_lie_where_they_are_in_memory_or_spool, values_are_bounded_together,
	  what_fits_into_memory_fits_as_values, parts_before_trouble_are_kept,
	  too_many_parts_are_a_large_message, other_types_are_no_forms,
	  a_part_is_saved_whole_or_not_at_all)
