/*
 * Taking in the body of a request: in memory up to a bound, from there on in
 * an unlinked file of the spool folder.
 *
 * Thread: the connection's loop, unless said otherwise; the handler's, for a live
 * body and while a packed one is unpacked.
 */
#ifndef WEIR_WORK_BODY_H
#define WEIR_WORK_BODY_H

#include "work/request.h"

/* Room for a body whose length is known already. 0 or an HTTP status (413,
 * 500, 507). */
must_check int body_expect(struct request *req, uint64_t length);

/* Appends. 0, or an HTTP status: 413 beyond body_max, 507 when the disk is
 * full, 500 for other trouble (which is logged). */
must_check int body_add(struct request *req, const char *data, size_t len);

/* Where `len` more bytes can be put, which whoever does adds to `len`, with one to spare
 * behind them; NULL: there is no such place. */
char *body_room(const struct request_body *body, size_t len);

/* Behind the last piece. 0 or an HTTP status. */
must_check int body_end(struct request *req);

/* Frees what there is of it. */
void body_drop(struct request_body *body);

/* Worker or loop, whose the body is: room for `need` bytes in memory and a NUL
 * behind them. 0 or -ENOMEM. */
must_check int body_grow(struct request_body *body, size_t need);

#endif
