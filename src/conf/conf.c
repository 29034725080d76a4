/*
 * The life of a configuration, and what a key means once its section is known.
 *
 * Thread: boot and reload build; any thread reads.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf_private.h"
#include "conf/ini.h"

static const struct conf_section *find(const struct conf_section *list, size_t count,
				       const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

const struct conf_section *conf_pool(const struct conf *conf, const char *name)
{
	return find(conf->pools, conf->pool_count, name);
}

const struct conf_section *conf_module(const struct conf *conf, const char *name)
{
	return find(conf->modules, conf->module_count, name);
}

void conf_free(struct conf **conf)
{
	if (!*conf)
		return;
	arena_done(&(*conf)->arena);
	free(*conf);
	*conf = NULL;
}

static bool is_elsewhere(const struct loader *l, struct conf_place place)
{
	return place.file && strcmp(place.file, l->source->file) != 0;
}

/* What is included stands for changes of the file that includes it; of several,
 * the later counts. */
static bool source_overrides(const struct loader *l)
{
	return l->source->depth > 0;
}

/* A module decides later what its own keys mean. */
static int add_rest(struct loader *l, const struct conf_key *key)
{
	struct conf_section *s = l->section;
	for (size_t i = 0; i < s->rest_count; i++) {
		if (strcmp(s->rest[i].name, key->name) == 0 &&
		    is_elsewhere(l, s->rest[i].text_place)) {
			if (source_overrides(l))
				s->rest[i] = *key;
			return 0;
		}
	}
	if ((s->rest_count & (s->rest_count - 1)) == 0) {
		size_t room = s->rest_count ? s->rest_count * 2 : 1;
		struct conf_key *rest = arena_alloc(&l->conf->arena, room * sizeof(*rest));
		if (!rest)
			return ERR_NOMEM;
		if (s->rest_count)
			memcpy(rest, s->rest, s->rest_count * sizeof(*rest));
		s->rest = rest;
	}
	s->rest[s->rest_count++] = *key;
	return 0;
}

/* The form of a section that has the key, NULL when none has. */
static const char *home_of(const char *key)
{
	for (int kind = 0; kind < SECTION_COUNT; kind++) {
		if (option_find(section_options((enum section_kind)kind), key) >= 0)
			return section_form((enum section_kind)kind);
	}
	return NULL;
}

static void report_unknown(struct loader *l, const char *name, struct conf_place place)
{
	const char *header = section_header(l->section, &l->conf->arena);
	const char *home = home_of(name);
	const char *near = option_nearest(section_options(l->section->kind), NULL, name);
	if (!header)
		header = section_form(l->section->kind);
	if (strcmp(name, "include") == 0)
		conf_error(l->errs, place, "include must stand before the first section");
	else if (home)
		conf_error(l->errs, place, "unknown key '%s' in %s; it belongs in %s", name, header,
			   home);
	else if (near)
		conf_error(l->errs, place, "unknown key '%s' in %s; did you mean '%s'?", name,
			   header, near);
	else
		conf_error(l->errs, place, "unknown key '%s' in %s", name, header);
}

static int set_value(struct loader *l, size_t index, const struct conf_key *key)
{
	struct option_value *v = &l->section->set.values[index];
	bool is_repeated = section_options(l->section->kind)[index].flags & WEIR_REPEATED;
	if (!is_repeated && is_elsewhere(l, v->place)) {
		if (!source_overrides(l))
			return 0;
		v->place.file = NULL;
	}
	return option_set_value(&l->section->set, index, key->text, key->text_place, key->folder,
				&l->conf->arena, l->errs);
}

static int set_key(struct loader *l, const struct conf_key *key)
{
	int index = option_find(section_options(l->section->kind), key->name);
	if (index >= 0 && key->text)
		return set_value(l, (size_t)index, key);
	if (index >= 0)
		return 0;
	if (l->section->kind != SECTION_MODULE)
		report_unknown(l, key->name, key->name_place);
	else if (key->text)
		return add_rest(l, key);
	return 0;
}

