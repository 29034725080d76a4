/*
 * Comparing configurations, section by section, value by value.
 *
 * Thread: any.
 */
#include "conf/conf_diff.h"

#include <string.h>

#include "conf/conf_private.h"

/* One side. */
struct side {
	const struct conf *conf;
	conf_set_of *set_of;
	void *ctx;
};

static const struct conf_section *sections(const struct conf *c, enum section_kind kind,
					   size_t *ret_count)
{
	*ret_count = 1;
	switch (kind) {
	case SECTION_POOL:
		*ret_count = c->pool_count;
		return c->pools;
	case SECTION_MODULE:
		*ret_count = c->module_count;
		return c->modules;
	case SECTION_ROUTE:
		*ret_count = c->route_count;
		return c->routes;
	case SECTION_STATIC:
		*ret_count = c->static_count;
		return c->statics;
	case SECTION_ADMIN:
		return &c->admin;
	case SECTION_SERVER:
	case SECTION_COUNT:
		break;
	}
	return &c->server;
}

static bool is_text_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static const struct conf_section *find(const struct conf *in, const struct conf_section *s)
{
	size_t count;
	const struct conf_section *list = sections(in, s->kind, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_text_same(list[i].name, s->name) &&
		    is_text_same(list[i].methods, s->methods))
			return &list[i];
	}
	return NULL;
}

/* ---- the list ---- */

static void add(struct conf_changes *c, struct conf_change change)
{
	if ((c->count & (c->count - 1)) == 0) {
		size_t room = c->count ? c->count * 2 : 1;
		struct conf_change *list = arena_alloc(&c->arena, room * sizeof(*list));
		if (list && c->count)
			memcpy(list, c->list, c->count * sizeof(*list));
		c->list = list ? list : c->list;
		c->is_short = c->is_short || !list;
	}
	if (change.place.file)
		change.place.file = arena_strdup(&c->arena, change.place.file);
	if (change.key)
		change.key = arena_strdup(&c->arena, change.key);
	if (c->is_short || !change.section) {
		c->is_short = true;
		return;
	}
	c->list[c->count++] = change;
	c->restarts += change.needs_restart;
}

void conf_changes_add(struct conf_changes *c, const struct conf_change *change)
{
	struct conf_change copy = *change;
	copy.section = arena_strdup(&c->arena, change->section);
	copy.was = change->was ? arena_strdup(&c->arena, change->was) : NULL;
	copy.is = change->is ? arena_strdup(&c->arena, change->is) : NULL;
	add(c, copy);
}

static void add_section(struct conf_changes *c, const struct conf_section *s, bool is_new)
{
	add(c, (struct conf_change){
		       .section = section_header(s, &c->arena),
		       .was = is_new ? NULL : "",
		       .is = is_new ? "" : NULL,
		       .place = s->place,
	       });
}

/* ---- values ---- */

static const char *value_text(const struct option_set *set, size_t index, struct arena *a)
{
	const struct option_value *v = &set->values[index];
	const char *all = v->count == 0 ? option_text(set, index, 0, a) : "";
	for (size_t i = 0; all && i < v->count; i++) {
		const char *one = option_text(set, index, i, a);
		all = one ? arena_printf(a, "%s%s%s", all, i ? ", " : "", one) : NULL;
	}
	return all ? arena_strdup(a, all) : NULL; /* it may be the configuration's own */
}

static bool is_value_same(const struct option_value *a, const struct option_value *b)
{
	if (a->num != b->num || !is_text_same(a->text, b->text) || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!is_text_same(a->texts[i].text, b->texts[i].text))
			return false;
	}
	return true;
}

static void compare_value(struct conf_changes *c, const struct conf_section *section,
			  const struct option_set *was, size_t old_index,
			  const struct option_set *is, size_t index, bool needs_restart)
{
	if (is_value_same(&was->values[old_index], &is->values[index]))
		return;
	struct conf_place place = is->values[index].place;
	add(c, (struct conf_change){
		       .section = section_header(section, &c->arena),
		       .key = is->defs[index].name,
		       .was = value_text(was, old_index, &c->arena),
		       .is = value_text(is, index, &c->arena),
		       .needs_restart = needs_restart,
		       .place = place.file ? place : section->place,
	       });
}

