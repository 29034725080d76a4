/*
 * The command line: options, their bounds, the help.
 *
 * Thread: main, before the others start.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/clock.h"
#include "load_conf.h"

static const char HELP[] =
	"usage: load -a HOST:PORT | -u PATH [OPTION]... URL-PATH...\n"
	"Sends HTTP/1.1 requests and measures the answers. Several paths take turns.\n"
	"\n"
	"  -a HOST:PORT    connect there ([::1]:80 for IPv6)\n"
	"  -u PATH         connect to this unix socket\n"
	"  -A N            connect from 127.0.0.1 ... 127.0.0.N, each with its own ports\n"
	"  -t THREADS      client threads (1)\n"
	"  -d SECONDS      how long (10, or without end when -n is given); fractions are fine\n"
	"  -n TOTAL        end after so many requests\n"
	"\n"
	"closed loop: each connection sends the next request once it has its answer\n"
	"  -c CONNS        connections (10); 0: none, only what is held open (below)\n"
	"  -p PIPELINE     requests under way on each connection (1)\n"
	"\n"
	"open loop: requests are due at fixed moments, whatever the server does; each takes a\n"
	"free connection or a new one, and its latency counts from the moment it was due\n"
	"  -r RATE         requests a second, evenly spread\n"
	"  -R T:RATE,...   the rate from T seconds on; the first T is 0: 0:800,30:200\n"
	"  -P              at random moments (Poisson) of that rate\n"
	"  --seed N        where the random numbers begin (1)\n"
	"  -c CONNS        most connections at the same time (10000)\n"
	"\n"
	"requests and answers\n"
	"  -m METHOD       (GET)\n"
	"  -b BYTES        with a body of that size\n"
	"  -s STATUS       the status to expect; others are errors. Without: 2xx is good, others\n"
	"                  are counted but no errors\n"
	"  -e TEXT         the body to expect, byte by byte, of each good answer. Without: each\n"
	"                  is compared with the first good one of its path\n"
	"  -x              compare no bodies\n"
	"  -g MS           give up on a request after that time and close its connection\n"
	"  --timeout MS    without -g: that late is an error (30000)\n"
	"\n"
	"connections held open for the whole run, beside the load\n"
	"  -i N            keep-alive connections that had one answer, idle from then on\n"
	"  --slow-head N   connections that send a request's head, a byte a second\n"
	"  --slow-body N   ... its body, a byte a second\n"
	"  --slow-read N   connections that read the answer of the first path, a byte a second\n"
	"\n"
	"results\n"
	"  --second        a line of JSON for each second\n"
	"  The last line of the output is one JSON object, described in tests/README.md.\n"
	"  Status: 0 all well, 1 it could not run, 2 it ran and counted errors.\n";

static _Noreturn void usage(const char *what)
{
	fatal("%s; load --help lists the options", what);
}

static double number(const char *option, const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end || !(value >= min && value <= max))
		fatal("%s: '%s' is not a number from %.10g to %.10g", option, text, min, max);
	return value;
}

static uint64_t whole(const char *option, const char *text, double min, double max)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || (double)value < min ||
	    (double)value > max)
		fatal("%s: '%s' is not a whole number from %.10g to %.10g", option, text, min, max);
	return value;
}

static void target_unix(struct conf *conf, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(un.sun_path))
		fatal("-u: the path is longer than %zu bytes", sizeof(un.sun_path) - 1);
	strcpy(un.sun_path, path);
	memcpy(&conf->target, &un, sizeof(un));
	conf->target_len = sizeof(un);
	snprintf(conf->target_text, sizeof(conf->target_text), "%s", path);
}

static void target_inet(struct conf *conf, const char *text)
{
	char host[128];
	const char *colon = strrchr(text, ':');
	if (!colon || colon == text || strlen(text) >= sizeof(host))
		fatal("-a: '%s' is not HOST:PORT", text);
	bool is_bracketed = text[0] == '[' && colon[-1] == ']';
	int len = (int)(colon - text) - (is_bracketed ? 2 : 0);
	snprintf(host, sizeof(host), "%.*s", len, text + is_bracketed);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	int rc = getaddrinfo(host, colon + 1, &hints, &found);
	if (rc != 0)
		fatal("-a %s: %s", text, gai_strerror(rc));
	memcpy(&conf->target, found->ai_addr, found->ai_addrlen);
	conf->target_len = found->ai_addrlen;
	freeaddrinfo(found);
	snprintf(conf->target_text, sizeof(conf->target_text), "%s", text);
}

static void read_rates(struct conf *conf, const char *text)
{
	const char *at = text;
	conf->rate_count = 0;
	do {
		char *end;
		double from = strtod(at, &end);
		double rate = *end == ':' ? strtod(end + 1, &end) : -1;
		if ((*end && *end != ',') || !(rate >= 0 && rate <= 1e7) || !(from >= 0))
			fatal("-R: '%s' is not T:RATE,T:RATE...", text);
		if (conf->rate_count == RATES_MAX)
			fatal("-R: more than %d rates", RATES_MAX);
		struct rate *r = &conf->rates[conf->rate_count];
		*r = (struct rate){ .from = (int64_t)(from * 1e9), .a_second = rate };
		if (conf->rate_count == 0 ? from > 0 : r->from <= r[-1].from)
			fatal("-R: the times begin with 0 and rise");
		if (conf->rate_count)
			r->before = r[-1].before +
				    r[-1].a_second * (double)(r->from - r[-1].from) / 1e9;
		conf->rate_count++;
		at = *end ? end + 1 : end;
	} while (*at);
}

enum { OPT_SECOND = 256, OPT_SEED, OPT_TIMEOUT, OPT_HOLD };

static const struct option LONG[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "second", no_argument, NULL, OPT_SECOND },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "slow-head", required_argument, NULL, OPT_HOLD + HOLD_SLOW_HEAD },
	{ "slow-body", required_argument, NULL, OPT_HOLD + HOLD_SLOW_BODY },
	{ "slow-read", required_argument, NULL, OPT_HOLD + HOLD_SLOW_READ },
	{ 0 },
};

static int64_t milliseconds(const char *option, const char *text)
{
	return (int64_t)(number(option, text, 1, 3600e3) * NS_PER_MS);
}

/* What is asked of the target and of its answers. */
static bool take_request_option(struct conf *conf, int opt)
{
	switch (opt) {
	case 'a':
		target_inet(conf, optarg);
		return true;
	case 'u':
		target_unix(conf, optarg);
		return true;
	case 'A':
		conf->addresses = (unsigned)whole("-A", optarg, 1, 254);
		return true;
	case 'm':
		conf->method = optarg;
		return true;
	case 'b':
		conf->has_body = true;
		conf->body_size = whole("-b", optarg, 0, 1 << 30);
		return true;
	case 's':
		conf->expected_status = (int)whole("-s", optarg, 200, 599);
		return true;
	case 'e':
		conf->expected_body = optarg;
		return true;
	case 'x':
		conf->takes_any_body = true;
		return true;
	case 'i':
		conf->hold[HOLD_IDLE] = (unsigned)whole("-i", optarg, 0, CONNECTIONS_MAX);
		return true;
	}
	if (opt < OPT_HOLD)
		return false;
	conf->hold[opt - OPT_HOLD] = (unsigned)whole("--slow-...", optarg, 0, CONNECTIONS_MAX);
	return true;
}

