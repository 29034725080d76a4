/*
 * Section headers: which section it is, whether it may stand here, and the
 * lists sections are kept in.
 *
 * Thread: boot and reload.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/near.h"
#include "conf/conf_private.h"

enum { WORDS_MAX = 4, NAME_LEN_MAX = 64 };

/* A word of a header and where it stands. */
struct word {
	const char *text;
	struct conf_place place;
};

static const struct {
	const char *form;
	size_t words;
} forms[] = {
	[SECTION_SERVER] = { "[server]", 1 },
	[SECTION_POOL] = { "[pool NAME]", 2 },
	[SECTION_MODULE] = { "[module NAME]", 2 },
	[SECTION_ROUTE] = { "[route METHODS PATTERN]", 3 },
	[SECTION_STATIC] = { "[static PREFIX]", 2 },
	[SECTION_ADMIN] = { "[admin]", 1 },
};

const char *section_form(enum section_kind kind)
{
	return forms[kind].form;
}

const char *section_header(const struct conf_section *s, struct arena *a)
{
	if (forms[s->kind].words == 1)
		return forms[s->kind].form;
	if (s->kind == SECTION_ROUTE)
		return arena_printf(a, "[route %s %s]", s->methods, s->name);
	return arena_printf(a, "[%s %s]", section_name(s->kind), s->name);
}

/* Cuts `text` into words; what is more than WORDS_MAX is counted only. */
static size_t split(char *text, struct conf_place place, struct word *words)
{
	size_t count = 0;
	for (char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
		size_t len = strcspn(p, " \t");
		if (count < WORDS_MAX) {
			words[count] = (struct word){ p, place };
			words[count].place.column += (unsigned)(p - text);
		}
		count++;
		p += len;
		if (*p)
			*p++ = '\0';
	}
	return count;
}

static bool find_kind(const struct word *w, enum section_kind *ret_kind, struct conf_errors *errs)
{
	struct near near;
	near_init(&near, w->text);
	for (int kind = 0; kind < SECTION_COUNT; kind++) {
		const char *name = section_name((enum section_kind)kind);
		if (strcmp(name, w->text) == 0) {
			*ret_kind = (enum section_kind)kind;
			return true;
		}
		near_offer(&near, name);
	}
	if (near.best)
		conf_error(errs, w->place, "unknown section '%.64s'; did you mean '%s'?", w->text,
			   near.best);
	else
		conf_error(errs, w->place,
			   "unknown section '%.64s'; there are %s, %s, %s, %s, %s and %s", w->text,
			   forms[0].form, forms[1].form, forms[2].form, forms[3].form,
			   forms[4].form, forms[5].form);
	return false;
}

static bool is_good_name(const char *name)
{
	size_t len =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	return name[len] == '\0' && len <= NAME_LEN_MAX;
}

static bool is_method(const char *text, size_t len)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	};
	for (size_t i = 0; i < array_len(methods); i++) {
		if (strlen(methods[i]) == len && memcmp(methods[i], text, len) == 0)
			return true;
	}
	return false;
}

static bool are_good_methods(const struct word *w, struct conf_errors *errs)
{
	if (strcmp(w->text, "*") == 0)
		return true;
	for (const char *p = w->text;; p++) {
		size_t len = strcspn(p, ",");
		if (!is_method(p, len)) {
			struct conf_place place = w->place;
			place.column += (unsigned)(p - w->text);
			conf_error(
				errs, place,
				"'%.*s' is no method; write GET, HEAD, POST, PUT, PATCH, DELETE or "
				"OPTIONS, several as GET,POST, or * for all",
				len > 32 ? 32 : (int)len, p);
			return false;
		}
		p += len;
		if (*p == '\0')
			return true;
	}
}

