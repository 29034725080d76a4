/*
 * A few files, looked through one by one.
 *
 * Thread: the loop's.
 */
#include "net/memo.h"

#include <stdlib.h>
#include <string.h>

#include "net/loop.h"
#include "work/site.h"

struct memo_file {
	const struct site *site;
	char path[MEMO_PATH_MAX + 1];
	enum http_coding codings[HTTP_CODING_COUNT]; /* that the client takes */
	struct stat st;
	enum http_coding coding;
	bool is_fallback;
	size_t size; /* of data */
	char *data;
};

static bool is_same(const struct memo_file *f, const struct site_search *s)
{
	return f->site == s->site && strcmp(f->path, s->path) == 0 &&
	       memcmp(f->codings, s->codings, sizeof(f->codings)) == 0;
}

const char *memo_find(struct loop *loop, struct site_search *s)
{
	for (int i = 0; i < loop->memo.count && s->status == 0; i++) {
		const struct memo_file *f = loop->memo.files[i];
		if (!is_same(f, s))
			continue;
		s->status = 200;
		s->st = f->st;
		s->coding = f->coding;
		s->is_fallback = f->is_fallback;
		s->name = f->is_fallback ? s->site->fallback : s->path;
		return f->data;
	}
	return NULL;
}

/* The next file's place, with room for its content; NULL: there is none. */
static struct memo_file *take_place(struct memo *m, size_t len)
{
	if (m->count == MEMO_FILES)
		return NULL;
	struct memo_file *f = m->files[m->count];
	if (!f)
		f = m->files[m->count] = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	if (f->size < len || !f->data) {
		free(f->data);
		f->size = len;
		f->data = malloc(len + 1);
	}
	return f->data ? f : NULL;
}

void memo_keep(struct loop *loop, const struct site_search *s, const char *data, size_t len)
{
	struct memo *m = &loop->memo;
	size_t path = strlen(s->path);
	/* A lonely client asks for nothing twice in a turn. */
	struct memo_file *f =
		loop->conn_count > 1 && path <= MEMO_PATH_MAX ? take_place(m, len) : NULL;
	if (!f)
		return;
	f->site = s->site;
	memcpy(f->path, s->path, path + 1);
	memcpy(f->codings, s->codings, sizeof(f->codings));
	f->st = s->st;
	f->coding = s->coding;
	f->is_fallback = s->is_fallback;
	memcpy(f->data, data, len);
	m->count++;
}

void memo_done(struct memo *m)
{
	for (int i = 0; i < MEMO_FILES; i++) {
		if (m->files[i])
			free(m->files[i]->data);
		free(m->files[i]);
	}
	*m = (struct memo){ .count = 0 };
}
