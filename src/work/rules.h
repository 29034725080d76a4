/*
 * Rules of the configuration that answer requests before any handler: who may
 * ask (allow), redirects, and which other sites' pages may (cors_origin).
 *
 * Thread: main builds; immutable afterwards, loops apply them.
 */
#ifndef WEIR_WORK_RULES_H
#define WEIR_WORK_RULES_H

#include "base/addr.h"
#include "work/request.h"

struct rules {
	struct cidr_list allow; /* none: everybody */
	const char **origins;   /* as they are echoed */
	size_t origin_count;
	bool has_any_origin; /* "*" */
};

/* While building, behind headers_build: the rules of [server], of routes and of
 * static files. -ENOMEM, else 0 (also when errs grew). */
must_check int rules_build(struct generation *gen, struct conf_errors *errs);

/* Loop: what the rules make of the `status` that request_route returned: 0 to go
 * on, or the status to answer with. Headers of that answer are set. -ENOMEM. */
must_check int rules_apply(struct request *req, int status, unsigned *ret_allow);

#endif
