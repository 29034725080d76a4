/*
 * From the opaque structs of <weir/module.h> to the daemon's own, checked at
 * the door.
 *
 * Thread: the handler's; see <weir/module.h>.
 */
#ifndef WEIR_WORK_API_H
#define WEIR_WORK_API_H

#include <weir/module.h>

#include "work/request.h"

/* API functions are the only symbols a module sees. */
#define API WEIR_EXPORT

static inline struct request *api_request(const struct weir_request *public)
{
	struct request *req = (struct request *)(uintptr_t) public;
	must_be(req, REQUEST_MAGIC);
	return req;
}

static inline struct response *api_response(struct weir_response *public)
{
	struct response *res = (struct response *)(void *)public;
	must_be(res, RESPONSE_MAGIC);
	return res;
}

/* The first pair of a name among name=value pairs, its value decoded; NULL when
 * there is none, or no memory. */
must_check const char *api_find_pair(struct request *req, const char *pairs, size_t len,
				     const char *name);

/* The module's media type, checked and kept; NULL with *ret_err set. */
must_check const char *api_keep_type(struct response *res, const char *type, int *ret_err);

#endif
