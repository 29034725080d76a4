/*
 * The daemon's two logs: opened at the start, again for their rotation, and
 * after a reload that names others.
 *
 * Thread: main.
 */
#include <string.h>

#include "base/log.h"
#include "boot.h"
#include "daemon.h"
#include "net/access.h"

static int set_access_log(struct daemon *d, const struct conf *conf)
{
	const char *name = conf_text(&conf->server, SERVER_ACCESS_LOG);
	int rc = access_set(d->access, name,
			    (enum access_format)conf_int(&conf->server, SERVER_ACCESS_LOG_FORMAT));
	if (rc < 0)
		log_error("cannot open access log \"%s\": %s", name, strerror(-rc));
	return rc;
}

static int set_error_log(const struct conf *conf)
{
	const char *name = conf_text(&conf->server, SERVER_ERROR_LOG);
	int rc = log_open(name);
	if (rc < 0)
		log_error("cannot open error log \"%s\": %s", name, strerror(-rc));
	return rc;
}

int logs_start(struct daemon *d)
{
	if (set_error_log(d->conf) < 0)
		return EXIT_SYSTEM;
	d->access = access_new((size_t)d->loop_wanted);
	if (!d->access)
		log_error("cannot make the access log: out of memory");
	if (!d->access || set_access_log(d, d->conf) < 0)
		return EXIT_SYSTEM;
	int rc = log_start();
	if (rc < 0)
		log_error("cannot start the log thread: %s", strerror(-rc));
	return rc < 0 ? EXIT_SYSTEM : 0;
}

void logs_stop(struct daemon *d)
{
	if (log_stop())
		access_free(&d->access);
}

void logs_reopen(struct daemon *d)
{
	int rc = log_reopen();
	if (rc < 0)
		log_error("cannot reopen error log \"%s\": %s", log_name(), strerror(-rc));
	rc = access_reopen(d->access);
	if (rc < 0)
		log_error("cannot reopen the access log: %s", strerror(-rc));
}

void logs_set_level(const struct conf *conf)
{
	log_set_level(LOG_LEVEL_ERROR + (enum log_level)conf_int(&conf->server, SERVER_LOG_LEVEL));
}

void daemon_apply(struct daemon *d, const struct conf *conf)
{
	logs_set_level(conf);
	if (strcmp(conf_text(&conf->server, SERVER_ERROR_LOG), log_name()) != 0)
		(void)set_error_log(conf);
	(void)set_access_log(d, conf);
}
