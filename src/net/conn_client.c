/*
 * Who the client is: what proxies say of it, in the header of the PROXY protocol
 * that connections of some listeners begin with, and in headers of requests.
 *
 * Thread: the loop that accepted the connection.
 */
#include "base/err.h"
#include "http/proxy.h"
#include "net/census.h"
#include "net/conn_private.h"

/* ---- of a connection ---- */

/* There is nobody to answer: who speaks another protocol would not understand. */
static void turn_away(struct conn *c)
{
	if (c->loop->census)
		census_turned_away(c->loop->census, CENSUS_NO_HEADER, &c->client, c->loop->now);
	c->closing = true;
	c->peer_ended = true; /* whatever else it sends is not waited for */
	c->readable = false;
}

static void introduce(struct conn *c, const struct http_proxy *p)
{
	if (p->source == HTTP_PROXY_CLIENT)
		c->client = p->client;
	c->hides_client = p->source != HTTP_PROXY_CLIENT;
	c->is_tls = p->is_tls;
	c->state = CONN_IDLE;
}

size_t conn_proxy_take(struct conn *c, const char *data, size_t len)
{
	struct http_proxy p;
	long size = http_proxy_read(data, len, &p);
	if (size > 0)
		introduce(c, &p);
	if (size < 0) {
		turn_away(c);
		return len;
	}
	return (size_t)size;
}

void conn_proxy_timeout(struct conn *c)
{
	turn_away(c);
	conn_close(c);
}

/* ---- of a request ---- */

void conn_identify(struct conn *c)
{
	struct request *req = c->req;
	const struct front *front = &req->gen->front;
	req->host = req->head.host;
	req->is_https = c->is_tls;
	if (front->trusted.count == 0 || front->believed == HTTP_FORWARDED_OFF || c->hides_client ||
	    !cidr_list_holds(&front->trusted, &c->client))
		return;
	struct http_origin origin;
	http_forwarded_read(&req->head, front->believed, &front->trusted, &c->client, &origin);
	addr_text(&origin.client, req->client);
	if (origin.scheme != HTTP_SCHEME_UNSAID)
		req->is_https = origin.scheme == HTTP_SCHEME_HTTPS;
	if (origin.host.at)
		req->host = origin.host;
}
