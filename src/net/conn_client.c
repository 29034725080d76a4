/*
 * Who the client is: what proxies say of it, in the header of the PROXY protocol
 * that connections of some listeners begin with, and in headers of requests.
 *
 * Thread: the loop that accepted the connection.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/err.h"
#include "http/proxy.h"
#include "net/census.h"
#include "net/conn_private.h"

/* ---- of a connection ---- */

static const char too_many[] = "HTTP/1.1 503 Service Unavailable\r\n"
			       "Connection: close\r\n"
			       "Retry-After: 10\r\n"
			       "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Length: 65\r\n\r\n"
			       "503 Service Unavailable\n"
			       "There are too many connections of yours.\n";

/* Where a trusted proxy connects it does so for many, and unix sockets are for
 * such as well. */
static bool is_exempt(const struct conn *c)
{
	return c->client.kind == ADDR_UNIX ||
	       cidr_list_holds(&c->loop->gen->front.trusted, &c->client);
}

/* One more connection of its client. The answer is sent if the socket takes it,
 * and nobody waits for its end: this is the moment to save memory. */
int conn_take_seat(struct conn *c)
{
	struct census *cs = c->loop->census;
	size_t most = c->loop->gen->front.connections_per_client;
	if (!cs || most == 0 || is_exempt(c))
		return 0;
	int rc = census_take_seat(cs, &c->client, most, &c->seat);
	if (rc == -EUSERS) {
		(void)!send(c->fd, too_many, sizeof(too_many) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)shutdown(c->fd, SHUT_WR);
		census_turned_away(cs, CENSUS_TOO_MANY, &c->client, c->loop->now);
	}
	return rc;
}

/* It is closed as soon as this turn comes back to it, whatever else it sends. */
static void cut_off(struct conn *c)
{
	c->closing = true;
	c->peer_ended = true;
	c->readable = false;
}

/* There is nobody to answer: who speaks another protocol would not understand. */
static void turn_away(struct conn *c)
{
	if (c->loop->census)
		census_turned_away(c->loop->census, CENSUS_NO_HEADER, &c->client, c->loop->now);
	cut_off(c);
}

static void introduce(struct conn *c, const struct http_proxy *p)
{
	c->state = CONN_IDLE;
	if (p->source == HTTP_PROXY_CLIENT)
		c->client = p->client;
	c->hides_client = p->source != HTTP_PROXY_CLIENT;
	c->is_tls = p->is_tls;
	if (conn_take_seat(c) < 0)
		cut_off(c);
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
	req->client = origin.client;
	if (origin.scheme != HTTP_SCHEME_UNSAID)
		req->is_https = origin.scheme == HTTP_SCHEME_HTTPS;
	if (origin.host.at)
		req->host = origin.host;
}
