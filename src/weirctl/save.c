/*
 * Keeping a value that was set at run time: one line in conf.d/90-weirctl.ini,
 * which the main file's `include = conf.d/` + `*.ini` reads as a change of its own.
 *
 * Thread: one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weirctl/ctl.h"

/* What the file says, with the value put in or changed. False: no memory. */
static bool rewrite(FILE *from, FILE *to, const char *header, const char *key, const char *value)
{
	char *line = NULL;
	size_t size = 0;
	bool is_inside = false, is_done = false, was_seen = false;
	while (from && getline(&line, &size, from) >= 0) {
		size_t name = strlen(key);
		bool is_header = line[0] == '[';
		if (is_header && is_inside && !is_done) {
			fprintf(to, "%s = %s\n", key, value);
			is_done = true;
		}
		if (is_header) {
			is_inside = strncmp(line, header, strlen(header)) == 0;
			was_seen = was_seen || is_inside;
		}
		bool is_ours = is_inside && strncmp(line, key, name) == 0 &&
			       (line[name] == ' ' || line[name] == '=');
		if (is_ours && !is_done)
			fprintf(to, "%s = %s\n", key, value);
		is_done = is_done || is_ours;
		if (!is_ours)
			fputs(line, to);
	}
	free(line);
	if (!was_seen)
		fprintf(to, "%s\n", header);
	if (!is_done)
		fprintf(to, "%s = %s\n", key, value);
	return !ferror(to);
}

static int trouble(const char *what, const char *path)
{
	fprintf(stderr, "weirctl: cannot %s %s: %s\n", what, path, strerror(errno));
	return CTL_SYSTEM;
}

/* The new file stands in the old one's place, whole, or not at all. */
static int replace(const char *path, const char *header, const char *key, const char *value)
{
	char temp[4200];
	snprintf(temp, sizeof(temp), "%s.XXXXXX", path);
	FILE *from = fopen(path, "re");
	if (!from && errno != ENOENT)
		return trouble("read", path);
	int fd = mkostemp(temp, O_CLOEXEC);
	FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
	if (!to) {
		int rc = trouble("write", temp);
		if (fd >= 0)
			close(fd);
		if (from)
			fclose(from);
		return rc;
	}
	if (!from)
		fputs("; Written by weirctl --save. Changes of what the main file says.\n", to);
	bool good = rewrite(from, to, header, key, value) && fchmod(fd, 0644) == 0 &&
		    fflush(to) == 0 && fsync(fd) == 0;
	if (from)
		fclose(from);
	good = fclose(to) == 0 && good;
	if (good && rename(temp, path) == 0)
		return 0;
	int rc = trouble("write", path);
	unlink(temp);
	return rc;
}

int ctl_save(const char *file, const char *pool, const char *key, const char *value, char *ret_path,
	     size_t size)
{
	char header[128];
	const char *slash = strrchr(file, '/');
	int folder = slash ? (int)(slash - file) + 1 : 0;
	snprintf(header, sizeof(header), "[pool %s]", pool);
	int len = snprintf(ret_path, size, "%.*sconf.d", folder, file);
	if (len < 0 || (size_t)len + 32 > size || (mkdir(ret_path, 0755) < 0 && errno != EEXIST))
		return trouble("make", ret_path);
	snprintf(ret_path + len, size - (size_t)len, "/90-weirctl.ini");
	return replace(ret_path, header, key, value);
}
