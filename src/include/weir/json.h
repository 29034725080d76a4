/*
 * <weir/json.h>: JSON of a request and a response as jansson values. Optional:
 * <weir/module.h> needs nothing of it. A module that includes this is compiled
 * and linked with $(pkg-config --cflags --libs jansson).
 *
 * Conventions are those of <weir/module.h>. All functions: handler's thread.
 */
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <weir/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The body as a new reference, the caller's to give back with json_decref().
 * NULL when it is no JSON object or array, names a member twice or there is no
 * memory for it; *ret_error (unless NULL) then says why and where, for the
 * client to read. 400 is the fitting answer. */
static inline json_t *weir_json_body(struct weir_request *req, json_error_t *ret_error)
{
	size_t len = 0;
	const char *body = weir_body(req, &len);
	/* A body that cannot be had is left to jansson too, so that *ret_error is set. */
	return json_loadb(body ? body : "", body ? len : 0, JSON_REJECT_DUPLICATES, ret_error);
}

/* Sends `value` in its shortest form and gives its reference back, also when
 * this call fails. Any value, not objects and arrays alone; NULL, which is what
 * jansson answers when memory is out, is -ENOMEM, so that a fresh value can be
 * sent unchecked. The status it was given, or -ENOMEM. */
static inline int weir_json_send(struct weir_response *res, int status, json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(value);
	if (!text)
		return -ENOMEM;
	return weir_bytes_take(res, status, "application/json", text, strlen(text), free);
}

/* Sends what json_pack(fmt, …) makes: weir_json_pack(res, 200, "{s:i}", "n", 1).
 * The status it was given, or -ENOMEM, also for a format or text that jansson
 * refuses (text must be UTF-8). */
static inline int weir_json_pack(struct weir_response *res, int status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	json_t *value = json_vpack_ex(NULL, 0, fmt, ap);
	va_end(ap);
	return weir_json_send(res, status, value);
}

#ifdef __cplusplus
}
#endif

#endif
