/*
 * What one configuration says about clients and their connections: who is
 * believed, and the bounds.
 *
 * Thread: main builds; immutable afterwards, any thread reads.
 */
#ifndef WEIR_WORK_FRONT_H
#define WEIR_WORK_FRONT_H

#include "base/addr.h"
#include "conf/conf.h"
#include "http/forwarded.h"

struct front {
	struct cidr_list trusted;
	enum http_forwarded believed; /* of the headers that proxies send */
};

/* 0 or ERR_NOMEM; what it holds lives in `a`. */
must_check int front_read(struct front *f, const struct conf_section *server, struct arena *a);

#endif
