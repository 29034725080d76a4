/*
 * Looking for files below a root. openat2(2) with RESOLVE_BENEATH is what
 * keeps every path, link and race inside; what is refused here before it is
 * refused for other reasons.
 *
 * Thread: see site.h.
 */
#include "work/site.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "work/file.h"

/* Since Linux 5.12; headers may be older. */
#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)

enum { OPEN_TRIES = 16 };

static const struct {
	const char *ending;
	const char *name;
} codings[] = {
	[HTTP_CODING_BR] = { ".br", "br" },
	[HTTP_CODING_GZIP] = { ".gz", "gzip" },
	[HTTP_CODING_NONE] = { "", NULL },
};

/* ---- the path ---- */

/* A segment of a path, decoded but for %2F and %25, to a file's name; false
 * when there can be none. */
static bool put_segment(const char *from, size_t len, char **to)
{
	for (size_t i = 0; i < len; i++) {
		char c = from[i];
		if (c == '%') {
			if (from[i + 2] != '5')
				return false; /* a slash is no part of a name */
			i += 2;
		}
		*(*to)++ = c;
	}
	return true;
}

static bool is_well_known(const char *segment, size_t len)
{
	static const char name[] = ".well-known";
	return len == sizeof(name) - 1 && memcmp(segment, name, len) == 0;
}

/* `rest` is what stands behind the prefix. The end of the path; NULL: nothing is
 * served there. */
static char *put_path(const char *rest, bool is_top, char *to)
{
	for (const char *at = rest; *at;) {
		size_t len = strcspn(at, "/");
		bool is_hidden = *at == '.' && !(is_top && at == rest && is_well_known(at, len));
		if (len == 0 || is_hidden || !put_segment(at, len, &to))
			return NULL;
		at += len;
		if (*at == '/')
			*to++ = *at++;
	}
	*to = '\0';
	return to;
}

static const char *accept_encoding(const struct request *req)
{
	const struct http_header *h =
		http_header_find(req->head.headers, req->head.header_count, "Accept-Encoding");
	return h ? h->value : NULL;
}

struct site_search *site_begin(struct request *req)
{
	const struct site *site = req->route->site;
	struct site_search *s = arena_zalloc(&req->arena, sizeof(*s));
	if (!s)
		return NULL;
	*s = (struct site_search){ .site = site, .fd = -1 };
	if (req->route == &site->bare) {
		s->status = 301;
		return s;
	}
	const char *rest = req->params[0];
	size_t len = strlen(rest), index_size = strlen(site->index) + 1;
	char *path = arena_alloc(&req->arena, len + index_size);
	if (!path)
		return NULL;
	s->path = path;
	s->is_folder = len == 0 || rest[len - 1] == '/';
	char *end = put_path(rest, site->route.target.pattern.segment_count == 1, path);
	if (!end)
		s->status = 404;
	else if (s->is_folder)
		memcpy(end, site->index, index_size);
	http_accepted_codings(site->is_precompressed ? accept_encoding(req) : NULL, s->codings);
	return s;
}

/* ---- looking ---- */

static int open_below(const struct site *site, const char *path, bool is_cached,
		      struct stat *ret_st)
{
	if (is_cached)
		return site->has_cached
			       ? file_open(site->root, path, BENEATH | RESOLVE_CACHED, ret_st)
			       : -EAGAIN;
	/* EAGAIN: something was renamed on the way, and the kernel could not be sure
	 * of a "..". */
	int fd = -EAGAIN;
	for (int i = 0; i < OPEN_TRIES && fd == -EAGAIN; i++)
		fd = file_open(site->root, path, BENEATH, ret_st);
	return fd == -EAGAIN ? -EBUSY : fd;
}

/* Is `path` a folder that may be entered though not be read? */
static bool is_closed_folder(const struct site *site, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = BENEATH,
	};
	int fd = (int)syscall(SYS_openat2, site->root, path, &how, sizeof(how));
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool is_older(const struct stat *x, const struct stat *y)
{
	return x->st_mtim.tv_sec != y->st_mtim.tv_sec ? x->st_mtim.tv_sec < y->st_mtim.tv_sec
						      : x->st_mtim.tv_nsec < y->st_mtim.tv_nsec;
}

/* Takes what lies beside the file found in the best coding, if anything does.
 * -EAGAIN, else 0. */
