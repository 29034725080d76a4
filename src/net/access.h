/*
 * The access log: one line a request, collected by the loop and written once a
 * turn. A file that cannot be written loses lines and is counted; it stalls
 * nobody.
 *
 * Thread: access_open and access_close main; the rest the loop.
 */
#ifndef WEIR_NET_ACCESS_H
#define WEIR_NET_ACCESS_H

#include "base/assert.h"

struct loop;
struct request;

/* Opens the log `name`: "off" (*ret_fd is -1), "stderr", or a file to append to.
 * 0, or a negative errno. */
must_check int access_open(const char *name, int *ret_fd);

void access_log(struct loop *loop, const struct request *req);
void access_flush(struct loop *loop);

#endif
