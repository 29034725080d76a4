/*
 * The body of a request, as handlers read it: from memory, or from the spool's
 * unlinked file.
 *
 * Thread: the handler's.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work/api.h"

API size_t weir_body_length(const struct weir_request *public)
{
	return api_request(public)->body.len;
}

/* The file is one byte longer than the body (work/body.c), so that a NUL
 * stands behind it. */
static const char *map_spool(struct request_body *body)
{
	if (!body->map) {
		void *map =
			mmap(NULL, body->len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, body->fd, 0);
		if (map == MAP_FAILED)
			return NULL;
		body->map = map;
	}
	return body->map;
}

API const char *weir_body(struct weir_request *public, size_t *ret_len)
{
	struct request_body *body = &api_request(public)->body;
	const char *data = body->fd >= 0 ? map_spool(body) : body->data;
	if (!data && body->fd < 0)
		data = "";
	if (data && ret_len)
		*ret_len = body->len;
	return data;
}

API ssize_t weir_body_read(struct weir_request *public, void *to, size_t size)
{
	struct request_body *body = &api_request(public)->body;
	size_t left = body->len - body->read;
	size_t n = size < left ? size : left;
	if (n == 0)
		return 0;
	if (body->fd < 0) {
		memcpy(to, body->data + body->read, n);
		body->read += n;
		return (ssize_t)n;
	}
	ssize_t got;
	do {
		got = pread(body->fd, to, n, (off_t)body->read);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	body->read += (size_t)got;
	return got;
}
