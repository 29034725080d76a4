/*
 * The head of an answer. Framing is decided here and nowhere else.
 *
 * Thread: the connection's loop; pure but for the buffer it fills.
 */
#ifndef WEIR_NET_REPLY_H
#define WEIR_NET_REPLY_H

#include "base/buf.h"
#include "work/request.h"

/* Does the client get the response's body? Not for HEAD, 204, 304. */
bool reply_has_body(const struct request *req);

/* Appends the head of req's response. `date` is the Date header's value,
 * `closes` says that the connection ends with it. 0, or ERR_NOMEM (nothing was
 * added). */
must_check int reply_write_head(struct buf *out, const struct request *req, const char *date,
				bool closes);

/* Appends bytes of a streamed answer, resp. its end, as its framing asks. 0, or
 * ERR_NOMEM (nothing was added). */
must_check int reply_write_piece(struct buf *out, const struct request *req, const char *data,
				 size_t len);
must_check int reply_write_end(struct buf *out, const struct request *req);

#endif
