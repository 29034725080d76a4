/*
 * From options of [server] to what the front end asks for.
 *
 * Thread: main builds, any reads.
 */
#include "work/front.h"

#include <sys/resource.h>

#include "base/err.h"

static int read_trusted(struct cidr_list *ret, const struct option_value *v, struct arena *a)
{
	ret->list = arena_alloc(a, (v->count + 1) * sizeof(*ret->list));
	if (!ret->list)
		return ERR_NOMEM;
	for (size_t i = 0; i < v->count; i++) {
		if (cidr_parse(v->texts[i].text, &ret->list[ret->count]) == 0)
			ret->count++; /* else conf_check has complained of it */
	}
	return 0;
}

/* 0: the option sets none. */
static int64_t bound(const struct conf_section *server, enum server_option option)
{
	int64_t n = conf_int(server, option);
	return n == WEIR_INF || n == WEIR_OFF || n == WEIR_AUTO ? 0 : n;
}

/* 0: there is no bound. */
static size_t most_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		return 0;
	return (size_t)limit.rlim_cur;
}

int front_read(struct front *f, const struct conf_section *server, struct arena *a)
{
	*f = (struct front){
		.believed = (enum http_forwarded)conf_int(server, SERVER_FORWARDED),
		.connections_max = (size_t)bound(server, SERVER_CONNECTIONS_MAX),
		.connections_per_client = (size_t)bound(server, SERVER_CONNECTIONS_PER_CLIENT),
		.keepalive_requests = (uint64_t)bound(server, SERVER_KEEPALIVE_REQUESTS),
		.body_rate_min = bound(server, SERVER_BODY_RATE_MIN),
		.write_rate_min = bound(server, SERVER_WRITE_RATE_MIN),
		.server_timing = conf_int(server, SERVER_SERVER_TIMING) != 0,
	};
	if (conf_int(server, SERVER_CONNECTIONS_MAX) == WEIR_AUTO)
		f->connections_max = most_descriptors() / 10 * 9;
	return read_trusted(&f->trusted, &server->set.values[SERVER_TRUSTED], a);
}
