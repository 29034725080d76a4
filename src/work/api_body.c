/*
 * The body of a request, as handlers read it: from memory, from the spool's
 * unlinked file, or, when it is live, as it comes.
 *
 * Thread: the handler's.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work/api.h"
#include "work/body.h"
#include "work/stream.h"

enum { READ_SIZE = 16 * 1024 };

/* Has it still to be read from the client? */
static bool is_live(const struct request *req)
{
	return req->stream && req->stream->is_live && !req->body.is_whole;
}

API size_t weir_body_length(const struct weir_request *public)
{
	const struct request *req = api_request(public);
	return is_live(req) ? (size_t)req->head.length : req->body.len;
}

/* What is left of a live body becomes one in memory. */
static int read_to_the_end(struct request *req)
{
	struct request_body *body = &req->body;
	ssize_t n = 1;
	while (n > 0) {
		if (body_grow(body, body->len + READ_SIZE) < 0)
			return -ENOMEM;
		n = stream_read(req->stream, body->data + body->len, body->size - 1 - body->len);
		body->len += n > 0 ? (size_t)n : 0;
	}
	body->data[body->len] = '\0';
	body->is_whole = n == 0;
	return (int)n;
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
	struct request *req = api_request(public);
	struct request_body *body = &req->body;
	if (is_live(req) && read_to_the_end(req) < 0)
		return NULL;
	const char *data = body->fd >= 0 ? map_spool(body) : body->data;
	if (!data && body->fd < 0)
		data = "";
	if (data && ret_len)
		*ret_len = body->len;
	return data;
}

API ssize_t weir_body_read(struct weir_request *public, void *to, size_t size)
{
	struct request *req = api_request(public);
	struct request_body *body = &req->body;
	if (is_live(req))
		return stream_read(req->stream, to, size);
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