static int on_key(void *ctx, const char *name, struct conf_place name_place, const char *value,
		  struct conf_place value_place)
{
	struct loader *l = ctx;
	if (l->state == READING_SECTION) {
		struct conf_key key = { name, value, name_place, value_place, l->source->folder };
		return set_key(l, &key);
	}
	if (l->state == READING_BROKEN)
		return 0;
	if (strcmp(name, "include") == 0)
		return value ? source_include(l, value, value_place) : 0;
	conf_error(l->errs, name_place, "key '%s' stands before the first section", name);
	return 0;
}

static int on_section(void *ctx, const char *text, struct conf_place place)
{
	struct loader *l = ctx;
	l->state = READING_BROKEN;
	return text ? section_enter(l, text, place) : 0;
}

int source_read(struct loader *l, struct source *source, const char *text, size_t len)
{
	static const struct ini_sink sink = { .section = on_section, .key = on_key };
	source->includer = l->source;
	source->depth = l->source ? l->source->depth + 1 : 0;
	l->source = source;
	l->state = READING_START;
	int rc = ini_read(source->file, text, len, &sink, l, &l->conf->arena, l->errs);
	l->source = source->includer;
	/* Who includes has not come to a section yet. */
	l->state = READING_START;
	return rc;
}

static int add_standard_sections(struct loader *l)
{
	static const struct conf_section pools[] = {
		{ .kind = SECTION_POOL, .name = "default", .methods = "" },
		{ .kind = SECTION_POOL, .name = "background", .methods = "" },
	};
	struct conf *conf = l->conf;
	conf->server = (struct conf_section){ .kind = SECTION_SERVER, .name = "", .methods = "" };
	conf->admin = (struct conf_section){ .kind = SECTION_ADMIN, .name = "", .methods = "" };
	int rc = option_set_init(&conf->server.set, section_options(SECTION_SERVER), &conf->arena,
				 "[server]", conf->server.place, l->errs);
	if (rc == 0)
		rc = option_set_init(&conf->admin.set, section_options(SECTION_ADMIN), &conf->arena,
				     "[admin]", conf->admin.place, l->errs);
	for (size_t i = 0; rc == 0 && i < array_len(pools); i++)
		rc = section_add(l, &conf->pools, &conf->pool_count, &pools[i]);
	return rc;
}

/* `text` NULL: read the file. */
static int load(const char *file, const char *text, struct conf **ret_conf,
		struct conf_errors *errs)
{
	size_t errors = errs->count;
	unsigned lost = errs->lost;
	struct conf *conf = calloc(1, sizeof(*conf));
	if (!conf)
		return ERR_NOMEM;
	arena_init(&conf->arena);
	struct loader l = { .conf = conf, .errs = errs };
	conf->file = arena_strdup(&conf->arena, file);
	conf->text = text ? arena_strdup(&conf->arena, text) : NULL;
	bool is_short = !conf->file || (text && !conf->text);
	int rc = is_short ? ERR_NOMEM : add_standard_sections(&l);
	if (rc == 0 && text) {
		struct source source = { .file = conf->file };
		source.folder = option_folder("", &conf->arena);
		rc = source.folder ? source_read(&l, &source, text, strlen(text)) : ERR_NOMEM;
	} else if (rc == 0) {
		rc = source_load(&l, conf->file, (struct conf_place){ 0 });
	}
	if (rc == 0)
		conf_check(conf, errs);
	if (rc < 0 || errs->lost > lost) {
		conf_free(&conf);
		return ERR_NOMEM;
	}
	*ret_conf = conf;
	return errs->count > errors ? ERR_CONFIG : 0;
}

int conf_load(const char *file, struct conf **ret_conf, struct conf_errors *errs)
{
	return load(file, NULL, ret_conf, errs);
}

int conf_load_again(const struct conf *was, struct conf **ret_conf, struct conf_errors *errs)
{
	return load(was->file, was->text, ret_conf, errs);
}

int conf_load_text(const char *name, const char *text, struct conf **ret_conf,
		   struct conf_errors *errs)
{
	return load(name, text, ret_conf, errs);
}
