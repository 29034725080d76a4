/*
 * The streaming part of <weir/module.h>: answers that are sent while their
 * handler runs.
 *
 * Thread: the handler's, which must be a worker.
 */
#include <errno.h>

#include "work/api.h"
#include "work/stream.h"

API int weir_stream(struct weir_response *public, int status, const char *type)
{
	struct response *res = api_response(public);
	struct request *req = response_request(res);
	int err = 0;
	if (!req->worker)
		return -EDEADLK;
	if (res->kind == BODY_STREAM)
		return -EALREADY;
	if (status < 200 || status > 599)
		return -EINVAL;
	const char *kept = api_keep_type(res, type, &err);
	if (!kept)
		return err;
	if (!req->stream)
		req->stream = stream_new(req);
	if (!req->stream)
		return -ENOMEM;
	/* The loop reads the response from the first offer on, and it does not
	 * change any more. */
	response_clear_body(res);
	res->kind = BODY_STREAM;
	res->type = kept;
	res->status = status;
	req->stream->has_no_body = !http_status_has_body(status) || req->head.method == HTTP_HEAD;
	return status;
}

API int weir_write(struct weir_response *public, const void *data, size_t len)
{
	struct response *res = api_response(public);
	if (res->kind != BODY_STREAM)
		return -EINVAL;
	return stream_write(response_request(res)->stream, data, len);
}

API int weir_flush(struct weir_response *public)
{
	struct response *res = api_response(public);
	if (res->kind != BODY_STREAM)
		return -EINVAL;
	return stream_flush(response_request(res)->stream);
}