static void compare_sets(struct conf_changes *c, const struct conf_section *was,
			 const struct conf_section *is)
{
	for (size_t i = 0; i < is->set.count; i++) {
		bool restarts = section_extra(is->kind, i)->change == CHANGE_RESTART;
		compare_value(c, is, &was->set, i, &is->set, i, restarts);
	}
}

/* The options of a module, whose newer file may have others. */
static void compare_own(struct conf_changes *c, const struct conf_section *section,
			const struct option_set *was, const struct option_set *is)
{
	for (size_t i = 0; i < is->count; i++) {
		int old = option_find(was->defs, is->defs[i].name);
		if (old >= 0 && was->defs[old].type == is->defs[i].type)
			compare_value(c, section, was, (size_t)old, is, i, false);
	}
}

static const struct conf_key *find_key(const struct conf_section *s, const char *name)
{
	for (size_t i = 0; i < s->rest_count; i++) {
		if (strcmp(s->rest[i].name, name) == 0)
			return &s->rest[i];
	}
	return NULL;
}

/* Keys whose meaning only the module knows: each could be a secret. */
static void add_key(struct conf_changes *c, const struct conf_section *section,
		    const struct conf_key *key, bool was_there, bool is_there)
{
	add(c, (struct conf_change){
		       .section = section_header(section, &c->arena),
		       .key = key->name,
		       .was = was_there ? "********" : "",
		       .is = is_there ? "********" : "",
		       .place = key->text_place,
	       });
}

static void compare_keys(struct conf_changes *c, const struct conf_section *was,
			 const struct conf_section *is)
{
	for (size_t i = 0; i < was->rest_count; i++) {
		if (!find_key(is, was->rest[i].name))
			add_key(c, is, &was->rest[i], true, false);
	}
	for (size_t i = 0; i < is->rest_count; i++) {
		const struct conf_key *old = find_key(was, is->rest[i].name);
		if (!old || !is_text_same(old->text, is->rest[i].text))
			add_key(c, is, &is->rest[i], old != NULL, true);
	}
}

static const struct option_set *own_set(const struct side *side, const char *instance)
{
	return side->set_of ? side->set_of(side->ctx, instance) : NULL;
}

static void compare_kind(struct conf_changes *c, enum section_kind kind, const struct side *was,
			 const struct side *is)
{
	size_t count;
	const struct conf_section *list = sections(was->conf, kind, &count);
	for (size_t i = 0; i < count; i++) {
		if (!find(is->conf, &list[i]))
			add_section(c, &list[i], false);
	}
	list = sections(is->conf, kind, &count);
	for (size_t i = 0; i < count; i++) {
		const struct conf_section *old = find(was->conf, &list[i]);
		if (!old) {
			add_section(c, &list[i], true);
			continue;
		}
		compare_sets(c, old, &list[i]);
		const struct option_set *a = own_set(was, list[i].name);
		const struct option_set *b = own_set(is, list[i].name);
		if (kind == SECTION_MODULE && a && b)
			compare_own(c, &list[i], a, b);
		else if (kind == SECTION_MODULE)
			compare_keys(c, old, &list[i]);
	}
}

void conf_diff(struct conf_changes *ret, const struct conf *was, conf_set_of *old_of, void *old_ctx,
	       const struct conf *is, conf_set_of *new_of, void *new_ctx)
{
	struct side a = { was, old_of, old_ctx }, b = { is, new_of, new_ctx };
	*ret = (struct conf_changes){ .count = 0 };
	arena_init(&ret->arena);
	for (enum section_kind kind = 0; kind < SECTION_COUNT; kind++)
		compare_kind(ret, kind, &a, &b);
}

void conf_changes_done(struct conf_changes *changes)
{
	arena_done(&changes->arena);
	*changes = (struct conf_changes){ .count = 0 };
}
