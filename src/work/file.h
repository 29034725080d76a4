/*
 * Files as answers: opening them, what of them a request's conditions and
 * ranges ask for, and whether that is in memory.
 *
 * Thread: opening and file_fetch wherever one may block; the rest any, one
 * owner of the response at a time.
 */
#ifndef WEIR_WORK_FILE_H
#define WEIR_WORK_FILE_H

#include <sys/stat.h>

#include "work/request.h"

/*
 * Opens a regular file to be read, whatever else lies at `path`: nothing
 * blocks on a FIFO or device. `resolve` are the RESOLVE_ flags of openat2(2);
 * 0: as open(2). Returns the descriptor, or a negative errno; -EISDIR for a
 * folder, -ENXIO for what else is no regular file.
 */
must_check int file_open(int folder, const char *path, unsigned resolve, struct stat *ret_st);

/*
 * Makes an open regular file, which it takes over also when it fails, the body
 * of a response: validators, then what the request's conditions and Range ask
 * for. `type` must live as long as the request. Returns the status, 200, 206,
 * 304, 412 or 416 (the last three without a body), or -ENOMEM.
 */
must_check int file_respond(struct response *res, int fd, const struct stat *st, const char *type);

/* What is to be sent next of a body of BODY_FILE. */
struct file_piece {
	const char *text; /* before or behind a part; NULL: bytes of the file */
	uint64_t offset;  /* in the file */
	uint64_t len;
};

/* At `sent` bytes of the body, which must be less than all. */
struct file_piece file_piece_at(const struct response *res, uint64_t sent);

/* How many bytes from `offset` on, at most `len`, can be read without waiting
 * for a disk, as far as can be said cheaply. Errors and the end of the file
 * count as being there: who reads them will not wait. */
uint64_t file_in_memory(int fd, uint64_t offset, uint64_t len);

/* Reads without waiting; false: not all of it is in memory, or there. */
bool file_read_now(int fd, char *to, size_t len, uint64_t offset);

/* Brings a part into memory. Blocks. */
void file_fetch(int fd, uint64_t offset, uint64_t len);

#endif
