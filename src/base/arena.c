/*
 * Bump allocation out of 4 KiB blocks; what is larger gets a block of its own
 * size, hung behind the current one so that small requests go on filling it.
 *
 * Thread: any, one owner at a time.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	_Alignas(max_align_t) char data[];
};

enum { BLOCK_DATA = BLOCK_SIZE - (int)sizeof(struct arena_block) };

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

static void free_blocks(struct arena_block *b)
{
	while (b) {
		struct arena_block *next = b->next;
		free(b);
		b = next;
	}
}

void arena_done(struct arena *a)
{
	free_blocks(a->head);
	arena_init(a);
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->head;
	if (!keep)
		return;
	free_blocks(keep->next);
	keep->next = NULL;
	if (keep->size != BLOCK_DATA) {
		arena_done(a);
		return;
	}
	a->free = keep->data;
	a->left = a->total = keep->size;
}

static struct arena_block *new_block(struct arena *a, size_t size)
{
	struct arena_block *b = malloc(sizeof(*b) + size);
	if (!b)
		return NULL;
	b->size = size;
	b->next = NULL;
	a->total += size;
	return b;
}

/* A large piece must not retire a half-empty ordinary block. */
static void *alloc_large(struct arena *a, size_t size)
{
	struct arena_block *b = new_block(a, size);
	if (!b)
		return NULL;
	if (a->head) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		a->head = b; /* full */
	}
	return b->data;
}

void *arena_alloc_more(struct arena *a, size_t size)
{
	if (size == 0 || size > SIZE_MAX / 2)
		return NULL;
	if (size > BLOCK_DATA / 2)
		return alloc_large(a, size);
	struct arena_block *b = new_block(a, BLOCK_DATA);
	if (!b)
		return NULL;
	b->next = a->head;
	a->head = b;
	a->free = b->data;
	a->left = BLOCK_DATA;
	return arena_alloc(a, size);
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);
	if (p)
		memset(p, 0, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
	if (len == SIZE_MAX)
		return NULL;
	char *copy = arena_alloc(a, len + 1);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strlen(text));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return text;
}
