/*
 * A minimal parser of HTTP/1.1 answers: status, framing by Content-Length,
 * chunks or the end of the connection, and whether the connection goes on.
 * It trusts the server where nothing hangs on it; proving the server's HTTP is
 * the work of the system tests.
 *
 * Thread: any; no memory of its own.
 */
#ifndef WEIR_BENCH_LOAD_ANSWER_H
#define WEIR_BENCH_LOAD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum answer_state {
	ANSWER_HEAD,       /* a head is to come, also behind a 1xx */
	ANSWER_BODY,       /* `left` bytes */
	ANSWER_CHUNK_SIZE, /* the line in front of a chunk */
	ANSWER_CHUNK,      /* `left` bytes of a chunk */
	ANSWER_CHUNK_END,  /* the line end behind a chunk */
	ANSWER_TRAILER,    /* lines up to an empty one */
	ANSWER_TO_THE_END, /* the body ends with the connection */
	ANSWER_DONE,
};

struct answer {
	enum answer_state state;
	int status;
	bool keeps; /* the connection serves further requests */
	bool is_to_head;
	uint64_t left;
};

/* A piece of the body, in the data that was eaten. */
struct answer_piece {
	const char *data;
	size_t len;
};

/* For the answer to a HEAD request say so: it has no body whatever it announces. */
void answer_init(struct answer *a, bool is_to_head);

/*
 * One step: a head, a line, or a run of body bytes (which `ret_piece` then
 * shows, else it is empty). Returns how many bytes it took, 0 when it needs
 * more than these, -1 when this is no answer. Not to be called once it is done.
 */
ssize_t answer_eat(struct answer *a, const char *data, size_t len, struct answer_piece *ret_piece);

/* The connection ended: whether that completes the answer. */
bool answer_ends_here(struct answer *a);

#endif
