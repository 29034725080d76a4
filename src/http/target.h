/*
 * Request targets and Host values, by RFC 9112 section 3.2 and RFC 3986.
 *
 * Thread: any; pure functions. A part of http/parse.h.
 */
#ifndef WEIR_HTTP_TARGET_H
#define WEIR_HTTP_TARGET_H

#include "http/parse.h"

/* Fills in form, path, query and, in absolute form, host; head->method is
 * known already. 0 or -400. */
must_check int http_target_parse(struct http_span target, struct http_head *head);

/* host[:port] without user info; an empty one only if `may_be_empty`. */
bool http_host_is_valid(struct http_span host, bool may_be_empty);

#endif
