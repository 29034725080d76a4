/*
 * Bodies in memory and in the spool. Writing the spool's file fills the page
 * cache; the file is gone when its descriptor is closed, whatever happens.
 *
 * Thread: see body.h.
 */
#include "work/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

static int spool_trouble(const struct request *req, const char *what)
{
	int err = errno;
	log_error("request %s: cannot %s in spool folder \"%s\": %s", req->id, what,
		  req->gen->spool_dir, strerror(err));
	return err == ENOSPC || err == EDQUOT ? 507 : 500;
}

int body_grow(struct request_body *body, size_t need)
{
	if (need < body->size)
		return 0;
	size_t size = body->size ? body->size : 1024;
	while (size <= need)
		size *= 2;
	char *data = realloc(body->data, size);
	if (!data)
		return -ENOMEM;
	body->data = data;
	body->size = size;
	return 0;
}

static int write_spool(const struct request *req, const char *data, size_t len, size_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(req->body.fd, data, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spool_trouble(req, "write a request body");
		data += n;
		at += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Moves what is in memory to a file. */
static int start_spool(struct request *req)
{
	struct request_body *body = &req->body;
	int fd = open(req->gen->spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return spool_trouble(req, "create a file");
	body->fd = fd;
	int rc = write_spool(req, body->data, body->len, 0);
	free(body->data);
	body->data = NULL;
	body->size = 0;
	return rc;
}

int body_expect(struct request *req, uint64_t length)
{
	if (length > req->gen->body_max)
		return 413;
	struct request_body *body = &req->body;
	if (length == 0 || length > req->gen->body_memory || length < body->size)
		return 0;
	/* As much as was announced, and a NUL. */
	char *data = realloc(body->data, (size_t)length + 1);
	if (!data)
		return 500;
	body->data = data;
	body->size = (size_t)length + 1;
	return 0;
}

int body_add(struct request *req, const char *data, size_t len)
{
	struct request_body *body = &req->body;
	if (len > req->gen->body_max || body->len > req->gen->body_max - len)
		return 413;
	int rc = 0;
	if (body->fd < 0 && body->len + len > req->gen->body_memory)
		rc = start_spool(req);
	if (rc != 0)
		return rc;
	if (body->fd >= 0) {
		rc = write_spool(req, data, len, body->len);
	} else if (body_grow(body, body->len + len) < 0) {
		rc = 500;
	} else {
		memcpy(body->data + body->len, data, len);
	}
	body->len += len;
	return rc;
}

char *body_room(const struct request_body *body, size_t len)
{
	return body->fd < 0 && body->data && len < body->size - body->len ? body->data + body->len
									  : NULL;
}

int body_end(struct request *req)
{
	struct request_body *body = &req->body;
	if (body->fd >= 0)
		return write_spool(req, "", 1, body->len);
	if (body->data)
		body->data[body->len] = '\0';
	return 0;
}

void body_drop(struct request_body *body)
{
	if (body->map)
		munmap(body->map, body->len + 1);
	if (body->fd >= 0)
		close(body->fd);
	free(body->data);
}