/* How much, how fast, how long. */
static bool take_load_option(struct conf *conf, int opt)
{
	switch (opt) {
	case 't':
		conf->threads = (unsigned)whole("-t", optarg, 1, 64);
		return true;
	case 'c':
		conf->has_connections = true;
		conf->connections = (unsigned)whole("-c", optarg, 0, CONNECTIONS_MAX);
		return true;
	case 'p':
		conf->pipeline = (unsigned)whole("-p", optarg, 1, PIPELINE_MAX);
		return true;
	case 'd':
		conf->duration = (int64_t)(number("-d", optarg, 0.001, 1e6) * NS_PER_S);
		return true;
	case 'n':
		conf->total = whole("-n", optarg, 1, 1e15);
		return true;
	case 'r':
		conf->rates[0] = (struct rate){ .a_second = number("-r", optarg, 0.001, 1e7) };
		conf->rate_count = 1;
		return true;
	case 'R':
		read_rates(conf, optarg);
		return true;
	case 'P':
		conf->is_poisson = true;
		return true;
	case 'g':
		conf->give_up = milliseconds("-g", optarg);
		return true;
	}
	return false;
}

static void take_other_option(struct conf *conf, int opt)
{
	switch (opt) {
	case 'h':
		fputs(HELP, stdout);
		exit(0);
	case OPT_SECOND:
		conf->each_second = true;
		break;
	case OPT_SEED:
		conf->seed = whole("--seed", optarg, 1, 1e15);
		break;
	case OPT_TIMEOUT:
		conf->timeout = milliseconds("--timeout", optarg);
		break;
	default: /* getopt has said what is wrong */
		usage("the command line is not understood");
	}
}

