/*
 * Files of a configuration: reading them whole, and `include` with its glob,
 * its depth and its loops.
 *
 * Thread: boot and reload.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/conf_private.h"

enum { FILE_MAX = 16 << 20, PIECE = 16384 };

static int read_all(int fd, struct buf *to)
{
	for (;;) {
		char *at = buf_reserve(to, PIECE);
		if (!at)
			return ERR_NOMEM;
		ssize_t n = read(fd, at, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		buf_added(to, (size_t)n);
		if (buf_len(to) > FILE_MAX)
			return -EFBIG;
	}
}

/* The first file may be a pipe; an included one that is none would hang a
 * reload. Returns a descriptor or a negative errno. */
static int open_source(const char *file, bool is_included, struct source *source)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | (is_included ? O_NONBLOCK : 0));
	if (fd < 0)
		return -errno;
	struct stat st;
	int rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (rc == 0 && S_ISDIR(st.st_mode))
		rc = -EISDIR;
	if (rc == 0 && is_included && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc < 0) {
		close(fd);
		return rc;
	}
	source->dev = st.st_dev;
	source->ino = st.st_ino;
	return fd;
}

static bool is_being_read(const struct source *s, const struct source *list)
{
	for (; list; list = list->includer) {
		if (list->dev == s->dev && list->ino == s->ino)
			return true;
	}
	return false;
}

static void report(struct loader *l, const char *file, struct conf_place place, int rc)
{
	const char *why = rc == -EINVAL ? "Not a regular file" : err_text(rc);
	if (place.file)
		conf_error(l->errs, place, "include: %s cannot be read: %s", file, why);
	else
		conf_error(l->errs, (struct conf_place){ .file = file }, "cannot be read: %s", why);
}

static int read_source(struct loader *l, struct source *source, int fd, struct conf_place place)
{
	struct buf text = { 0 };
	int rc = read_all(fd, &text);
	if (rc == 0)
		rc = source_read(l, source, buf_head(&text), buf_len(&text));
	else if (rc != ERR_NOMEM) {
		report(l, source->file, place, rc);
		rc = 0;
	}
	buf_done(&text);
	return rc;
}

int source_load(struct loader *l, const char *file, struct conf_place place)
{
	struct source source = { .file = file };
	source.folder = option_folder(file, &l->conf->arena);
	if (!source.folder)
		return ERR_NOMEM;
	int fd = open_source(file, place.file != NULL, &source);
	if (fd < 0) {
		report(l, file, place, fd);
		return 0;
	}
	int rc = 0;
	if (is_being_read(&source, l->source))
		conf_error(l->errs, place, "include loop: %s is being read already", file);
	else
		rc = read_source(l, &source, fd, place);
	close(fd);
	return rc;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int load_matches(struct loader *l, glob_t *found, struct conf_place place)
{
	int rc = 0;
	qsort(found->gl_pathv, found->gl_pathc, sizeof(found->gl_pathv[0]), by_bytes);
	for (size_t i = 0; i < found->gl_pathc && rc == 0; i++) {
		const char *file = arena_strdup(&l->conf->arena, found->gl_pathv[i]);
		rc = file ? source_load(l, file, place) : ERR_NOMEM;
	}
	return rc;
}

/* The folder's own name is no pattern. */
static char *escape(const char *text, size_t len, struct arena *a)
{
	char *to = arena_alloc(a, 2 * len + 1);
	if (!to)
		return NULL;
	char *p = to;
	for (size_t i = 0; i < len; i++) {
		if (strchr("*?[\\", text[i]))
			*p++ = '\\';
		*p++ = text[i];
	}
	*p = '\0';
	return to;
}

static int load_pattern(struct loader *l, size_t folder_len, const char *pattern,
			struct conf_place place)
{
	struct arena *a = &l->conf->arena;
	const char *folder = escape(l->source->file, folder_len, a);
	const char *path = folder ? arena_printf(a, "%s%s", folder, pattern) : NULL;
	if (!path)
		return ERR_NOMEM;
	glob_t found = { 0 };
	int rc = glob(path, GLOB_NOSORT, NULL, &found);
	if (rc == 0)
		rc = load_matches(l, &found, place);
	else
		rc = rc == GLOB_NOSPACE ? ERR_NOMEM : 0;
	globfree(&found);
	return rc;
}

int source_include(struct loader *l, const char *pattern, struct conf_place place)
{
	const struct source *s = l->source;
	if (!s->dev && !s->ino) {
		conf_error(l->errs, place, "include: only a file can include another");
		return 0;
	}
	if (s->depth >= INCLUDE_DEPTH_MAX) {
		conf_error(l->errs, place, "include: nested more than %d deep", INCLUDE_DEPTH_MAX);
		return 0;
	}
	if (pattern[0] == '\0') {
		conf_error(l->errs, place, "include: a file or a pattern is missing");
		return 0;
	}
	const char *slash = strrchr(s->file, '/');
	size_t folder_len = pattern[0] != '/' && slash ? (size_t)(slash - s->file) + 1 : 0;
	if (strpbrk(pattern, "*?["))
		return load_pattern(l, folder_len, pattern, place);
	const char *file =
		arena_printf(&l->conf->arena, "%.*s%s", (int)folder_len, s->file, pattern);
	return file ? source_load(l, file, place) : ERR_NOMEM;
}
