/*
 * The command line of weir(8).
 *
 * Thread: main; boot.c starts the others.
 */
#include <errno.h>
#include <getopt.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "base/log.h"
#include "boot.h"
#include "conf/expand.h"
#include "net/bind.h"
#include "net/loop.h"
#include "work/describe.h"
#include "work/module.h"
#include "work/route.h"

#define DEFAULT_FILE WEIR_SYSCONFDIR "/weir/weir.ini"

enum mode { MODE_SERVE, MODE_CHECK, MODE_DUMP, MODE_OPTIONS, MODE_VERSION, MODE_HELP };

struct command {
	enum mode mode;
	const char *file;   /* -c */
	const char *format; /* --options */
};

static const char usage[] =
	"usage: weir [-c FILE]                      serve, in the foreground\n"
	"       weir --check [-c FILE]              say what is wrong with the configuration\n"
	"       weir --dump [-c FILE]               print every value and where it comes from\n"
	"       weir --options=ini|man|json         print all options of the daemon\n"
	"       weir run MODULE.so [MODULE.so ...]  serve modules without a configuration file\n"
	"       weir inspect MODULE.so              print what a module says of itself\n"
	"       weir --version | --help\n"
	"\n"
	"FILE is " DEFAULT_FILE " unless -c names another.\n"
	"Exit status: 0 good, 64 usage, 71 system trouble, 78 configuration.\n"
	"More: weir(8), weir.ini(5), weir-module(7)\n";

static int complain(const char *what, const char *about)
{
	fprintf(stderr, "weir: %s%s\n\n%s", what, about, usage);
	return EXIT_USAGE;
}

/* ---- configuration ---- */

/* Reads `file`; on trouble prints all of it. `loads_modules`: theirs too. */
static int load(const char *file, struct conf **ret_conf, struct conf_errors *errs)
{
	int rc = conf_load(file, ret_conf, errs);
	if (rc == 0)
		return 0;
	if (rc == ERR_CONFIG)
		return EXIT_CONFIG;
	fprintf(stderr, "weir: %s\n", err_text(rc));
	return EXIT_SYSTEM;
}

/* --check and --dump: everything but serving; modules are asked even when the
 * file has errors, so that one run names them all. */
static int examine(const struct command *cmd)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	struct generation *gen = NULL;
	conf_errors_init(&errs);
	int rc = load(cmd->file, &conf, &errs);
	if (conf)
		gen = generation_new(conf, NULL, &errs);
	if (rc == 0 && !gen)
		rc = EXIT_CONFIG;
	conf_errors_print(&errs, stderr);
	if (rc == 0 && cmd->mode == MODE_DUMP)
		conf_dump(gen->conf, stdout, generation_set_of, gen);
	if (rc == 0 && cmd->mode == MODE_CHECK)
		printf("%s: good\n", cmd->file);
	generation_unref(&gen);
	conf_errors_done(&errs);
	return rc;
}

static int serve(const char *file)
{
	struct conf_errors errs;
	struct conf *conf = NULL;
	conf_errors_init(&errs);
	int rc = load(file, &conf, &errs);
	if (rc != 0 && conf) {
		/* Say all of what --check would, modules included. */
		struct generation *none = generation_new(conf, NULL, &errs);
		generation_unref(&none);
	}
	conf_errors_print(&errs, stderr);
	conf_errors_done(&errs);
	if (rc != 0)
		return rc;
	return boot_serve(conf, false);
}

/* ---- run ---- */

/* The instance's name is the module's own; a second of the same name gets a
 * number. */
static int add_module(FILE *ini, const char *path, int index, struct arena *a)
{
	struct description about;
	const char *why = NULL;
	char real[4096];
	if (!realpath(path, real)) {
		fprintf(stderr, "weir: %s: %s\n", path, strerror(errno));
		return EXIT_CONFIG;
	}
	int rc = describe_file(real, a, &about, &why);
	if (rc < 0) {
		fprintf(stderr, "weir: %s: %s\n", path, rc == ERR_MODULE ? why : err_text(rc));
		return EXIT_CONFIG;
	}
	fprintf(ini, "[module %s", about.name);
	if (index > 0)
		fprintf(ini, "-%d", index + 1);
	const char *file = expand_write(real, a);
	fprintf(ini, "]\nfile = %s\n", file ? file : "");
	return 0;
}

static int serve_modules(int count, char **paths)
{
	char *text = NULL;
	size_t len = 0;
	int port = bind_free_port(8080);
	FILE *ini = open_memstream(&text, &len);
	struct arena a;
	arena_init(&a);
	int rc = port < 0 || !ini ? EXIT_SYSTEM : 0;
	if (rc == 0)
		fprintf(ini, "[server]\nlisten = 127.0.0.1:%d\n", port);
	for (int i = 0; rc == 0 && i < count; i++)
		rc = add_module(ini, paths[i], i, &a);
	if (ini && fclose(ini) != 0)
		rc = EXIT_SYSTEM;
	struct conf_errors errs;
	struct conf *conf = NULL;
	conf_errors_init(&errs);
	if (rc == 0 && conf_load_text("weir run", text, &conf, &errs) < 0)
		rc = EXIT_CONFIG;
	conf_errors_print(&errs, stderr);
	conf_errors_done(&errs);
	arena_done(&a);
	free(text);
	if (rc == 0)
		return boot_serve(conf, true);
	if (rc == EXIT_SYSTEM)
		fprintf(stderr, "weir: cannot prepare to listen: no free port or no memory\n");
	conf_free(&conf);
	return rc;
}

/* ---- inspect ---- */

