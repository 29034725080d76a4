/*
 * Packed bodies: requests that are unpacked before their handler sees them, and
 * answers that are packed behind it; both on the handler's thread, under its
 * token.
 *
 * Thread: the handler's.
 */
#ifndef WEIR_WORK_PACKING_H
#define WEIR_WORK_PACKING_H

#include "work/request.h"

/* While building: what server and routes say of it. */
void packing_build(struct generation *gen, struct conf_errors *errs);

/* Loop, with the head, and again behind a body whose head had no length: the status to
 * refuse its coding with, or 0. */
int packing_refuses(const struct request *req);

/* Before the handler: 0, or the status to answer in its place. */
must_check int packing_open(struct request *req);

/* Behind the handler: packs the answer where that is wanted and worth it. */
void packing_close(struct request *req);

#endif
