/*
 * The effective configuration as an INI file that can be loaded again, with a
 * comment behind each value that says where it comes from.
 *
 * Thread: any.
 */
#include <string.h>

#include "conf/conf_private.h"
#include "conf/expand.h"

/* Comments stand at this column at the most. */
enum { ALIGN_MAX = 48 };

struct row {
	const char *left; /* "key = value" */
	const char *origin;
};

/* The rows of one section; its memory goes with it. */
struct rows {
	struct arena arena;
	struct row *list;
	size_t count;
	bool is_short; /* memory was out */
};

static void add(struct rows *rows, const char *left, const char *origin)
{
	if ((rows->count & (rows->count - 1)) == 0) {
		size_t room = rows->count ? rows->count * 2 : 1;
		struct row *list = arena_alloc(&rows->arena, room * sizeof(*list));
		if (!list) {
			rows->is_short = true;
			return;
		}
		if (rows->count)
			memcpy(list, rows->list, rows->count * sizeof(*list));
		rows->list = list;
	}
	if (left && origin)
		rows->list[rows->count++] = (struct row){ left, origin };
	else
		rows->is_short = true;
}

/* A name of a file may hold what would end the comment. */
static const char *origin(struct conf_place place, struct arena *a)
{
	if (!place.file)
		return "default";
	char *text = arena_printf(a, "%s:%u", place.file, place.line);
	for (char *p = text; p && *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return text;
}

static void add_value(struct rows *rows, const char *name, const char *text,
		      struct conf_place place)
{
	struct arena *a = &rows->arena;
	const char *written = text ? expand_write(text, a) : NULL;
	const char *left = !written             ? NULL
			   : written[0] == '\0' ? arena_printf(a, "%s =", name)
						: arena_printf(a, "%s = %s", name, written);
	add(rows, left, origin(place, a));
}

/* An option without value and without default must stay so when the text is
 * loaded again: it is a comment. */
static void add_option(struct rows *rows, const struct option_set *set, size_t index)
{
	const struct weir_option *def = &set->defs[index];
	const struct option_value *v = &set->values[index];
	struct arena *a = &rows->arena;
	if (!v->place.file && !def->value)
		add(rows, arena_printf(a, ";%s =", def->name), "not set");
	else if (v->count == 0)
		add_value(rows, def->name, option_text(set, index, 0, a), v->place);
	for (size_t i = 0; i < v->count; i++)
		add_value(rows, def->name, option_text(set, index, i, a), v->texts[i].place);
}

static void add_set(struct rows *rows, const struct option_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		add_option(rows, set, i);
}

/* Of keys nobody explains, each could be a secret. */
static void add_rest(struct rows *rows, const struct conf_section *s)
{
	struct arena *a = &rows->arena;
	for (size_t i = 0; i < s->rest_count; i++)
		add(rows, arena_printf(a, ";%s = ********", s->rest[i].name),
		    origin(s->rest[i].text_place, a));
}

static void print_rows(const struct rows *rows, FILE *to)
{
	int width = 0;
	for (size_t i = 0; i < rows->count; i++) {
		size_t len = strlen(rows->list[i].left);
		if (len <= ALIGN_MAX && (int)len > width)
			width = (int)len;
	}
	for (size_t i = 0; i < rows->count; i++)
		fprintf(to, "%-*s ; %s\n", width, rows->list[i].left, rows->list[i].origin);
	if (rows->is_short)
		fputs("; not complete: out of memory\n", to);
}

static void dump_section(void *ctx, const struct conf_section *s, const struct option_set *own)
{
	FILE *to = ctx;
	struct rows rows = { 0 };
	arena_init(&rows.arena);
	const char *header = section_header(s, &rows.arena);
	const char *from = origin(s->place, &rows.arena);
	add_set(&rows, &s->set);
	if (own)
		add_set(&rows, own);
	else
		add_rest(&rows, s);
	fprintf(to, "%s%s ; %s\n", s->kind == SECTION_SERVER ? "" : "\n", header ? header : ";",
		from ? from : "");
	print_rows(&rows, to);
	arena_done(&rows.arena);
}

void conf_each_section(const struct conf *conf,
		       void (*fn)(void *ctx, const struct conf_section *s,
				  const struct option_set *own),
		       conf_set_of *module_set, void *set_ctx, void *ctx)
{
	fn(ctx, &conf->server, NULL);
	for (size_t i = 0; i < conf->pool_count; i++)
		fn(ctx, &conf->pools[i], NULL);
	for (size_t i = 0; i < conf->module_count; i++) {
		const struct conf_section *s = &conf->modules[i];
		fn(ctx, s, module_set ? module_set(set_ctx, s->name) : NULL);
	}
	for (size_t i = 0; i < conf->route_count; i++)
		fn(ctx, &conf->routes[i], NULL);
	for (size_t i = 0; i < conf->static_count; i++)
		fn(ctx, &conf->statics[i], NULL);
	fn(ctx, &conf->admin, NULL);
}

void conf_dump(const struct conf *conf, FILE *to, conf_set_of *module_set, void *ctx)
{
	conf_each_section(conf, dump_section, module_set, ctx, to);
}

static void hide_section(void *ctx, const struct conf_section *s, const struct option_set *own)
{
	(void)own;
	for (size_t i = 0; i < s->set.count; i++) {
		const struct option_value *v = &s->set.values[i];
		if (v->cred)
			conf_errors_hide(ctx, v->text, v->cred);
		for (size_t k = 0; k < v->count; k++) {
			if (v->texts[k].cred)
				conf_errors_hide(ctx, v->texts[k].text, v->texts[k].cred);
		}
	}
}

void conf_hide(const struct conf *conf, struct conf_errors *errs)
{
	conf_each_section(conf, hide_section, NULL, NULL, errs);
}