static const char *type_name(uint32_t type)
{
	static const char *const names[] = {
		[WEIR_STRING] = "text",   [WEIR_PATH] = "path", [WEIR_BOOL] = "yes/no",
		[WEIR_INT] = "number",    [WEIR_SIZE] = "size", [WEIR_DURATION] = "duration",
		[WEIR_CHOICE] = "choice",
	};
	return type < array_len(names) && names[type] ? names[type] : "?";
}

static void print_option(const struct weir_option *o)
{
	printf("  %-20s %s", o->name, type_name(o->type));
	if (o->choices && *o->choices)
		printf(" (%s)", o->choices);
	if (o->flags & WEIR_REQUIRED)
		printf(", required");
	else if (o->value && *o->value)
		printf(", default %s", o->flags & WEIR_SECRET ? "********" : o->value);
	printf("%s%s\n", o->help && *o->help ? ": " : "", o->help ? o->help : "");
}

static void print_description(const char *path, const struct description *about)
{
	printf("file      %s\n", path);
	printf("module    %s %s\n", about->name, about->version);
	if (*about->summary)
		printf("summary   %s\n", about->summary);
	printf("abi       %u.%u (this daemon: %u.%u)\n", about->abi_major, about->abi_minor,
	       WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	if (*about->build_id)
		printf("build-id  %s\n", about->build_id);
	printf("callbacks%s%s%s%s%s\n", about->has_init ? " init" : "",
	       about->has_fini ? " fini" : "", about->has_thread_init ? " thread_init" : "",
	       about->has_thread_fini ? " thread_fini" : "", about->has_check ? " check" : "");
	printf("handlers\n");
	for (size_t i = 0; i < about->handler_count; i++) {
		const struct describe_handler *h = &about->handlers[i];
		printf("  %-20s %s %s%s\n", h->name, h->methods ? h->methods : "-",
		       h->pattern ? h->pattern : "(no route of its own)",
		       h->flags & WEIR_INLINE      ? "  inline"
		       : h->flags & WEIR_LIVE_BODY ? "  live body"
		       : h->flags & WEIR_GUNZIP    ? "  gunzip"
						   : "");
	}
	if (about->option_count > 0)
		printf("options\n");
	for (size_t i = 0; i < about->option_count; i++)
		print_option(&about->options[i]);
}

static int inspect(const char *path)
{
	struct description about;
	struct arena a;
	const char *why = NULL;
	arena_init(&a);
	int rc = describe_file(path, &a, &about, &why);
	if (rc == 0)
		print_description(path, &about);
	else
		fprintf(stderr, "weir: %s: %s\n", path, rc == ERR_MODULE ? why : err_text(rc));
	arena_done(&a);
	return rc == 0 ? EXIT_SUCCESS : EXIT_CONFIG;
}

/* ---- the rest ---- */

static int print_options(const char *format)
{
	if (strcmp(format, "ini") == 0)
		options_write_ini(stdout);
	else if (strcmp(format, "man") == 0)
		options_write_man(stdout);
	else if (strcmp(format, "json") == 0)
		options_write_json(stdout);
	else
		return complain("--options takes ini, man or json, not ", format);
	return EXIT_SUCCESS;
}

static void print_version(void)
{
	printf("weir %s (module ABI %d.%d)\n", WEIR_VERSION, WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	printf("libevent %s\n", loop_library());
	printf("zlib %s\n", zlibVersion());
	printf("inih %s\n", WEIR_INIH_VERSION);
	printf("glibc %s\n", gnu_get_libc_version());
}

/* False: the command line is wrong, *ret_status says so. */
static bool read_command(int argc, char **argv, struct command *ret, int *ret_status)
{
	static const struct option longs[] = {
		{ "check", no_argument, NULL, 'k' },
		{ "dump", no_argument, NULL, 'd' },
		{ "options", required_argument, NULL, 'o' },
		{ "config", required_argument, NULL, 'c' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct command cmd = { .file = DEFAULT_FILE };
	int c;
	while ((c = getopt_long(argc, argv, "c:Vh", longs, NULL)) != -1) {
		if (c == 'c')
			cmd.file = optarg;
		else if (c == 'k' || c == 'd')
			cmd.mode = c == 'k' ? MODE_CHECK : MODE_DUMP;
		else if (c == 'V' || c == 'h')
			cmd.mode = c == 'V' ? MODE_VERSION : MODE_HELP;
		else if (c == 'o')
			cmd.mode = MODE_OPTIONS;
		if (c == 'o')
			cmd.format = optarg;
		if (c == '?') {
			fputs(usage, stderr);
			*ret_status = EXIT_USAGE;
			return false;
		}
	}
	if (optind < argc) {
		*ret_status = complain("unknown command: ", argv[optind]);
		return false;
	}
	*ret = cmd;
	return true;
}

int main(int argc, char **argv)
{
	struct command cmd;
	int status = EXIT_SUCCESS;
	log_init();
	if (argc > 1 && strcmp(argv[1], "run") == 0)
		return argc > 2 ? serve_modules(argc - 2, argv + 2)
				: complain("run needs a module file", "");
	if (argc > 1 && strcmp(argv[1], "inspect") == 0)
		return argc == 3 ? inspect(argv[2]) : complain("inspect needs one module file", "");
	if (!read_command(argc, argv, &cmd, &status))
		return status;
	switch (cmd.mode) {
	case MODE_SERVE:
		return serve(cmd.file);
	case MODE_CHECK:
	case MODE_DUMP:
		return examine(&cmd);
	case MODE_OPTIONS:
		return print_options(cmd.format);
	case MODE_VERSION:
		print_version();
		break;
	case MODE_HELP:
		fputs(usage, stdout);
		break;
	}
	return status;
}