/* Fills in `head` from the words behind the kind. */
static bool read_words(const struct word *words, struct conf_section *head,
		       struct conf_errors *errs)
{
	if (head->kind == SECTION_ROUTE) {
		head->methods = words[1].text;
		head->name = words[2].text;
		if (!are_good_methods(&words[1], errs))
			return false;
		if (head->name[0] == '/')
			return true;
		conf_error(errs, words[2].place, "the pattern of a route begins with '/'");
		return false;
	}
	if (forms[head->kind].words == 1)
		return true;
	head->name = words[1].text;
	if (head->kind == SECTION_STATIC && head->name[0] == '/')
		return true;
	if (head->kind == SECTION_STATIC) {
		conf_error(errs, words[1].place, "the prefix of static files begins with '/'");
		return false;
	}
	if (is_good_name(head->name))
		return true;
	conf_error(errs, words[1].place, "a name has only letters, digits, '-' and '_', at most %d",
		   NAME_LEN_MAX);
	return false;
}

int section_add(struct loader *l, struct conf_section **list, size_t *count,
		const struct conf_section *head)
{
	struct arena *a = &l->conf->arena;
	/* Grows by doubling: at each power of two the list is full. */
	if ((*count & (*count - 1)) == 0) {
		size_t room = *count ? *count * 2 : 1;
		struct conf_section *bigger = arena_alloc(a, room * sizeof(*bigger));
		if (!bigger)
			return ERR_NOMEM;
		if (*count)
			memcpy(bigger, *list, *count * sizeof(*bigger));
		*list = bigger;
	}
	struct conf_section *s = &(*list)[*count];
	*s = *head;
	int rc = option_set_init(&s->set, section_options(s->kind), a, section_form(s->kind),
				 s->place, l->errs);
	if (rc == 0)
		++*count;
	return rc;
}

static struct conf_section *find_same(struct conf_section *list, size_t count,
				      const struct conf_section *head)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, head->name) == 0 &&
		    strcmp(list[i].methods, head->methods) == 0)
			return &list[i];
	}
	return NULL;
}

static void enter(struct loader *l, struct conf_section *s)
{
	l->section = s;
	l->state = READING_SECTION;
}

static int enter_listed(struct loader *l, struct conf_section **list, size_t *count,
			const struct conf_section *head)
{
	struct conf_section *same = find_same(*list, *count, head);
	if (same && same->place.file && strcmp(same->place.file, head->place.file) == 0) {
		const char *header = section_header(head, &l->conf->arena);
		conf_error(l->errs, head->place,
			   "%s stands here a second time; the first is at %s:%u",
			   header ? header : section_form(head->kind), same->place.file,
			   same->place.line);
		return 0;
	}
	if (same) {
		same->place = head->place;
	} else {
		int rc = section_add(l, list, count, head);
		if (rc < 0)
			return rc;
		same = &(*list)[*count - 1];
	}
	enter(l, same);
	return 0;
}

static int enter_single(struct loader *l, struct conf_section *s, const struct conf_section *head)
{
	if (!s->place.file)
		s->place = head->place;
	enter(l, s);
	return 0;
}

int section_enter(struct loader *l, const char *text, struct conf_place place)
{
	struct conf *conf = l->conf;
	struct word words[WORDS_MAX];
	struct conf_section head = { .name = "", .methods = "", .place = place };
	head.place.column = 1;
	char *copy = arena_strdup(&conf->arena, text);
	if (!copy)
		return ERR_NOMEM;
	size_t count = split(copy, place, words);
	if (count == 0) {
		conf_error(l->errs, place, "a section without a name");
		return 0;
	}
	if (!find_kind(&words[0], &head.kind, l->errs))
		return 0;
	if (count != forms[head.kind].words) {
		conf_error(l->errs, head.place, "too %s words; write %s",
			   count < forms[head.kind].words ? "few" : "many", forms[head.kind].form);
		return 0;
	}
	if (!read_words(words, &head, l->errs))
		return 0;
	switch (head.kind) {
	case SECTION_POOL:
		return enter_listed(l, &conf->pools, &conf->pool_count, &head);
	case SECTION_MODULE:
		return enter_listed(l, &conf->modules, &conf->module_count, &head);
	case SECTION_ROUTE:
		return enter_listed(l, &conf->routes, &conf->route_count, &head);
	case SECTION_STATIC:
		return enter_listed(l, &conf->statics, &conf->static_count, &head);
	case SECTION_ADMIN:
		return enter_single(l, &conf->admin, &head);
	case SECTION_SERVER:
	case SECTION_COUNT:
		break;
	}
	return enter_single(l, &conf->server, &head);
}
