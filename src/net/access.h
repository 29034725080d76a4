/*
 * The access log: one line a request. A loop puts its lines into a ring of its
 * own; the log thread writes them. A file that cannot be written loses lines
 * and is counted; it stalls nobody. Lines are made in access_line.
 *
 * Thread: access_log and access_flush the loop; access_lost any; the rest main.
 */
#ifndef WEIR_NET_ACCESS_H
#define WEIR_NET_ACCESS_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct access;
struct loop;
struct request;

/* In the order of access_log_format in conf/options.def. */
enum access_format { ACCESS_COMBINED, ACCESS_LOGFMT, ACCESS_JSON };

/* Before writer_start, for so many loops; off. NULL when memory is out. */
must_check struct access *access_new(size_t loops);

/* After writer_stop has returned true. */
void access_free(struct access **access);

/* Lines go to `name` from here on: "off", "stderr", or a file to append to. It
 * is opened only when it was another one. 0, or a negative errno, and all stays
 * as it was. */
must_check int access_set(struct access *access, const char *name, enum access_format format);

/* Opens the file anew; likewise. */
must_check int access_reopen(struct access *access);

/* Lines that could not be written. */
uint64_t access_lost(const struct access *access);

void access_log(struct loop *loop, const struct request *req);

/* At the end of a turn. */
void access_flush(struct loop *loop);

#endif
