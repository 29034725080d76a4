/*
 * A multipart/form-data body as a list of parts: where in the body each lies.
 * Made in one pass, when a handler first asks, in blocks: what the files hold
 * stays where the body is, in memory or in the spool.
 *
 * Thread: the handler's.
 */
#ifndef WEIR_WORK_FORM_H
#define WEIR_WORK_FORM_H

#include "work/request.h"

/* Most bytes of values that form_value copies for one request, or body_memory
 * when that is more. */
enum { FORM_VALUES_MAX = 1 << 20 };

struct form_part {
	const char *name;
	const char *file_name; /* NULL: none */
	const char *type;      /* NULL: none */
	size_t offset;         /* in the body */
	size_t len;
	const char *value; /* a copy with a NUL behind it, once asked for; else NULL */
};

struct form {
	struct form_part *parts; /* those that came whole */
	size_t count, size;
	int error; /* what stands behind the last: 0 the end, or a negative errno */
	uint64_t copied;
};

/*
 * The form of a request, in its arena. The body of a live request is read to
 * its end for it, to the spool above body_memory. NULL with *ret_err: -EINVAL
 * (no multipart/form-data), -ENOMEM, or trouble with the spool or the client.
 */
must_check struct form *form_open(struct request *req, int *ret_err);

/* At most `size` bytes of a part, from `offset` on; 0 at its end; a negative errno. */
must_check ssize_t form_read(const struct request *req, const struct form_part *part,
			     uint64_t offset, void *to, size_t size);

/* The whole part as text, or NULL: no memory, or beyond FORM_VALUES_MAX. */
must_check const char *form_value(struct request *req, struct form *form, struct form_part *part);

/* Puts the part into a new file, which has its name once it is whole. 0, or a
 * negative errno: -EEXIST; -ECANCELED when nobody waits any more. */
must_check int form_save(const struct request *req, const struct form_part *part, const char *path);

#endif
