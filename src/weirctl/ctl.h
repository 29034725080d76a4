/*
 * What the files of weirctl share: talking to the daemon, and showing what it
 * says.
 *
 * Thread: one.
 */
#ifndef WEIR_WEIRCTL_CTL_H
#define WEIR_WEIRCTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

/* Exit statuses, as in sysexits.h where it has one; weirctl(8) lists them. */
enum {
	CTL_REFUSED = 1,      /* the daemon answered with an error */
	CTL_USAGE = 64,       /* the command line is wrong */
	CTL_UNAVAILABLE = 69, /* no daemon answers */
	CTL_SYSTEM = 71,      /* no memory, a file that cannot be written */
	CTL_NOPERM = 77,      /* this user may not */
	CTL_CONFIG = 78,      /* the configuration has errors */
};

/* The command line. */
struct ctl {
	const char *socket;
	bool json;  /* print what came */
	bool wait;  /* reload, drain: until it is done */
	bool save;  /* tokens: keep it in a file */
	bool batch; /* top: no terminal */
	int rounds; /* of top; 0: until it is ended */
	int delay;  /* of top, seconds */
	int argc;
	char **argv; /* behind the command's name */
};

/* client.c: */

/* Asks. 0 with *ret_text (its owner's to free), the body, also of an error answer
 * of the daemon: *ret_status says. Else an exit status, and stderr says why. */
int ctl_ask(const struct ctl *c, const char *method, const char *path, const char *body,
	    long *ret_status, char **ret_text);

/* As ctl_ask, for JSON of a good answer; with --json it is printed. An error
 * answer is shown and becomes an exit status. */
int ctl_get(const struct ctl *c, const char *path, json_t **ret);
int ctl_send(const struct ctl *c, const char *method, const char *path, const char *body,
	     json_t **ret);

/* An error answer on stderr; its exit status. */
int ctl_complain(long status, const char *text);

/* The process that listens on the socket (0 when it is of another namespace), to
 * tell whether it is the same one later. */
enum { CTL_NOBODY = -1, CTL_UNKNOWN = -2 };
long ctl_peer(const struct ctl *c);

/* The daemon `peer` has gone: nothing listens on its socket, or another does. */
bool ctl_is_gone(const struct ctl *c, long peer);

/* The commands: each returns an exit status. */
int ctl_status(const struct ctl *c);
int ctl_top(const struct ctl *c);
int ctl_calls(const struct ctl *c);
int ctl_modules(const struct ctl *c);
int ctl_tokens(const struct ctl *c);
int ctl_diff(const struct ctl *c);
int ctl_reload(const struct ctl *c);
int ctl_drain(const struct ctl *c);
int ctl_config(const struct ctl *c);
int ctl_metrics(const struct ctl *c); /* metrics.c */
int ctl_log(const struct ctl *c);

/* save.c: writes `key = value` of a pool into conf.d/90-weirctl.ini beside the
 * daemon's file, in one step. Exit status. */
int ctl_save(const char *file, const char *pool, const char *key, const char *value, char *ret_path,
	     size_t size);

/* show.c: */
const char *text_of(const json_t *o, const char *key);
long long int_of(const json_t *o, const char *key);
double real_of(const json_t *o, const char *key);

/* Seconds as "12 ms", "3.4 s", "5 min", "2 h"; in `to`. */
const char *duration(double seconds, char to[16]);

/* The table of pools and the summary, as status and top show them. `rate` < 0:
 * not known. */
void show_status(const json_t *status, double rate);
void show_calls(const json_t *calls, int most);

#endif
