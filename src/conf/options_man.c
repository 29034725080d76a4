/*
 * The option part of weir.ini(5) in mdoc: one list a section.
 *
 * Thread: any.
 */
#include <string.h>

#include "conf/options.h"

enum { LINE_LENGTH = 64 };

static const struct {
	const char *header; /* in mdoc */
	const char *about;
} parts[] = {
	[SECTION_SERVER] = { "[server]",
			     "The daemon as a whole: addresses, limits, time limits, logs.\n" },
	[SECTION_POOL] = { "[pool NAME]", "A pool of worker threads with its limit and its line.\n"
					  "The pools default and background always exist.\n" },
	[SECTION_MODULE] = { "[module NAME]",
			     "Loads a module; NAME is the name of the instance.\n"
			     "The module's own options are keys of the same section.\n" },
	[SECTION_ROUTE] = { "[route METHODS PATTERN]",
			    "Changes a route that a module has, or adds one.\n"
			    "METHODS is one method, several as GET,POST, or * for all.\n" },
	[SECTION_STATIC] = { "[static PREFIX]",
			     "Serves the files of a folder under PREFIX, such as /assets/.\n"
			     "It takes neither a token nor a worker.\n" },
	[SECTION_ADMIN] = { "[admin]",
			    "The control plane: status, metrics, changes while it runs.\n" },
};

/* Plain text as mdoc: every sentence on its own line, none of them long,
 * nothing taken for a request or an escape. */
static void put_text(const char *text, FILE *to)
{
	int column = 0;
	for (const char *p = text; *p; p++) {
		if (column == 0 && (*p == '.' || *p == '\''))
			fputs("\\&", to);
		bool ends = *p == ' ' && column > 0 && (p[-1] == '.' || column > LINE_LENGTH);
		if (ends)
			fputc('\n', to);
		else if (*p == '\\')
			fputs("\\e", to);
		else
			fputc(*p, to);
		column = ends ? 0 : column + 1;
	}
	fputc('\n', to);
}

/* An argument of a macro: no word of it may be taken for a macro. */
static void put_quoted(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"')
			fputs("\"\"", to);
		else if (*text == '\\')
			fputs("\\e", to);
		else
			fputc(*text, to);
	}
	fputs("\"\n", to);
}

static void write_option(enum section_kind kind, size_t i, FILE *to)
{
	const struct weir_option *def = &section_options(kind)[i];
	const struct option_extra *extra = section_extra(kind, i);
	struct arena a;
	arena_init(&a);
	const char *wanted = option_wanted(def, &a);
	fprintf(to, ".It Ic %s No =", def->name);
	fputs(" Ar ", to);
	put_quoted(wanted ? wanted : "", to);
	fprintf(to, "%s.\n", def->help);
	put_text(extra->paragraph, to);
	if (def->value) {
		fputs(".Pp\nDefault:\n.Ql ", to);
		put_quoted(def->value, to);
	}
	arena_done(&a);
}

void options_write_man(FILE *to)
{
	fputs(".\\\" Generated from the table of options by weir --options=man.\n", to);
	for (int k = 0; k < SECTION_COUNT; k++) {
		enum section_kind kind = (enum section_kind)k;
		fprintf(to, ".Ss %s\n%s.Bl -tag -width Ds\n", parts[k].header, parts[k].about);
		for (size_t i = 0; section_options(kind)[i].name; i++)
			write_option(kind, i, to);
		fputs(".El\n", to);
	}
}
