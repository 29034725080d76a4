/*
 * The list of what is wrong with a configuration.
 *
 * Thread: boot and reload, one at a time.
 */
#include "conf/place.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"

enum {
	PLACE_SIZE = 1024, /* file, line and column, as text */
	SHORT = 4,         /* a text below this is hidden where it stands as a word */
	CUT = 16,          /* so much of a longer one is recognised: quotes are cut */
};

/* A credential, which is quoted by its name. */
struct conf_hidden {
	struct conf_hidden *next;
	const char *text, *shown; /* NULL: memory was out, nothing can be quoted */
};

void conf_errors_init(struct conf_errors *errs)
{
	*errs = (struct conf_errors){ 0 };
	arena_init(&errs->arena);
}

void conf_errors_done(struct conf_errors *errs)
{
	free(errs->list);
	arena_done(&errs->arena);
	*errs = (struct conf_errors){ 0 };
}

/* ---- hiding ---- */

void conf_errors_hide(struct conf_errors *errs, const char *text, const char *shown)
{
	static struct conf_hidden unknown;
	struct conf_hidden *h = arena_alloc(&errs->arena, sizeof(*h));
	char *own = arena_strdup(&errs->arena, text);
	char *own_shown = arena_strdup(&errs->arena, shown);
	if (!h || !own || !own_shown) {
		errs->hidden = &unknown;
		return;
	}
	*h = (struct conf_hidden){ .next = errs->hidden, .text = own, .shown = own_shown };
	if (errs->hidden != &unknown && own[0])
		errs->hidden = h;
}

static bool is_word(char c)
{
	return strchr("_-.", c) ? c != '\0' : isalnum((unsigned char)c) != 0;
}

/* Bytes at `at` that are to be hidden; 0: none. */
static size_t hidden_at(const char *message, const char *at, const char *text)
{
	size_t len = 0;
	while (text[len] && at[len] == text[len])
		len++;
	if (text[len])
		return len >= CUT ? len : 0;
	bool is_part = (at > message && is_word(at[-1])) || is_word(at[len]);
	return len < SHORT && is_part ? 0 : len;
}

static char *hide(struct conf_errors *errs, char *message, const struct conf_hidden *h)
{
	if (!h->text)
		return NULL;
	for (char *at = message; message && *at;) {
		size_t len = hidden_at(message, at, h->text);
		if (len == 0) {
			at++;
			continue;
		}
		size_t before = (size_t)(at - message);
		message = arena_printf(&errs->arena, "%.*s%s%s", (int)before, message, h->shown,
				       at + len);
		at = message ? message + before + strlen(h->shown) : NULL;
	}
	return message;
}

/* ---- adding ---- */

static struct conf_error *new_error(struct conf_errors *errs)
{
	if (errs->count == errs->size) {
		size_t size = errs->size ? errs->size * 2 : 16;
		struct conf_error *list = realloc(errs->list, size * sizeof(*list));
		if (!list)
			return NULL;
		errs->list = list;
		errs->size = size;
	}
	return &errs->list[errs->count];
}

/* What came out of a file, a variable or a module must not end a line or move
 * a terminal's cursor. */
static void mask(char *text)
{
	utf8_mask(text, strlen(text));
}

/* Errors outlive the configuration that named the file. */
static const char *keep_file(struct conf_errors *errs, const char *file)
{
	const char *last = errs->count ? errs->list[errs->count - 1].place.file : NULL;
	if (last && strcmp(last, file) == 0)
		return last;
	char *copy = arena_strdup(&errs->arena, file);
	if (copy)
		mask(copy);
	return copy;
}

void conf_error(struct conf_errors *errs, struct conf_place place, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct conf_error *e = new_error(errs);
	char *message = arena_vprintf(&errs->arena, fmt, ap);
	va_end(ap);
	for (const struct conf_hidden *h = errs->hidden; h && message; h = h->next)
		message = hide(errs, message, h);
	const char *file = place.file ? keep_file(errs, place.file) : NULL;
	if (!e || !message || (place.file && !file)) {
		errs->lost++;
		return;
	}
	mask(message);
	*e = (struct conf_error){ .place = place,
				  .message = message,
				  .serial = (unsigned)errs->count };
	e->place.file = file;
	errs->count++;
}

/* The serial of the first error of the same file: files in order of first
 * appearance. Errors without a file come first. */
static unsigned file_rank(const struct conf_errors *errs, const char *file)
{
	unsigned rank = (unsigned)errs->count;
	for (size_t i = 0; file && i < errs->count; i++) {
		const struct conf_error *e = &errs->list[i];
		if (e->serial < rank && e->place.file && strcmp(e->place.file, file) == 0)
			rank = e->serial;
	}
	return file ? rank + 1 : 0;
}

struct ranked {
	struct conf_error error;
	unsigned rank;
};

static int compare(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	const struct conf_place *p = &a->error.place, *q = &b->error.place;
	if (p->line != q->line)
		return p->line < q->line ? -1 : 1;
	if (p->column != q->column)
		return p->column < q->column ? -1 : 1;
	return a->error.serial < b->error.serial ? -1 : 1;
}

/* Without memory they stay in order of discovery. */
static void sort(struct conf_errors *errs)
{
	struct ranked *all = calloc(errs->count, sizeof(*all));
	if (!all)
		return;
	for (size_t i = 0; i < errs->count; i++) {
		all[i].error = errs->list[i];
		all[i].rank = i && errs->list[i].place.file == errs->list[i - 1].place.file
				      ? all[i - 1].rank
				      : file_rank(errs, errs->list[i].place.file);
	}
	qsort(all, errs->count, sizeof(*all), compare);
	for (size_t i = 0; i < errs->count; i++)
		errs->list[i] = all[i].error;
	free(all);
}

/* "file:line:column: ", as far as it is known. */
static const char *place_text(const struct conf_error *e, char *to, size_t size)
{
	const char *file = e->place.file;
	if (file && e->place.line)
		snprintf(to, size, "%s:%u:%u: ", file, e->place.line, e->place.column);
	else
		snprintf(to, size, "%s%s", file ? file : "", file ? ": " : "");
	return to;
}

void conf_errors_print(struct conf_errors *errs, FILE *to)
{
	sort(errs);
	char place[PLACE_SIZE];
	for (size_t i = 0; i < errs->count; i++)
		fprintf(to, "%s%s\n", place_text(&errs->list[i], place, sizeof(place)),
			errs->list[i].message);
	if (errs->lost)
		fprintf(to, "%u more could not be kept: out of memory\n", errs->lost);
}

void conf_errors_log(struct conf_errors *errs)
{
	sort(errs);
	char place[PLACE_SIZE];
	for (size_t i = 0; i < errs->count; i++)
		log_error("%s%s", place_text(&errs->list[i], place, sizeof(place)),
			  errs->list[i].message);
	if (errs->lost)
		log_error("%u more could not be kept: out of memory", errs->lost);
}