static int look_beside(struct site_search *s, bool is_cached)
{
	char path[PATH_MAX];
	for (const enum http_coding *c = s->codings; *c != HTTP_CODING_NONE; c++) {
		struct stat st;
		size_t len = strlen(s->name);
		if (len + sizeof(".br") > sizeof(path))
			return 0;
		memcpy(path, s->name, len);
		memcpy(path + len, codings[*c].ending, sizeof(".br"));
		int fd = open_below(s->site, path, is_cached, &st);
		if (fd == -EAGAIN)
			return fd;
		if (fd >= 0 && !is_older(&st, &s->st)) {
			close(s->fd);
			s->fd = fd;
			s->st = st;
			s->coding = *c;
			return 0;
		}
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

/* Opens a file, or what stands beside it. A negative errno when it cannot be. */
static int take(struct site_search *s, const char *name, bool is_cached)
{
	int fd = open_below(s->site, name, is_cached, &s->st);
	if (fd < 0)
		return fd;
	s->fd = fd;
	s->name = name;
	s->coding = HTTP_CODING_NONE;
	int rc = look_beside(s, is_cached);
	if (rc < 0) {
		close(s->fd);
		s->fd = -1;
		return rc;
	}
	s->status = 200;
	return 0;
}

static int status_of(struct site_search *s, int err)
{
	switch (err) {
	case -EISDIR: /* an index that is a folder is nothing to be served */
		return s->is_folder ? 404 : 301;
	case -EACCES:
	case -EPERM:
		return !s->is_folder && is_closed_folder(s->site, s->path) ? 301 : 403;
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EXDEV:
	case -ENXIO:
	case -ENODEV:
	case -ENAMETOOLONG:
		return 404;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -EBUSY:
		s->err = err;
		return 503;
	default:
		s->err = err;
		return 500;
	}
}

int site_look(struct site_search *s, bool is_cached)
{
	if (s->status)
		return 0;
	s->is_fallback = false;
	int rc = take(s, s->path, is_cached);
	bool is_absent = rc == -ENOENT || rc == -ENOTDIR;
	if (is_absent && s->site->fallback) {
		s->is_fallback = true;
		rc = take(s, s->site->fallback, is_cached);
		rc = rc == -EISDIR ? -ENOENT : rc;
	}
	/* Why it is forbidden takes another look. */
	if (is_cached && (rc == -EACCES || rc == -EPERM))
		rc = -EAGAIN;
	if (rc < 0 && rc != -EAGAIN)
		s->status = status_of(s, rc);
	return rc == -EAGAIN ? rc : 0;
}

/* ---- answering ---- */

static char *put_escaped(char *to, const char *path)
{
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;
		bool is_plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
		/* What percent signs are left belong to escapes. */
		if (is_plain || strchr("-._~!$&'()*+,;=:@/%", c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = "0123456789ABCDEF"[c >> 4];
		*to++ = "0123456789ABCDEF"[c & 15];
	}
	*to = '\0';
	return to;
}

/* The path with a slash at its end, and the query. */
static int redirect(struct request *req)
{
	bool has_query = req->head.query.at != NULL;
	char *to = arena_alloc(&req->arena, 3 * req->path_len + strlen(req->query) + 3);
	if (!to)
		return -ENOMEM;
	char *end = put_escaped(to, req->path);
	sprintf(end, "/%s%s", has_query ? "?" : "", req->query);
	int rc = response_put_header(&req->res, true, "Location", to);
	return rc < 0 ? rc : 301;
}

static int send_found(struct request *req, struct site_search *s)
{
	const struct site *site = s->site;
	struct response *res = &req->res;
	int fd = s->fd;
	s->fd = -1;
	int status = file_respond(res, fd, &s->st, mime_find(site->types, s->name));
	const char *cache = s->is_fallback ? "no-cache" : site->cache_control;
	const char *coding = codings[s->coding].name;
	int rc = status < 0 ? status : 0;
	if (rc == 0 && site->is_precompressed)
		rc = response_put_header(res, false, "Vary", "Accept-Encoding");
	if (rc == 0 && coding && (status == 200 || status == 206))
		rc = response_put_header(res, false, "Content-Encoding", coding);
	if (rc == 0 && cache && status < 400)
		rc = response_put_header(res, false, "Cache-Control", cache);
	return rc < 0 ? rc : status;
}

int site_answer(struct request *req, struct site_search *s)
{
	struct response *res = &req->res;
	int status = s->status == 200   ? send_found(req, s)
		     : s->status == 301 ? redirect(req)
					: s->status;
	if (s->err)
		log_error("request %s: cannot open a file of %s: %s", req->id,
			  s->site->route.handler_name, strerror(-s->err));
	if (status < 0) {
		log_error("request %s: out of memory for its answer", req->id);
		status = 500;
	}
	if (status == 503)
		req->call.retry_after = 1;
	if (status >= 400 && response_error(res, status, NULL) < 0)
		response_clear_body(res);
	res->status = status;
	return status;
}

/* ---- opening a site ---- */

static struct conf_place place_of(const struct site *site, enum static_option option)
{
	const struct option_value *v = &site->section->set.values[option];
	return v->place.file ? v->place : site->section->place;
}

static void open_root(struct site *site, struct conf_errors *errs)
{
	const char *root = conf_text(site->section, STATIC_ROOT);
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = BENEATH };
	if (!root[0])
		return; /* that it is missing was said already */
	site->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (site->root < 0) {
		conf_error(errs, place_of(site, STATIC_ROOT), "root: cannot open \"%s\": %s", root,
			   strerror(errno));
		return;
	}
	int fd = (int)syscall(SYS_openat2, site->root, ".", &how, sizeof(how));
	if (fd < 0) {
		conf_error(errs, site->section->place,
			   "static files need openat2(2), of Linux 5.6 or later; here it fails: %s",
			   strerror(errno));
		return;
	}
	close(fd);
	how.resolve |= RESOLVE_CACHED;
	fd = (int)syscall(SYS_openat2, site->root, ".", &how, sizeof(how));
	site->has_cached = fd >= 0 || errno != EINVAL;
	if (fd >= 0)
		close(fd);
}

/* All of a file, to be freed; NULL with errno. */
static char *read_file(const char *path, size_t *ret_len)
{
	struct stat st;
	int fd = file_open(AT_FDCWD, path, 0, &st);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	size_t size = (size_t)st.st_size, len = 0;
	char *text = malloc(size + 1);
	ssize_t n = text ? 1 : -1;
	while (n > 0 && len < size) {
		n = read(fd, text + len, size - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	*ret_len = len;
	return text;
}

static void read_types(struct site *site, struct arena *a, struct conf_errors *errs)
{
	const char *path = conf_text(site->section, STATIC_MIME_TYPES);
	size_t len = 0;
	char *text = read_file(path, &len);
	if (!text && errno == ENOENT)
		log_warn("mime_types: there is no file \"%s\"; a table of the usual types is used",
			 path);
	else if (!text)
		conf_error(errs, place_of(site, STATIC_MIME_TYPES),
			   "mime_types: cannot read \"%s\": %s", path, strerror(errno));
	site->types = mime_new(text, len, a);
	free(text);
	if (!site->types)
		conf_error(errs, site->section->place, "out of memory");
}

static const struct mime_table *find_types(const struct site *site, const struct site *others,
					   size_t count)
{
	const char *path = conf_text(site->section, STATIC_MIME_TYPES);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(conf_text(others[i].section, STATIC_MIME_TYPES), path) == 0)
			return others[i].types;
	}
	return NULL;
}

static const char *text_or_null(const struct site *site, enum static_option option)
{
	const char *text = conf_text(site->section, option);
	return text[0] ? text : NULL;
}

void site_open(struct site *site, const struct conf_section *section, const struct site *others,
	       size_t count, struct arena *a, struct conf_errors *errs)
{
	*site = (struct site){ .section = section, .root = -1 };
	site->index = conf_text(section, STATIC_INDEX);
	site->fallback = text_or_null(site, STATIC_FALLBACK);
	site->cache_control = text_or_null(site, STATIC_CACHE_CONTROL);
	site->is_precompressed = conf_int(section, STATIC_PRECOMPRESSED) != 0;
	const char *cache = conf_text(section, STATIC_CACHE_CONTROL);
	if (!http_is_field_value(cache, strlen(cache)))
		conf_error(errs, place_of(site, STATIC_CACHE_CONTROL),
			   "cache_control: it has a control character");
	open_root(site, errs);
	site->types = find_types(site, others, count);
	if (!site->types)
		read_types(site, a, errs);
}

void site_close(struct site *site)
{
	if (site->root >= 0)
		close(site->root);
	site->root = -1;
}
