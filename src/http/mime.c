/*
 * A sorted list of endings.
 *
 * Thread: see mime.h.
 */
#include "http/mime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ENDING_MAX = 31 };

struct entry {
	const char *ending; /* in lower case */
	const char *type;
	size_t order; /* of the line */
};

struct mime_table {
	struct entry *entries;
	size_t count;
};

static const char unknown[] = "application/octet-stream";

static const char usual[] = "text/html html htm\n"
			    "text/css css\n"
			    "text/javascript js mjs\n"
			    "text/plain txt\n"
			    "application/json json map\n"
			    "image/svg+xml svg\n"
			    "image/png png\n"
			    "image/jpeg jpg jpeg\n"
			    "image/gif gif\n"
			    "image/webp webp\n"
			    "image/vnd.microsoft.icon ico\n"
			    "font/woff2 woff2\n"
			    "application/wasm wasm\n"
			    "application/pdf pdf\n";

static bool is_text(const char *type)
{
	return strncasecmp(type, "text/", 5) == 0 ||
	       strcasecmp(type, "application/javascript") == 0;
}

/* The next word of a line, or false. */
static bool next_word(struct http_span *line, struct http_span *ret)
{
	while (line->len > 0 && (*line->at == ' ' || *line->at == '\t' || *line->at == '\r')) {
		line->at++;
		line->len--;
	}
	size_t len = 0;
	while (len < line->len && line->at[len] != ' ' && line->at[len] != '\t' &&
	       line->at[len] != '\r')
		len++;
	if (len == 0 || *line->at == '#')
		return false;
	*ret = (struct http_span){ line->at, len };
	line->at += len;
	line->len -= len;
	return true;
}

static bool is_type(struct http_span word)
{
	const char *slash = memchr(word.at, '/', word.len);
	return slash && http_is_token(word.at, (size_t)(slash - word.at)) &&
	       http_is_token(slash + 1, word.len - (size_t)(slash - word.at) - 1);
}

/* With charset, where the type is one of text; NULL when memory is out. */
static const char *keep_type(struct http_span word, struct arena *a)
{
	const char *type = arena_strndup(a, word.at, word.len);
	return type && is_text(type) ? arena_printf(a, "%s; charset=utf-8", type) : type;
}

static char *lower(char *text)
{
	for (char *c = text; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	}
	return text;
}

/* False: out of memory. */
static bool add(struct mime_table *t, struct http_span ending, const char *type, struct arena *a)
{
	if (ending.len > ENDING_MAX)
		return true;
	/* Grows by doubling: at each power of two the list is full. */
	if ((t->count & (t->count - 1)) == 0) {
		size_t room = t->count ? t->count * 2 : 1;
		struct entry *bigger = arena_alloc(a, room * sizeof(*bigger));
		if (!bigger)
			return false;
		if (t->count > 0)
			memcpy(bigger, t->entries, t->count * sizeof(*bigger));
		t->entries = bigger;
	}
	char *kept = arena_strndup(a, ending.at, ending.len);
	if (!kept)
		return false;
	t->entries[t->count] = (struct entry){ lower(kept), type, t->count };
	t->count++;
	return true;
}

static bool add_line(struct mime_table *t, struct http_span line, struct arena *a)
{
	struct http_span word;
	const char *type = NULL;
	bool has_memory = true;
	if (!next_word(&line, &word) || !is_type(word))
		return true;
	struct http_span named = word;
	while (has_memory && next_word(&line, &word)) {
		/* Most types of the system's table have no ending. */
		type = type ? type : keep_type(named, a);
		has_memory = type && add(t, word, type, a);
	}
	return has_memory;
}

static int compare(const void *x, const void *y)
{
	const struct entry *one = x, *two = y;
	int order = strcmp(one->ending, two->ending);
	return order != 0 ? order : one->order < two->order ? -1 : one->order > two->order;
}

struct mime_table *mime_new(const char *text, size_t len, struct arena *a)
{
	struct mime_table *t = arena_zalloc(a, sizeof(*t));
	bool has_memory = t != NULL;
	if (!text) {
		text = usual;
		len = sizeof(usual) - 1;
	}
	for (size_t at = 0; has_memory && at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		has_memory = add_line(t, (struct http_span){ text + at, n }, a);
		at += n + 1;
	}
	if (!has_memory)
		return NULL;
	if (t->count > 1)
		qsort(t->entries, t->count, sizeof(t->entries[0]), compare);
	return t;
}

/* The last entry of an ending. */
static const char *look_up(const struct mime_table *t, const char *ending)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(t->entries[middle].ending, ending) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low > 0 && strcmp(t->entries[low - 1].ending, ending) == 0;
	return found ? t->entries[low - 1].type : unknown;
}

const char *mime_find(const struct mime_table *t, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash : name, '.');
	char ending[ENDING_MAX + 1];
	size_t len = dot ? strlen(dot + 1) : 0;
	if (len == 0 || len > ENDING_MAX)
		return unknown;
	memcpy(ending, dot + 1, len + 1);
	return look_up(t, lower(ending));
}
