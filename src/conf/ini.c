/*
 * inih behind a line reader of our own. libinih 55 keeps 200 bytes of a line
 * and 50 of a section's name, miscounts after longer ones, takes an indented
 * line for more of the value above, and tells nobody of a section without
 * keys. So it is shown short lines only: it decides what each line is, while
 * names, values and places stay on this side.
 *
 * Thread: boot and reload.
 */
#include "conf/ini.h"

#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"
#include "conf/expand.h"

enum { KEY_MAX = 64 };

/* The line that inih has before it. */
struct line {
	const char *text;
	size_t len;
	unsigned number;
	bool is_open; /* inih has not said yet what it is */
};

struct reader {
	const char *file;
	const char *at, *end; /* what is not read yet */
	struct line line;
	bool ask_header; /* inih has been shown a header: a key comes next */
	const struct ini_sink *sink;
	void *ctx;
	struct arena *arena;
	struct conf_errors *errs;
	int rc;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct conf_place place_at(const struct reader *r, size_t offset)
{
	return (struct conf_place){ r->file, r->line.number, (unsigned)offset + 1 };
}

static size_t skip_blanks(const struct line *l, size_t from)
{
	while (from < l->len && is_blank(l->text[from]))
		from++;
	return from;
}

static size_t trim_end(const struct line *l, size_t from, size_t end)
{
	while (end > from && is_blank(l->text[end - 1]))
		end--;
	return end;
}

/* Takes the next line off the text, without its end. */
static bool take_line(struct reader *r)
{
	if (r->at == r->end)
		return false;
	const char *end = memchr(r->at, '\n', (size_t)(r->end - r->at));
	const char *next = end ? end + 1 : r->end;
	if (!end)
		end = r->end;
	if (end > r->at && end[-1] == '\r')
		end--;
	r->line.text = r->at;
	r->line.len = (size_t)(end - r->at);
	r->line.number++;
	r->line.is_open = false;
	r->at = next;
	return true;
}

/* The first byte that no text file has, or len. */
static size_t first_bad_byte(const struct line *l)
{
	size_t good = utf8_good(l->text, l->len);
	for (size_t i = 0; i < good; i++) {
		unsigned char c = (unsigned char)l->text[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return i;
	}
	return good;
}

static void report_bad_byte(struct reader *r, size_t at)
{
	unsigned char c = (unsigned char)r->line.text[at];
	if (c >= 0x80)
		conf_error(r->errs, place_at(r, at), "byte 0x%02x is not UTF-8", c);
	else if (c == '\0')
		conf_error(r->errs, place_at(r, at), "a NUL byte");
	else
		conf_error(r->errs, place_at(r, at), "control character 0x%02x", c);
}

static bool is_key_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

/* Where the name before '=' stops being one: at its end when all is well. */
static size_t name_length(const struct line *l, size_t end)
{
	size_t len = 0;
	while (len < end && is_key_byte(l->text[len]))
		len++;
	return len;
}

/* Errors that inih does not look for. */
static bool is_name_good(struct reader *r, size_t equals)
{
	const struct line *l = &r->line;
	size_t end = trim_end(l, 0, equals);
	size_t len = name_length(l, end);
	if (end == 0)
		conf_error(r->errs, place_at(r, 0), "no name before '='");
	else if (len < end)
		conf_error(r->errs, place_at(r, len),
			   "a name before '=' has only letters, digits, '_', '-' and '.'");
	else if (len > KEY_MAX)
		conf_error(r->errs, place_at(r, 0), "the name before '=' is longer than %d bytes",
			   KEY_MAX);
	else
		return true;
	return false;
}

static void tell_section(struct reader *r, const char *text, struct conf_place place)
{
	if (r->rc == 0)
		r->rc = r->sink->section(r->ctx, text, place);
}

/* A line that inih does not get to see: nothing, or an error. False for one
 * that it must see. */
static bool pass_over(struct reader *r)
{
	const struct line *l = &r->line;
	size_t bad = first_bad_byte(l);
	size_t start = skip_blanks(l, 0);
	char first = start < l->len ? l->text[start] : ';';
	if (bad < l->len)
		report_bad_byte(r, bad);
	else if (first == ';' || first == '#')
		return true;
	else if (start > 0)
		conf_error(r->errs, place_at(r, start), "indented line: begin it at column 1");
	else
		return false;
	if (first == '[')
		tell_section(r, NULL, place_at(r, start));
	return true;
}

/* The short form of a line: a header as its line's number in brackets, a key
 * with a one-byte value, and of what is neither enough to be refused. False
 * when an error was reported instead. */
static bool shorten(struct reader *r, char *to, size_t size)
{
	const struct line *l = &r->line;
	const char *equals = memchr(l->text, '=', l->len);
	if (l->text[0] == '[') {
		bool is_closed = memchr(l->text, ']', l->len);
		snprintf(to, size, "[%u%s\n", l->number, is_closed ? "]" : "");
		r->ask_header = true;
	} else if (equals) {
		size_t end = (size_t)(equals - l->text);
		if (!is_name_good(r, end))
			return false;
		snprintf(to, size, "%.*s=.\n", (int)trim_end(l, 0, end), l->text);
	} else {
		snprintf(to, size, "?\n");
	}
	return true;
}

/* inih went on without a word about the line. */
static void report_refused(struct reader *r)
{
	const struct line *l = &r->line;
	if (l->text[0] != '[') {
		conf_error(r->errs, place_at(r, 0), "no '=' in this line; write NAME = VALUE");
		return;
	}
	conf_error(r->errs, place_at(r, trim_end(l, 0, l->len)), "']' is missing");
	tell_section(r, NULL, place_at(r, 0));
}

/* inih asks for a line. Behind a header it gets a key without a name, so that
 * it calls back for a section that has no keys too. */
static char *next_line(char *to, int size, void *stream)
{
	struct reader *r = stream;
	if (r->ask_header) {
		r->ask_header = false;
		snprintf(to, (size_t)size, "=\n");
		return to;
	}
	if (r->line.is_open)
		report_refused(r);
	r->line.is_open = false;
	while (r->rc == 0 && take_line(r)) {
		if (!pass_over(r) && shorten(r, to, (size_t)size)) {
			r->line.is_open = true;
			return to;
		}
	}
	return NULL;
}

/* Behind a header or a quoted value there may only be a comment. */
static void check_tail(struct reader *r, size_t from)
{
	size_t at = skip_blanks(&r->line, from);
	if (at < r->line.len && r->line.text[at] != ';')
		conf_error(r->errs, place_at(r, at), "text behind '%c'", r->line.text[from - 1]);
}

static int on_header(struct reader *r)
{
	const struct line *l = &r->line;
	const char *bracket = memchr(l->text, ']', l->len);
	must(bracket);
	size_t close = (size_t)(bracket - l->text);
	size_t start = skip_blanks(l, 1);
	size_t end = trim_end(l, start, close);
	const char *text = arena_strndup(r->arena, l->text + start, end > start ? end - start : 0);
	if (!text)
		return ERR_NOMEM;
	check_tail(r, close + 1);
	tell_section(r, text, place_at(r, start));
	return r->rc;
}

/* The value that begins with a quote at `start`. */
static bool find_quoted(struct reader *r, size_t start, struct written *ret)
{
	const struct line *l = &r->line;
	size_t at = start + 1;
	while (at < l->len && l->text[at] != '"')
		at += l->text[at] == '\\' ? 2 : 1;
	if (at >= l->len) {
		conf_error(r->errs, place_at(r, start), "the closing '\"' is missing");
		return false;
	}
	check_tail(r, at + 1);
	*ret = (struct written){ l->text + start + 1, at - start - 1, true,
				 place_at(r, start + 1) };
	return true;
}

static bool find_value(struct reader *r, size_t start, struct written *ret)
{
	const struct line *l = &r->line;
	if (start < l->len && l->text[start] == '"')
		return find_quoted(r, start, ret);
	size_t end = start;
	while (end < l->len &&
	       !(l->text[end] == ';' && (end == start || is_blank(l->text[end - 1]))))
		end++;
	end = trim_end(l, start, end);
	*ret = (struct written){ l->text + start, end - start, false, place_at(r, start) };
	return true;
}

static int on_key(struct reader *r, const char *inih_name)
{
	const struct line *l = &r->line;
	const char *name = arena_strdup(r->arena, inih_name);
	if (!name)
		return ERR_NOMEM;
	const char *equals = memchr(l->text, '=', l->len);
	must(equals);
	size_t start = skip_blanks(l, (size_t)(equals - l->text) + 1);
	struct written written;
	const char *value = NULL;
	if (find_value(r, start, &written)) {
		int rc = expand_value(&written, r->arena, r->errs, &value);
		if (rc == ERR_NOMEM)
			return rc;
	}
	return r->sink->key(r->ctx, name, place_at(r, 0), value, place_at(r, start));
}

/* inih's verdict on the open line. The key without a name that follows each
 * header comes with the section inih believes to be in: the header was good
 * when that is the number it was shown. */
static int on_item(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	(void)value;
	if (name[0] == '\0') {
		if (strtoul(section, NULL, 10) != r->line.number)
			return 1;
		r->line.is_open = false;
		r->rc = on_header(r);
	} else {
		r->line.is_open = false;
		r->rc = on_key(r, name);
	}
	return r->rc == 0;
}

int ini_read(const char *file, const char *text, size_t len, const struct ini_sink *sink, void *ctx,
	     struct arena *a, struct conf_errors *errs)
{
	struct reader r = {
		.file = file,
		.at = text,
		.end = text + len,
		.sink = sink,
		.ctx = ctx,
		.arena = a,
		.errs = errs,
	};
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	/* Its own result is the number of the first line it refused: known. */
	int refused = ini_parse_stream(next_line, &r, on_item, &r);
	return refused < 0 ? ERR_NOMEM : r.rc;
}