static void check_paths(const struct conf *conf)
{
	if (conf->path_count == 0)
		usage("no URL path to ask for");
	if (conf->path_count > PATHS_MAX)
		fatal("more than %d URL paths", PATHS_MAX);
	for (size_t i = 0; i < conf->path_count; i++) {
		if (conf->paths[i][0] != '/' || strpbrk(conf->paths[i], " \r\n"))
			fatal("'%s' is not a URL path: it begins with / and has no blanks",
			      conf->paths[i]);
	}
}

/* What the options must agree on, and what follows from others. */
static void check(struct conf *conf)
{
	bool is_open = conf->rate_count > 0;
	if (conf->target_len == 0)
		usage("-a or -u must say where to connect");
	check_paths(conf);
	if (conf->addresses && conf->target.ss_family != AF_INET)
		usage("-A spreads connections over IPv4: it wants -a with such an address");
	if (conf->pipeline > 1 && (is_open || conf->give_up))
		usage("-p goes with neither -r, -R nor -g");
	if (conf->is_poisson && !is_open)
		usage("-P wants -r or -R");
	if (conf->expected_body && conf->takes_any_body)
		usage("-e and -x contradict each other");
	if (conf->expected_body && conf->path_count > 1)
		usage("-e goes with one path");
	if (conf->duration == CLOCK_NEVER && (conf->total == UINT64_MAX || !conf->connections))
		conf->duration = 10 * NS_PER_S;
	if (!conf->has_connections)
		conf->connections = is_open ? 10000 : 10;
	if (is_open && conf->connections == 0)
		usage("-r and -R want connections (-c)");
	/* A thread without a connection would have nothing to do. */
	if (conf->connections && conf->threads > conf->connections)
		conf->threads = conf->connections;
}

void conf_read(int argc, char **argv, struct conf *ret_conf)
{
	struct conf conf = {
		.method = "GET",
		.threads = 1,
		.connections = 10,
		.pipeline = 1,
		.duration = CLOCK_NEVER,
		.total = UINT64_MAX,
		.seed = 1,
		.timeout = 30 * NS_PER_S,
	};
	int opt;
	while ((opt = getopt_long(argc, argv, "a:u:A:t:d:n:c:p:r:R:Pm:b:s:e:xg:i:h", LONG, NULL)) !=
	       -1) {
		if (!take_load_option(&conf, opt) && (opt < 0 || !take_request_option(&conf, opt)))
			take_other_option(&conf, opt);
	}
	conf.paths = argv + optind;
	conf.path_count = (size_t)(argc - optind);
	check(&conf);
	*ret_conf = conf;
}
