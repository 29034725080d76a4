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
	/* 0: no bound. */
	size_t connections_max;
	size_t connections_per_client;
	uint64_t keepalive_requests;
	int64_t body_rate_min; /* bytes a second */
	int64_t write_rate_min;
	bool server_timing; /* clients are told of it */
};

/* 0 or ERR_NOMEM; what it holds lives in `a`. */
must_check int front_read(struct front *f, const struct conf_section *server, struct arena *a);

#endif
