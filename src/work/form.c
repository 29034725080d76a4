/*
 * Forms: the pass over the body, and the reading and saving of parts.
 *
 * Thread: the handler's.
 */
#include "work/form.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/form.h"
#include "http/multipart.h"
#include "work/body.h"
#include "work/stream.h"

enum {
	BLOCK_SIZE = 64 * 1024,
	/* Between two of these a file's copying looks whether it is still wanted. */
	COPY_SIZE = 16 << 20,
};

/* ---- the body ---- */

/* As pread, of the body. */
static ssize_t read_body(const struct request_body *body, size_t offset, void *to, size_t size)
{
	size_t left = offset < body->len ? body->len - offset : 0;
	size_t n = size < left ? size : left;
	if (n == 0)
		return 0;
	if (body->fd < 0) {
		memcpy(to, body->data + offset, n);
		return (ssize_t)n;
	}
	ssize_t got;
	do {
		got = pread(body->fd, to, n, (off_t)offset);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static int error_of(int status)
{
	return status == 413 ? -EMSGSIZE : status == 507 ? -ENOSPC : -EIO;
}

/* What is left of a live body goes where others are. */
static int collect(struct request *req, char *block)
{
	if (!req->stream || !req->stream->is_live || req->body.is_whole)
		return 0;
	ssize_t n;
	while ((n = stream_read(req->stream, block, BLOCK_SIZE)) > 0) {
		int status = body_add(req, block, (size_t)n);
		if (status != 0)
			return error_of(status);
	}
	if (n < 0)
		return (int)n;
	req->body.is_whole = true;
	int status = body_end(req);
	return status ? error_of(status) : 0;
}

/* ---- the pass ---- */

static int set_text(struct arena *a, struct http_span text, const char **ret)
{
	if (!text.at)
		return 0;
	*ret = arena_strndup(a, text.at, text.len);
	return *ret ? 0 : -ENOMEM;
}

/* Room for one part more: it is counted when it has come whole. */
static int begin_part(struct arena *a, struct form *form, const struct http_multipart *m,
		      size_t offset)
{
	if (form->count == form->size) {
		size_t size = form->size ? 2 * form->size : 4;
		struct form_part *parts = arena_alloc(a, size * sizeof(*parts));
		if (!parts)
			return -ENOMEM;
		if (form->count > 0)
			memcpy(parts, form->parts, form->count * sizeof(*parts));
		form->parts = parts;
		form->size = size;
	}
	struct form_part *part = &form->parts[form->count];
	*part = (struct form_part){ .offset = offset };
	int rc = set_text(a, m->name, &part->name);
	if (rc == 0)
		rc = set_text(a, m->file_name, &part->file_name);
	if (rc == 0)
		rc = set_text(a, m->type, &part->type);
	return rc;
}

/* One block, which begins at `offset` of the body. Only what is not the body's
 * fault is returned. */
static int take_block(struct request *req, struct form *form, struct http_multipart *m,
		      const char *block, size_t len, size_t offset)
{
	for (size_t pos = 0; pos < len && form->error == 0;) {
		int event = http_multipart_next(m, block, len, &pos);
		int rc = 0;
		if (event == MULTIPART_PART)
			rc = begin_part(&req->arena, form, m, offset + pos);
		else if (event == MULTIPART_DATA)
			form->parts[form->count].len += m->data.len;
		else if (event == MULTIPART_PART_END)
			form->count++;
		else if (event < 0)
			form->error = event == -413 ? -EMSGSIZE : -EINVAL;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int take_all(struct request *req, struct form *form, struct http_multipart *m, char *block)
{
	int rc = collect(req, block);
	size_t offset = 0;
	ssize_t n = 1;
	while (rc == 0 && n > 0 && form->error == 0 && !http_multipart_is_whole(m)) {
		n = read_body(&req->body, offset, block, BLOCK_SIZE);
		rc = n < 0 ? (int)n : take_block(req, form, m, block, (size_t)n, offset);
		offset += n > 0 ? (size_t)n : 0;
	}
	if (rc == 0 && form->error == 0 && !http_multipart_is_whole(m))
		form->error = -EINVAL;
	return rc;
}

/* -EINVAL: the body is not multipart/form-data, or its boundary is none. */
static int begin_pass(struct request *req, struct http_multipart *m)
{
	const struct http_header *type =
		http_header_find(req->head.headers, req->head.header_count, "Content-Type");
	if (!type || !http_type_span_is((struct http_span){ type->value, type->value_len },
					"multipart/form-data"))
		return -EINVAL;
	char *boundary = arena_alloc(&req->arena, type->value_len + 1U);
	if (!boundary)
		return -ENOMEM;
	long len = http_parameter(type->value, type->value_len, "boundary", boundary);
	return len > 0 && http_multipart_init(m, boundary, (size_t)len) == 0 ? 0 : -EINVAL;
}

struct form *form_open(struct request *req, int *ret_err)
{
	if (req->form)
		return req->form;
	struct http_multipart m;
	int rc = begin_pass(req, &m);
	struct form *form = rc == 0 ? arena_zalloc(&req->arena, sizeof(*form)) : NULL;
	char *block = form ? malloc(BLOCK_SIZE) : NULL;
	if (rc == 0)
		rc = block ? take_all(req, form, &m, block) : -ENOMEM;
	free(block);
	if (rc == 0)
		req->form = form;
	*ret_err = rc;
	return req->form;
}

/* ---- parts ---- */

ssize_t form_read(const struct request *req, const struct form_part *part, uint64_t offset,
		  void *to, size_t size)
{
	size_t left = offset < part->len ? part->len - (size_t)offset : 0;
	if (left == 0)
		return 0;
	return read_body(&req->body, part->offset + (size_t)offset, to, size < left ? size : left);
}

const char *form_value(struct request *req, struct form *form, struct form_part *part)
{
	uint64_t most = FORM_VALUES_MAX;
	if (req->gen->body_memory > most)
		most = req->gen->body_memory;
	if (part->value || part->len > most - form->copied)
		return part->value;
	char *text = arena_alloc(&req->arena, part->len + 1);
	if (!text)
		return NULL;
	for (size_t at = 0; at < part->len;) {
		ssize_t n = form_read(req, part, at, text + at, part->len - at);
		if (n <= 0)
			return NULL;
		at += (size_t)n;
	}
	text[part->len] = '\0';
	form->copied += part->len;
	part->value = text;
	return text;
}

/* ---- saving ---- */

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int copy_by_hand(const struct request *req, const struct form_part *part, uint64_t at,
			size_t len, int to)
{
	char *block = malloc(BLOCK_SIZE);
	int rc = block ? 0 : -ENOMEM;
	while (rc == 0 && len > 0) {
		ssize_t n = form_read(req, part, at, block, len < BLOCK_SIZE ? len : BLOCK_SIZE);
		rc = n > 0 ? write_all(to, block, (size_t)n) : n < 0 ? (int)n : -EIO;
		at += n > 0 ? (uint64_t)n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	free(block);
	return rc;
}

/* Within the kernel, where it can: from file system to file system it may not. */
static ssize_t copy_some(const struct request *req, const struct form_part *part, uint64_t at,
			 size_t len, int to, bool *by_hand)
{
	if (!*by_hand) {
		off_t from = (off_t)(part->offset + at);
		ssize_t n = copy_file_range(req->body.fd, &from, to, NULL, len, 0);
		if (n > 0)
			return n;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
			return -errno;
		*by_hand = true;
	}
	int rc = copy_by_hand(req, part, at, len, to);
	return rc < 0 ? rc : (ssize_t)len;
}

static int copy_part(const struct request *req, const struct form_part *part, int to)
{
	bool by_hand = req->body.fd < 0;
	for (uint64_t at = 0; at < part->len;) {
		size_t left = part->len - (size_t)at;
		if (atomic_load_explicit(&req->call.cancelled, memory_order_relaxed))
			return -ECANCELED;
		ssize_t n =
			copy_some(req, part, at, left < COPY_SIZE ? left : COPY_SIZE, to, &by_hand);
		if (n < 0)
			return (int)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* A nameless file of the folder that `path` is to lie in. */
static int open_nameless(const char *path)
{
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	int fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	int err = errno;
	free(copy);
	return fd < 0 ? -err : fd;
}

static int give_name(int fd, const char *path)
{
	char self[40];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int form_save(const struct request *req, const struct form_part *part, const char *path)
{
	/* The copying of gigabytes in vain is worth a look. */
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	int fd = open_nameless(path);
	/* Some file systems know no nameless files: there it has its name from the
	 * beginning, and loses it again when it does not come whole. */
	bool has_name = fd == -EOPNOTSUPP || fd == -EISDIR;
	if (has_name) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd;
	int rc = copy_part(req, part, fd);
	if (rc == 0 && !has_name)
		rc = give_name(fd, path);
	if (rc < 0 && has_name)
		(void)unlink(path);
	if (close(fd) < 0 && rc == 0) {
		rc = -errno; /* NFS tells here that a disk is full */
		(void)unlink(path);
	}
	return rc;
}
