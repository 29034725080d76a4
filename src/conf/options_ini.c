/*
 * The commented sample, conf/weir.ini: every option at its default.
 *
 * Thread: any.
 */
#include "conf/expand.h"
#include "conf/options.h"

/* What must be set has no default: an example stands there. */
static const char *sample_value(const struct weir_option *def)
{
	bool is_required_path = (def->flags & WEIR_REQUIRED) && def->type == WEIR_PATH;
	return is_required_path ? "/srv/www" : def->value ? def->value : "";
}

/* `mark` is ";" in a section that is only an example. */
static void write_option(enum section_kind kind, size_t i, const char *mark, FILE *to)
{
	const struct weir_option *def = &section_options(kind)[i];
	struct arena a;
	arena_init(&a);
	const char *wanted = option_wanted(def, &a);
	const char *value = expand_write(sample_value(def), &a);
	fprintf(to, "\n; %s.\n; (%s)\n", def->help, wanted ? wanted : "");
	fprintf(to, "%s%s =%s%s\n", def->value ? mark : ";", def->name,
		value && value[0] ? " " : "", value ? value : "");
	arena_done(&a);
}

static void write_section(enum section_kind kind, const char *header, const char *mark, FILE *to)
{
	fprintf(to, "\n\n%s%s\n", mark, header);
	for (size_t i = 0; section_options(kind)[i].name; i++)
		write_option(kind, i, mark, to);
}

void options_write_ini(FILE *to)
{
	fputs("; weir.ini: every option of weir at its default; weir.ini(5) tells more.\n"
	      "; In brackets: what is allowed. Changes take effect with a reload (SIGHUP), but\n"
	      "; for those of io_threads, which need a restart.\n"
	      ";\n"
	      "; Other files are read before the first section:\n"
	      ";include = conf.d/*.ini\n",
	      to);
	write_section(SECTION_SERVER, "[server]", "", to);
	write_section(SECTION_POOL, "[pool default]", "", to);
	write_section(SECTION_POOL, "[pool background]", "", to);
	write_section(SECTION_MODULE, "[module hello]", ";", to);
	write_section(SECTION_ROUTE, "[route GET /compute/{item_id:int}]", ";", to);
	write_section(SECTION_STATIC, "[static /assets/]", ";", to);
	write_section(SECTION_ADMIN, "[admin]", "", to);
}
