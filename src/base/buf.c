/*
 * Growable bytes: doubling at the end, sliding to the front when the room
 * taken there would do.
 *
 * Thread: any, one owner at a time.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { BUF_FIRST = 1024 };

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

static int grow(struct buf *b, size_t need)
{
	size_t size = b->size ? b->size : BUF_FIRST;
	while (size < need) {
		if (size > SIZE_MAX / 2)
			return ERR_NOMEM;
		size *= 2;
	}
	char *data = realloc(b->data, size);
	if (!data)
		return ERR_NOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

char *buf_make_room(struct buf *b, size_t more)
{
	size_t len = buf_len(b);
	if (more > SIZE_MAX - len)
		return NULL;
	if (b->start) {
		memmove(b->data, b->data + b->start, len);
		b->start = 0;
		b->end = len;
	}
	if (b->size - len < more || !b->data) {
		if (grow(b, len + more) < 0)
			return NULL;
	}
	return b->data + b->end;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return 0;
	char *at = buf_reserve(b, len);
	if (!at)
		return ERR_NOMEM;
	memcpy(at, data, len);
	b->end += len;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *at = len < 0 ? NULL : buf_reserve(b, (size_t)len + 1);
	if (!at)
		return ERR_NOMEM;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->end += (size_t)len;
	return 0;
}
