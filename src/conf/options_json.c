/*
 * The options as JSON, an array with one object each, for tools.
 *
 * Thread: any.
 */
#include <inttypes.h>

#include "base/utf8.h"
#include "conf/options.h"

#include <string.h>

static const char *const type_names[] = {
	[WEIR_STRING] = "string", [WEIR_PATH] = "path", [WEIR_BOOL] = "bool",
	[WEIR_INT] = "int",       [WEIR_SIZE] = "size", [WEIR_DURATION] = "duration",
	[WEIR_CHOICE] = "choice",
};

static const char *const change_names[] = {
	[CHANGE_LIVE] = "live",
	[CHANGE_RELOAD] = "reload",
	[CHANGE_RESTART] = "restart",
};

static void put_escaped(char c, FILE *to)
{
	if (c == '"' || c == '\\')
		fprintf(to, "\\%c", c);
	else if ((unsigned char)c < 0x20 || c == 0x7f)
		fprintf(to, "\\u%04x", (unsigned)c);
	else
		fputc(c, to);
}

/* Only WEIR_MODULE_DIR could hold bytes that are not UTF-8. */
static void put_string(const char *text, FILE *to)
{
	size_t len = strlen(text);
	fputc('"', to);
	for (size_t at = 0; at < len;) {
		size_t good = utf8_good(text + at, len - at);
		for (size_t i = 0; i < good; i++)
			put_escaped(text[at + i], to);
		at += good;
		if (at < len) {
			fputs("\\ufffd", to);
			at++;
		}
	}
	fputc('"', to);
}

static void put_member(const char *name, const char *text, FILE *to)
{
	fprintf(to, ",\n    \"%s\": ", name);
	if (text)
		put_string(text, to);
	else
		fputs("null", to);
}

static void put_flag(const char *name, bool value, FILE *to)
{
	fprintf(to, ",\n    \"%s\": %s", name, value ? "true" : "false");
}

static void put_choices(const char *choices, FILE *to)
{
	fputs(",\n    \"choices\": [", to);
	const char *comma = "";
	for (const char *p = choices; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		fprintf(to, "%s\"%.*s\"", comma, (int)len, p);
		comma = ", ";
		p += len;
	}
	fputc(']', to);
}

static void put_range(const struct weir_option *def, FILE *to)
{
	int64_t min, max;
	option_range(def, &min, &max);
	fprintf(to, ",\n    \"min\": %" PRId64 ",\n    \"max\": ", min);
	if (def->min == 0 && def->max == 0)
		fputs("null", to);
	else
		fprintf(to, "%" PRId64, max);
}

static void write_option(enum section_kind kind, size_t i, FILE *to)
{
	const struct weir_option *def = &section_options(kind)[i];
	const struct option_extra *extra = section_extra(kind, i);
	fprintf(to, "  {\n    \"section\": \"%s\"", section_name(kind));
	put_member("name", def->name, to);
	put_member("type", type_names[def->type], to);
	put_member("default", def->value, to);
	if (def->type == WEIR_INT || def->type == WEIR_SIZE || def->type == WEIR_DURATION)
		put_range(def, to);
	if (def->type == WEIR_CHOICE)
		put_choices(def->choices, to);
	put_flag("required", def->flags & WEIR_REQUIRED, to);
	put_flag("secret", def->flags & WEIR_SECRET, to);
	put_flag("repeated", def->flags & WEIR_REPEATED, to);
	put_flag("auto", def->flags & WEIR_OR_AUTO, to);
	put_flag("inf", def->flags & WEIR_OR_INF, to);
	put_flag("off", def->flags & WEIR_OR_OFF, to);
	put_member("change", change_names[extra->change], to);
	put_member("help", def->help, to);
	put_member("description", extra->paragraph, to);
	fputs("\n  }", to);
}

void options_write_json(FILE *to)
{
	const char *comma = "";
	fputs("[\n", to);
	for (int k = 0; k < SECTION_COUNT; k++) {
		enum section_kind kind = (enum section_kind)k;
		for (size_t i = 0; section_options(kind)[i].name; i++) {
			fputs(comma, to);
			write_option(kind, i, to);
			comma = ",\n";
		}
	}
	fputs("\n]\n", to);
}
