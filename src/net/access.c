/*
 * Access log lines: the combined format with request id, route, waiting and
 * running time behind it.
 *
 * Thread: see access.h.
 */
#include "net/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/loop.h"
#include "work/request.h"

enum { LINES_MAX = 1 << 20 }; /* bytes kept for one turn */

#define OPEN_FLAGS (O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* A pipe or terminal is opened anew, so that not to block is the log's own
 * property and not that of everyone who shares stderr. A file would get a
 * second offset that way, and a socket cannot be opened. */
static int open_stderr(void)
{
	struct stat st;
	bool is_shared =
		fstat(STDERR_FILENO, &st) < 0 || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode);
	int fd = is_shared ? -1 : open("/proc/self/fd/2", OPEN_FLAGS, 0640);
	return fd < 0 ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) : fd;
}

int access_open(const char *name, int *ret_fd)
{
	if (strcmp(name, "off") == 0) {
		*ret_fd = -1;
		return 0;
	}
	int fd = strcmp(name, "stderr") == 0 ? open_stderr() : open(name, OPEN_FLAGS, 0640);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Quotes and controls of clients must not break a line. */
static void put_escaped(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)text[i];
		int rc = ch < 0x20 || ch == '"' || ch == '\\' || ch >= 0x7f
				 ? buf_addf(out, "\\x%02X", ch)
				 : buf_add(out, text + i, 1);
		if (rc < 0)
			return;
	}
}

static void put_quoted(struct buf *out, const struct request *req, const char *name)
{
	const struct http_header *h =
		http_header_find(req->head.headers, req->head.header_count, name);
	if (buf_add(out, " \"", 2) < 0)
		return;
	put_escaped(out, h ? h->value : "-", h ? h->value_len : 1);
	(void)!buf_add(out, "\"", 1);
}

static void put_line(struct buf *out, const struct request *req, int64_t now)
{
	char when[40];
	time_t clock = time(NULL);
	struct tm tm;
	const struct call *call = &req->call;
	bool has_run = call->started > 0;
	localtime_r(&clock, &tm);
	strftime(when, sizeof(when), "%d/%b/%Y:%H:%M:%S %z", &tm);
	if (buf_addf(out, "%s - - [%s] \"", req->client, when) < 0)
		return;
	put_escaped(out, req->head.method_text.at ? req->head.method_text.at : "-",
		    req->head.method_text.at ? req->head.method_text.len : 1);
	(void)!buf_add(out, " ", 1);
	put_escaped(out, req->path ? req->path : "-", req->path ? req->path_len : 1);
	if (req->query && req->query[0]) {
		(void)!buf_add(out, "?", 1);
		put_escaped(out, req->query, strlen(req->query));
	}
	if (buf_addf(out, " HTTP/1.%d\" %d %llu", req->head.minor, req->res.status,
		     (unsigned long long)req->res.len) < 0)
		return;
	put_quoted(out, req, "Referer");
	put_quoted(out, req, "User-Agent");
	double waited = has_run ? (double)(call->started - call->submitted) / NS_PER_MS : 0;
	double ran = has_run ? (double)(call->ended - call->started) / NS_PER_MS : 0;
	(void)!buf_addf(out, " %s \"%s\" total=%.3fms queue=%.3fms run=%.3fms\n", req->id,
			req->route ? req->route->label : "-",
			(double)(now - req->began) / NS_PER_MS, waited, ran);
}

void access_log(struct loop *loop, const struct request *req)
{
	if (loop->access_fd < 0)
		return;
	if (buf_len(&loop->access) > LINES_MAX) {
		loop->access_lost++;
		return;
	}
	put_line(&loop->access, req, clock_now());
}

void access_flush(struct loop *loop)
{
	size_t len = buf_len(&loop->access);
	if (len == 0)
		return;
	ssize_t n = write(loop->access_fd, buf_head(&loop->access), len);
	if (n < (ssize_t)len)
		loop->access_lost++;
	buf_drop(&loop->access, len);
}
