/*
 * Headers that the configuration adds to answers: add_header lines read,
 * checked, and put together for each route with those of [server].
 *
 * Thread: main.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "work/request.h"
#include "work/site.h"

static bool has_name(const struct response_header *list, const char *name)
{
	for (; list; list = list->next) {
		if (strcasecmp(list->name, name) == 0)
			return true;
	}
	return false;
}

/* "NAME: VALUE"; what is wrong with it, or NULL. */
static const char *split(char *text, struct response_header *ret)
{
	char *colon = strchr(text, ':');
	if (!colon)
		return "is not of the form NAME: VALUE";
	char *value = colon + 1 + strspn(colon + 1, " \t");
	*colon = '\0';
	*ret = (struct response_header){ .name = text, .value = value };
	ret->name_len = strlen(text);
	ret->value_len = strlen(value);
	if (!http_is_token(ret->name, ret->name_len))
		return "has a name that is none of a header";
	if (response_is_framing(text) || strcasecmp(text, "Content-Type") == 0)
		return "belongs to the daemon or the handler";
	if (!http_is_field_value(ret->value, ret->value_len))
		return "has a control character in its value";
	return NULL;
}

/* The lines of one section, then those of `rest` that they leave. */
static int build(struct generation *gen, const struct conf_section *section, size_t option,
		 const struct response_header *rest, const struct response_header **ret,
		 struct conf_errors *errs)
{
	const struct option_value *lines = &section->set.values[option];
	struct response_header *first = NULL, **end = &first;
	for (size_t i = 0; i < lines->count; i++) {
		char *text = arena_strdup(&gen->arena, lines->texts[i].text);
		struct response_header *h = arena_alloc(&gen->arena, sizeof(*h));
		if (!text || !h)
			return -ENOMEM;
		const char *why = split(text, h);
		if (why)
			conf_error(errs, lines->texts[i].place, "add_header: '%.64s' %s",
				   lines->texts[i].text, why);
		*end = h;
		end = &h->next;
	}
	for (; rest && lines->count > 0; rest = rest->next) {
		struct response_header *h = arena_alloc(&gen->arena, sizeof(*h));
		if (!h)
			return -ENOMEM;
		if (has_name(first, rest->name))
			continue;
		*h = *rest;
		h->next = NULL;
		*end = h;
		end = &h->next;
	}
	*ret = lines->count > 0 ? first : rest;
	return 0;
}

int headers_build(struct generation *gen, struct conf_errors *errs)
{
	int rc = build(gen, &gen->conf->server, SERVER_ADD_HEADER, NULL, &gen->add, errs);
	for (size_t i = 0; rc == 0 && i < gen->route_count; i++) {
		struct route *r = &gen->routes[i];
		r->add = gen->add;
		if (r->section)
			rc = build(gen, r->section, ROUTE_ADD_HEADER, gen->add, &r->add, errs);
	}
	for (size_t i = 0; rc == 0 && i < gen->site_count; i++) {
		struct site *site = &gen->sites[i];
		rc = build(gen, site->section, STATIC_ADD_HEADER, gen->add, &site->route.add, errs);
		site->bare.add = site->route.add;
	}
	return rc;
}
