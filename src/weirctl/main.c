/*
 * The command line of weirctl(8), and its completion, out of one table.
 *
 * Thread: one.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/ctl.h"

#define DEFAULT_SOCKET "/run/weir/control.sock"

static int completion(const struct ctl *c);

static const struct command {
	const char *name;
	const char *arguments;
	int most; /* arguments */
	int (*run)(const struct ctl *c);
	const char *help;
} commands[] = {
	{ "status", "", 0, ctl_status, "pools, tokens, lines, requests" },
	{ "top", "[-b] [-n N] [-d SECONDS]", 0, ctl_top, "status and calls, again and again" },
	{ "calls", "", 0, ctl_calls, "what runs and waits, oldest first" },
	{ "modules", "", 0, ctl_modules, "modules, their files and their calls" },
	{ "tokens", "[POOL [N]] [--save]", 2, ctl_tokens, "tokens of pools; sets them at once" },
	{ "diff", "", 0, ctl_diff, "what a reload would change" },
	{ "reload", "[--wait]", 0, ctl_reload, "read configuration and modules again" },
	{ "drain", "[--wait]", 0, ctl_drain, "finish what was begun, then end" },
	{ "config", "", 0, ctl_config, "every value and where it comes from" },
	{ "metrics", "", 0, ctl_metrics, "numbers for Prometheus" },
	{ "log", "LEVEL", 1, ctl_log, "log more or less until the next reload" },
	{ "completion", "bash|zsh|fish", 1, completion, "a script for the shell" },
};

static const struct option longs[] = {
	{ "socket", required_argument, NULL, 's' }, { "json", no_argument, NULL, 'j' },
	{ "wait", no_argument, NULL, 'w' },         { "save", no_argument, NULL, 'S' },
	{ "batch", no_argument, NULL, 'b' },        { "rounds", required_argument, NULL, 'n' },
	{ "delay", required_argument, NULL, 'd' },  { "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },      { NULL, 0, NULL, 0 },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
	fputs("usage: weirctl [-s SOCKET] [--json] COMMAND\n\n", to);
	for (int i = 0; i < COMMANDS; i++) {
		char left[64];
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].arguments);
		fprintf(to, "  %-36s %s\n", left, commands[i].help);
	}
	fputs("\nSOCKET is " DEFAULT_SOCKET " unless -s or WEIR_SOCKET names another.\n"
	      "Exit status: 0 good, 1 refused, 64 usage, 69 no daemon answers, 71 system trouble,\n"
	      "77 not allowed, 78 the configuration has errors. More: weirctl(8)\n",
	      to);
}

/* ---- completion ---- */

static void put_names(FILE *to)
{
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "%s%s", i ? " " : "", commands[i].name);
}

static void put_flags(FILE *to)
{
	for (int i = 0; longs[i].name; i++)
		fprintf(to, "%s--%s", i ? " " : "", longs[i].name);
}

static void put_bash(FILE *to)
{
	fputs("# Completion of weirctl for bash, written by `weirctl completion bash`.\n"
	      "_weirctl() {\n"
	      "	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "	case $before in\n"
	      "	-s | --socket) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	      "	tokens) COMPREPLY=($(compgen -W \"$(weirctl tokens 2>/dev/null | cut -d: -f1)\" -- "
	      "\"$word\")); return ;;\n"
	      "	log) COMPREPLY=($(compgen -W 'error warning notice info debug' -- \"$word\")); "
	      "return ;;\n"
	      "	completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")); return ;;\n"
	      "	esac\n"
	      "	COMPREPLY=($(compgen -W '",
	      to);
	put_names(to);
	fputc(' ', to);
	put_flags(to);
	fputs("' -- \"$word\"))\n}\ncomplete -F _weirctl weirctl\n", to);
}

