/*
 * The response half of <weir/module.h>: what the client will be told. Headers
 * are checked here, so that nothing a module says can break the framing.
 *
 * Thread: the handler's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "http/form.h"
#include "work/api.h"
#include "work/file.h"
#include "work/module.h"

static int put_header(struct weir_response *public, bool replace, const char *name,
		      const char *value)
{
	struct response *res = api_response(public);
	const char *why = NULL;
	if (res->kind == BODY_STREAM)
		return -EALREADY;
	if (!http_is_token(name, strlen(name)))
		why = "the name is no header name";
	else if (response_is_framing(name))
		why = "it belongs to the daemon";
	else if (!http_is_field_value(value, strlen(value)))
		why = "the value has a control character";
	if (why) {
		const struct request *req = response_request(res);
		log_error("request %s: module \"%s\" (%s): response header '%s' left out: %s",
			  req->id, instance_name(req->inst), req->route->label, name, why);
		return -EINVAL;
	}
	if (strcasecmp(name, "Content-Type") == 0) {
		char *type = arena_strdup(&response_request(res)->arena, value);
		if (!type)
			return -ENOMEM;
		res->type = type;
		return 0;
	}
	return response_put_header(res, replace, name, value);
}

API int weir_set_header(struct weir_response *public, const char *name, const char *value)
{
	return put_header(public, true, name, value);
}

API int weir_add_header(struct weir_response *public, const char *name, const char *value)
{
	return put_header(public, false, name, value);
}

API int weir_set_cookie(struct weir_response *public, const char *name, const char *value,
			const char *attributes)
{
	struct response *res = api_response(public);
	if (!http_cookie_is_valid(name, value))
		return -EINVAL;
	char *line = arena_printf(&response_request(res)->arena, "%s=%s%s%s", name, value,
				  attributes ? "; " : "", attributes ? attributes : "");
	return line ? put_header(public, false, "Set-Cookie", line) : -ENOMEM;
}

/* Puts a body of bytes in the place of any earlier one but a streamed one. */
static int set_bytes(struct response *res, int status, const char *type, const void *data,
		     size_t len, void (*free_fn)(void *))
{
	if (res->kind == BODY_STREAM) {
		if (free_fn)
			free_fn((void *)(uintptr_t)data);
		return -EALREADY;
	}
	response_clear_body(res);
	res->kind = BODY_BYTES;
	res->type = type;
	res->data = data;
	res->len = len;
	res->free_fn = free_fn;
	return status;
}

static int copy_bytes(struct weir_response *public, int status, const char *type, const void *data,
		      size_t len)
{
	struct response *res = api_response(public);
	char *copy = arena_strndup(&response_request(res)->arena, data, len);
	return copy ? set_bytes(res, status, type, copy, len, NULL) : -ENOMEM;
}

static int print_bytes(struct weir_response *public, int status, const char *type, const char *fmt,
		       va_list ap)
{
	struct response *res = api_response(public);
	char *text = arena_vprintf(&response_request(res)->arena, fmt, ap);
	return text ? set_bytes(res, status, type, text, strlen(text), NULL) : -ENOMEM;
}

static const char type_text[] = "text/plain; charset=utf-8";
static const char type_html[] = "text/html; charset=utf-8";
static const char type_json[] = "application/json";
static const char type_bytes[] = "application/octet-stream";

API int weir_text(struct weir_response *res, int status, const char *text)
{
	return copy_bytes(res, status, type_text, text, strlen(text));
}

API int weir_textf(struct weir_response *res, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = print_bytes(res, status, type_text, fmt, ap);
	va_end(ap);
	return rc;
}

API int weir_html(struct weir_response *res, int status, const char *text)
{
	return copy_bytes(res, status, type_html, text, strlen(text));
}

API int weir_json(struct weir_response *res, int status, const char *json)
{
	return copy_bytes(res, status, type_json, json, strlen(json));
}

API int weir_jsonf(struct weir_response *res, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = print_bytes(res, status, type_json, fmt, ap);
	va_end(ap);
	return rc;
}

const char *api_keep_type(struct response *res, const char *type, int *ret_err)
{
	if (!type)
		return type_bytes;
	if (!http_is_field_value(type, strlen(type)) || *type == '\0') {
		*ret_err = -EINVAL;
		return NULL;
	}
	const char *copy = arena_strdup(&response_request(res)->arena, type);
	if (!copy)
		*ret_err = -ENOMEM;
	return copy;
}

API int weir_bytes(struct weir_response *public, int status, const char *type, const void *data,
		   size_t len)
{
	int err = 0;
	const char *kept = api_keep_type(api_response(public), type, &err);
	return kept ? copy_bytes(public, status, kept, data, len) : err;
}

API int weir_bytes_take(struct weir_response *public, int status, const char *type, void *data,
			size_t len, void (*free_fn)(void *))
{
	struct response *res = api_response(public);
	int err = 0;
	const char *kept = api_keep_type(res, type, &err);
	if (!kept) {
		if (free_fn)
			free_fn(data);
		return err;
	}
	return set_bytes(res, status, kept, data, len, free_fn);
}

API int weir_file(struct weir_response *public, const char *path, const char *type)
{
	struct response *res = api_response(public);
	int err = 0;
	if (res->kind == BODY_STREAM)
		return -EALREADY;
	const char *kept = api_keep_type(res, type, &err);
	if (!kept)
		return err;
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 0, &st);
	return fd < 0 ? fd : file_respond(res, fd, &st, kept);
}

API int weir_redirect(struct weir_response *public, int status, const char *location)
{
	struct response *res = api_response(public);
	if ((status < 301 || status > 303) && status != 307 && status != 308)
		return -EINVAL;
	int rc = put_header(public, true, "Location", location);
	if (rc < 0)
		return rc;
	response_clear_body(res);
	return status;
}

static int set_error(struct response *res, int status, const char *detail)
{
	return res->kind == BODY_STREAM ? -EALREADY : response_error(res, status, detail);
}

API int weir_error(struct weir_response *res, int status, const char *detail)
{
	return set_error(api_response(res), status, detail);
}

API int weir_errorf(struct weir_response *public, int status, const char *fmt, ...)
{
	struct response *res = api_response(public);
	va_list ap;
	va_start(ap, fmt);
	char *detail = arena_vprintf(&response_request(res)->arena, fmt, ap);
	va_end(ap);
	return detail ? set_error(res, status, detail) : -ENOMEM;
}
