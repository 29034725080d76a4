/*
 * Small files that were sent in this turn of a loop. Who asks for one of them in the
 * same turn had sent the request before the file was looked up for the first, and gets
 * the same: nothing is kept longer than that, so nothing can be out of date.
 *
 * Thread: the loop's.
 */
#ifndef WEIR_NET_MEMO_H
#define WEIR_NET_MEMO_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct memo_file;
struct request;
struct site_search;

enum { MEMO_FILES = 8, MEMO_PATH_MAX = 255 };

struct memo {
	struct memo_file *files[MEMO_FILES]; /* NULL: no memory was taken yet */
	int count;                           /* of this turn */
};

/* What the search begun would find: fills it in and returns the content, which is valid
 * until the next call; NULL: it is not known. */
const char *memo_find(struct loop *loop, struct site_search *s);

/* `data` is all of the file that was found. Without memory it is not kept. */
void memo_keep(struct loop *loop, const struct site_search *s, const char *data, size_t len);

/* The turn has ended. */
static inline void memo_forget(struct memo *m)
{
	m->count = 0;
}

void memo_done(struct memo *m);

#endif
