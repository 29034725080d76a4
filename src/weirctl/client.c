/*
 * Requests to the control socket. The daemon at its other end is our own: one
 * request a connection, and its end is the end of the answer. A library for HTTP
 * at large would take longer to load than all of this to run.
 *
 * Thread: one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "weirctl/ctl.h"

enum { TIMEOUT_S = 10, ANSWER_MAX = 64 << 20 };

/* A connected socket, or a negative errno. */
static int open_socket(const struct ctl *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timeval most = { .tv_sec = TIMEOUT_S };
	if (strlen(c->socket) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, c->socket, strlen(c->socket) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

long ctl_peer(const struct ctl *c)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = open_socket(c);
	if (fd < 0)
		return fd == -ENOENT || fd == -ECONNREFUSED ? CTL_NOBODY : CTL_UNKNOWN;
	int rc = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	close(fd);
	return rc < 0 ? CTL_UNKNOWN : peer.pid;
}

bool ctl_is_gone(const struct ctl *c, long peer)
{
	long now = ctl_peer(c);
	return now == CTL_NOBODY || (now >= 0 && peer >= 0 && now != peer);
}

static int no_answer(const struct ctl *c, int err)
{
	fprintf(stderr, "weirctl: no answer from %s: %s\n", c->socket,
		err == EAGAIN ? "it takes too long" : strerror(err));
	if (err == EACCES || err == EPERM) {
		fprintf(stderr, "weirctl: root, the daemon's user and the group of its [admin] "
				"section may use it\n");
		return CTL_NOPERM;
	}
	if (err == ENOENT || err == ECONNREFUSED)
		fprintf(stderr, "weirctl: does the daemon run, and does its [admin] section listen "
				"there? Another socket is named with -s\n");
	return CTL_UNAVAILABLE;
}

/* 0, or a negative errno. */
static int send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Up to the end, with a NUL behind it. 0, or a negative errno. */
static int receive_all(int fd, char **ret_text, size_t *ret_len)
{
	size_t size = 16384, len = 0;
	char *text = malloc(size + 1);
	ssize_t n = text ? 1 : -1;
	while (n > 0) {
		if (len == size) {
			char *more = size < ANSWER_MAX ? realloc(text, 2 * size + 1) : NULL;
			if (!more)
				break;
			text = more;
			size *= 2;
		}
		n = recv(fd, text + len, size - len, 0);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (n != 0) {
		int err = n < 0 && text ? errno : ENOMEM;
		free(text);
		return -err;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* Takes the head off. A negative errno when this is no whole answer. */
static int read_answer(char *text, size_t len, long *ret_status)
{
	char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
	if (sscanf(text, "HTTP/1.%*c %3ld", ret_status) != 1 || !end || !length || length > end)
		return -EPROTO;
	size_t head = (size_t)(end - text) + 4;
	if (strtoull(length + strlen("\r\nContent-Length:"), NULL, 10) != len - head)
		return -EPROTO;
	memmove(text, text + head, len - head + 1);
	return 0;
}

static int exchange(int fd, const char *method, const char *path, const char *body,
		    long *ret_status, char **ret_text)
{
	char head[1024];
	size_t len = 0, size = body ? strlen(body) : 0;
	int n = snprintf(head, sizeof(head),
			 "%s %s HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n"
			 "Content-Length: %zu\r\n\r\n",
			 method, path, size);
	if (n < 0 || (size_t)n >= sizeof(head))
		return -EINVAL;
	int rc = send_all(fd, head, (size_t)n);
	if (rc == 0)
		rc = send_all(fd, body ? body : "", size);
	if (rc == 0)
		rc = receive_all(fd, ret_text, &len);
	if (rc == 0 && (rc = read_answer(*ret_text, len, ret_status)) < 0)
		free(*ret_text);
	return rc;
}

int ctl_ask(const struct ctl *c, const char *method, const char *path, const char *body,
	    long *ret_status, char **ret_text)
{
	int fd = open_socket(c);
	if (fd < 0)
		return no_answer(c, -fd);
	int rc = exchange(fd, method, path, body, ret_status, ret_text);
	close(fd);
	return rc < 0 ? no_answer(c, -rc) : 0;
}

int ctl_complain(long status, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *why = json_string_value(json_object_get(o, "error"));
	fprintf(stderr, "weirctl: the daemon answered %ld: %s\n", status, why ? why : text);
	json_decref(o);
	return status == 403 ? CTL_NOPERM : CTL_REFUSED;
}

int ctl_send(const struct ctl *c, const char *method, const char *path, const char *body,
	     json_t **ret)
{
	long status = 0;
	char *text = NULL;
	json_error_t error;
	*ret = NULL;
	int rc = ctl_ask(c, method, path, body, &status, &text);
	if (rc == 0 && status >= 400)
		rc = ctl_complain(status, text);
	if (rc == 0 && c->json)
		fputs(text, stdout);
	if (rc == 0 && !(*ret = json_loads(text, 0, &error))) {
		fprintf(stderr, "weirctl: the answer is no JSON: %s\n", error.text);
		rc = CTL_REFUSED;
	}
	free(text);
	return rc;
}

int ctl_get(const struct ctl *c, const char *path, json_t **ret)
{
	return ctl_send(c, "GET", path, NULL, ret);
}