static void put_zsh(FILE *to)
{
	fputs("#compdef weirctl\n"
	      "# Completion of weirctl for zsh, written by `weirctl completion zsh`.\n"
	      "local state line\nlocal -a commands\ncommands=(\n",
	      to);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "	'%s:%s'\n", commands[i].name, commands[i].help);
	fputs(")\n_arguments -C \\\n", to);
	for (int i = 0; longs[i].name; i++)
		fprintf(to, "	'--%s%s%s%s' \\\n", longs[i].name, longs[i].has_arg ? ":" : "",
			longs[i].has_arg ? longs[i].name : "",
			longs[i].val == 's' ? ":_files"
			: longs[i].has_arg  ? ": "
					    : "");
	fputs("	'1:command:{_describe command commands}' \\\n"
	      "	'2:argument:->argument'\n"
	      "[[ $state == argument ]] || return\n"
	      "case $line[1] in\n"
	      "tokens) compadd -- $(weirctl tokens 2>/dev/null | cut -d: -f1) ;;\n"
	      "log) compadd error warning notice info debug ;;\n"
	      "completion) compadd bash zsh fish ;;\n"
	      "esac\n",
	      to);
}

static void put_fish(FILE *to)
{
	fputs("# Completion of weirctl for fish, written by `weirctl completion fish`.\n"
	      "complete -c weirctl -f\n",
	      to);
	for (int i = 0; i < COMMANDS; i++)
		fprintf(to, "complete -c weirctl -n __fish_use_subcommand -a %s -d '%s'\n",
			commands[i].name, commands[i].help);
	for (int i = 0; longs[i].name; i++)
		fprintf(to, "complete -c weirctl -s %c -l %s%s\n", longs[i].val, longs[i].name,
			longs[i].val == 's' ? " -r -F"
			: longs[i].has_arg  ? " -x"
					    : "");
	fputs("complete -c weirctl -n '__fish_seen_subcommand_from tokens' -a "
	      "'(weirctl tokens 2>/dev/null | cut -d: -f1)'\n"
	      "complete -c weirctl -n '__fish_seen_subcommand_from log' -a "
	      "'error warning notice info debug'\n"
	      "complete -c weirctl -n '__fish_seen_subcommand_from completion' -a 'bash zsh "
	      "fish'\n",
	      to);
}

static int completion(const struct ctl *c)
{
	const char *shell = c->argc > 0 ? c->argv[0] : "";
	if (strcmp(shell, "bash") == 0)
		put_bash(stdout);
	else if (strcmp(shell, "zsh") == 0)
		put_zsh(stdout);
	else if (strcmp(shell, "fish") == 0)
		put_fish(stdout);
	else {
		fprintf(stderr, "weirctl: completion takes bash, zsh or fish\n");
		return CTL_USAGE;
	}
	return 0;
}

/* ---- the command line ---- */

static const struct command *find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* -1: not a number from 1 to `max`. */
static int number(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);
	return *text && !*end && n >= 1 && n <= max ? (int)n : -1;
}

/* 0; -1: nothing is left to do; else an exit status. */
static int read_options(struct ctl *c, int argc, char **argv)
{
	int ch;
	while ((ch = getopt_long(argc, argv, "s:jwSbn:d:hV", longs, NULL)) != -1) {
		if (ch == 's')
			c->socket = optarg;
		c->json = c->json || ch == 'j';
		c->wait = c->wait || ch == 'w';
		c->save = c->save || ch == 'S';
		c->batch = c->batch || ch == 'b';
		if (ch == 'n')
			c->rounds = number(optarg, 1000000);
		if (ch == 'd')
			c->delay = number(optarg, 86400);
		if (ch == 'h') {
			usage(stdout);
			return -1;
		}
		if (ch == 'V') {
			printf("weirctl %s\n", WEIR_VERSION);
			return -1;
		}
		if (ch == '?' || c->rounds < 0 || c->delay < 0) {
			usage(stderr);
			return CTL_USAGE;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *socket = getenv("WEIR_SOCKET");
	struct ctl c = { .socket = socket ? socket : DEFAULT_SOCKET, .delay = 1 };
	int rc = read_options(&c, argc, argv);
	if (rc != 0)
		return rc < 0 ? 0 : rc;
	if (strncmp(c.socket, "unix:", 5) == 0)
		c.socket += 5;
	const struct command *command = find(optind < argc ? argv[optind] : "status");
	if (!command) {
		fprintf(stderr, "weirctl: there is no command '%s'\n\n", argv[optind]);
		usage(stderr);
		return CTL_USAGE;
	}
	c.argc = argc - optind - 1;
	c.argv = argv + optind + 1;
	if (c.argc > command->most) {
		fprintf(stderr, "weirctl: usage: weirctl %s %s\n", command->name,
			command->arguments);
		return CTL_USAGE;
	}
	return command->run(&c);
}
