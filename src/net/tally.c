/*
 * Counting requests.
 *
 * Thread: the loop's.
 */
#include "net/tally.h"

#include "net/loop.h"
#include "work/request.h"

enum { STATUS_GONE = 499 };

static struct route_stats *part(const struct loop *loop, const struct request *req)
{
	struct stats_entry *e = req->route ? req->route->stats : NULL;
	if (!e)
		e = loop->tally.no_route;
	return e ? &e->by_loop[loop->number] : NULL;
}

static void count_refusal(struct route_stats *s, const struct request *req)
{
	switch (req->call.end) {
	case CALL_FULL:
		count(&s->refused[STATS_FULL], 1);
		break;
	case CALL_EXPIRED:
		count(&s->refused[req->res.status == 504 ? STATS_LATE : STATS_EXPIRED], 1);
		break;
	case CALL_SHED:
		count(&s->refused[STATS_SHED], 1);
		break;
	case CALL_NO_THREAD:
		count(&s->refused[STATS_NO_THREAD], 1);
		break;
	case CALL_RAN:
		break;
	}
}

void tally_request(struct loop *loop, const struct request *req)
{
	struct route_stats *s = part(loop, req);
	int status = req->res.status;
	count(&loop->tally.requests, 1);
	if (!s)
		return;
	count(&s->responses[status >= 100 && status < 600 && status != STATUS_GONE ? status / 100
										   : 0],
	      1);
	count(&s->bytes, req->res.len);
	if (req->result < 0)
		count(&s->failed, 1);
	if (req->call.started > 0)
		stats_add_duration(&s->run, req->call.ended - req->call.started);
	else if (req->call.pool)
		count_refusal(s, req);
}

void tally_timeout(struct loop *loop, const struct request *req)
{
	struct route_stats *s = part(loop, req);
	if (s)
		count(&s->timeouts, 1);
}

void tally_abandoned(struct loop *loop, const struct request *req)
{
	struct route_stats *s = part(loop, req);
	if (!s)
		return;
	count(&s->abandoned, 1);
	stats_add_duration(&s->run, req->call.ended - req->call.started);
}
