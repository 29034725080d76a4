/*
 * Forms and their parts, as handlers see them.
 *
 * Thread: the handler's.
 */
#include <errno.h>
#include <string.h>

#include "http/negotiate.h"
#include "http/uri.h"
#include "work/api.h"
#include "work/form.h"

static const char *multipart_value(struct request *req, const char *name)
{
	int ignored;
	struct form *form = form_open(req, &ignored);
	for (size_t i = 0; form && i < form->count; i++) {
		if (strcmp(form->parts[i].name, name) == 0)
			return form_value(req, form, &form->parts[i]);
	}
	return NULL;
}

API const char *weir_form(struct weir_request *public, const char *name)
{
	struct request *req = api_request(public);
	const struct http_header *type =
		http_header_find(req->head.headers, req->head.header_count, "Content-Type");
	if (!type)
		return NULL;
	if (!http_type_is(type->value, "application/x-www-form-urlencoded"))
		return multipart_value(req, name);
	size_t len;
	const char *body = weir_body(public, &len);
	return body ? api_find_pair(req, body, len, name) : NULL;
}

static struct form_part *find_part(struct request *req, size_t i, int *ret_err)
{
	struct form *form = form_open(req, ret_err);
	if (!form)
		return NULL;
	if (i < form->count)
		return &form->parts[i];
	*ret_err = form->error ? form->error : -ENOENT;
	return NULL;
}

API int weir_part_info(struct weir_request *public, size_t i, struct weir_part *ret)
{
	int err;
	const struct form_part *part = find_part(api_request(public), i, &err);
	if (!part)
		return err;
	*ret = (struct weir_part){
		.name = part->name,
		.file_name = part->file_name,
		.type = part->type ? part->type : "text/plain",
		.len = part->len,
	};
	return 0;
}

API int weir_form_part(struct weir_request *public, size_t i, struct weir_part *ret)
{
	struct weir_part part;
	int err = weir_part_info(public, i, &part);
	if (err < 0)
		return err;
	const char *body = weir_body(public, NULL);
	if (!body)
		return -ENOMEM;
	part.data = body + find_part(api_request(public), i, &err)->offset;
	*ret = part;
	return 0;
}

API ssize_t weir_part_read(struct weir_request *public, size_t i, uint64_t offset, void *to,
			   size_t size)
{
	int err;
	struct request *req = api_request(public);
	const struct form_part *part = find_part(req, i, &err);
	return part ? form_read(req, part, offset, to, size) : err;
}

API int weir_part_save(struct weir_request *public, size_t i, const char *path)
{
	int err;
	struct request *req = api_request(public);
	const struct form_part *part = find_part(req, i, &err);
	return part ? form_save(req, part, path) : err;
}
