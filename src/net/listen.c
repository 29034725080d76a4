/*
 * Opening and closing of listening sockets.
 *
 * Thread: see listen.h.
 */
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/address.h"
#include "net/accept.h"
#include "net/listen_private.h"
#include "net/loop.h"

enum { BACKLOG = 4096 };

/* ---- opening ---- */

static int add_listener(struct loop *loop, int fd, const struct address *address)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->fd = fd;
	l->is_tcp = !address->is_unix;
	l->announces = address->announces;
	l->next = loop->listeners;
	loop->listeners = l;
	return accept_start(l);
}

/* -errno, or the bound socket. SO_REUSEPORT would let a second daemon share
 * the port unnoticed, so it is asked for only once the port was found free. */
static int bind_tcp(const struct addrinfo *ai, bool reuse_port)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (fd < 0)
		return -errno;
	int one = 1;
	bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0;
	if (ai->ai_family == AF_INET6)
		good = good && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0;
	if (reuse_port)
		good = good && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) == 0;
	if (good && bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

/* Binding alone succeeds beside a listening socket of our own options; only
 * listening tells. */
static int probe_tcp(const struct addrinfo *ai)
{
	int fd = bind_tcp(ai, false);
	if (fd < 0)
		return fd;
	int rc = listen(fd, 1) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

static const char *proxy_word(const struct address *address)
{
	return address->announces ? " proxy" : "";
}

static void log_listening(int fd, const struct address *address)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[16];
	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	bool is_v6 = addr.ss_family == AF_INET6;
	log_info("listening on http://%s%s%s:%s%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port,
		 proxy_word(address));
}

/* Port 0: the first socket chose; the others follow. */
static int take_port(int fd, struct addrinfo *ai)
{
	socklen_t len = ai->ai_addrlen;
	return getsockname(fd, ai->ai_addr, &len) < 0 ? -errno : 0;
}

static int open_tcp(struct loop *loops, int count, struct addrinfo *ai,
		    const struct address *address)
{
	int rc = probe_tcp(ai);
	for (int i = 0; rc == 0 && i < count; i++) {
		int fd = bind_tcp(ai, true);
		if (fd < 0)
			return fd;
		rc = listen(fd, BACKLOG) < 0 ? -errno : 0;
		if (rc == 0 && i == 0)
			rc = take_port(fd, ai);
		if (rc < 0) {
			close(fd);
			return rc;
		}
		if (i == 0)
			log_listening(fd, address);
		rc = add_listener(&loops[i], fd, address);
	}
	return rc;
}

/* "host:port" or "[v6]:port" in two NUL-terminated parts. */
static bool split(const char *address, char *host, size_t size, const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	const char *end = colon;
	if (!colon)
		return false;
	if (*address == '[') {
		address++;
		end--;
		if (end < address || *end != ']')
			return false;
	}
	size_t len = (size_t)(end - address);
	if (len >= size)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return true;
}

static bool listen_tcp(struct loop *loops, int count, const struct address *wanted,
		       struct conf_place place, struct conf_errors *errs)
{
	const char *address = wanted->text;
	char host[256];
	const char *port;
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	if (!split(address, host, sizeof(host), &port)) {
		conf_error(errs, place,
			   "cannot listen on %s: not HOST:PORT, [V6]:PORT or unix:PATH", address);
		return false;
	}
	int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (rc != 0) {
		conf_error(errs, place, "cannot listen on %s: %s", address, gai_strerror(rc));
		return false;
	}
	rc = 0;
	for (struct addrinfo *ai = list; rc == 0 && ai; ai = ai->ai_next)
		rc = open_tcp(loops, count, ai, wanted);
	freeaddrinfo(list);
	if (rc < 0)
		conf_error(errs, place, "cannot listen on %s: %s", address, strerror(-rc));
	return rc == 0;
}

/* A socket file that nobody answers on is a dead daemon's. */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno
									       : -EADDRINUSE;
	close(fd);
	if (rc == -ECONNREFUSED)
		rc = unlink(addr->sun_path) < 0 ? -errno : 0;
	return rc;
}

/* Who may connect is decided by the folder; the file itself is open to all,
 * as a TCP port is. */
static int bind_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int rc = remove_stale(&addr);
	if (rc < 0)
		return rc;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && chmod(path, 0666) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

static int open_unix(struct loop *loops, int count, const struct address *address)
{
	const char *path = address->text + strlen("unix:");
	int fd = bind_unix(path);
	if (fd < 0)
		return fd;
	int rc = 0;
	for (int i = 0; rc == 0 && i < count; i++) {
		int own = i == 0 ? fd : dup(fd);
		rc = own < 0 ? -errno : add_listener(&loops[i], own, address);
	}
	if (rc == 0) {
		loops[0].listeners->unlink_path = strdup(path);
		log_info("listening on unix:%s%s", path, proxy_word(address));
	}
	return rc;
}

bool listen_open(struct loop *loops, int count, const struct option_text *value,
		 struct conf_errors *errs)
{
	struct address address = address_read(value->text);
	if (!address.is_unix)
		return listen_tcp(loops, count, &address, value->place, errs);
	int rc = open_unix(loops, count, &address);
	if (rc < 0)
		conf_error(errs, value->place, "cannot listen on %s: %s", address.text,
			   strerror(-rc));
	return rc == 0;
}

int listen_free_port(int port)
{
	for (int last = port + 100; port < last; port++) {
		struct sockaddr_in addr = {
			.sin_family = AF_INET,
			.sin_port = htons((uint16_t)port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		struct addrinfo ai = {
			.ai_family = AF_INET,
			.ai_addr = (struct sockaddr *)&addr,
			.ai_addrlen = sizeof(addr),
		};
		if (probe_tcp(&ai) == 0)
			return port;
	}
	return -1;
}

/* ---- closing ---- */

static void close_listener(struct listener *l)
{
	if (l->event)
		event_free(l->event);
	close(l->fd);
	if (l->unlink_path)
		unlink(l->unlink_path);
	free(l->unlink_path);
	free(l);
}

void listeners_close(struct loop *loop)
{
	while (loop->listeners) {
		struct listener *l = loop->listeners;
		loop->listeners = l->next;
		close_listener(l);
	}
	accept_stop(loop);
}

void listeners_finish(struct loop *loop)
{
	for (struct listener *l = loop->listeners; l; l = l->next)
		accept_all(l);
	listeners_close(loop);
}
