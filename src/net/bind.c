/*
 * Sockets that listen: of TCP, in the file system, or passed by systemd.
 *
 * Thread: main, or the keeper.
 */
#include "net/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

/* ---- TCP ---- */

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

/* Port 0: the first socket chose; the others follow. */
static int take_port(int fd, struct addrinfo *ai)
{
	socklen_t len = ai->ai_addrlen;
	return getsockname(fd, ai->ai_addr, &len) < 0 ? -errno : 0;
}

static int open_tcp(struct sockets *s, size_t count, struct addrinfo *ai)
{
	int rc = probe_tcp(ai);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		int fd = bind_tcp(ai, true);
		if (fd < 0)
			return fd;
		rc = listen(fd, BACKLOG) < 0 ? -errno : 0;
		if (rc == 0 && i == 0)
			rc = take_port(fd, ai);
		if (rc == 0)
			rc = sockets_add(s, i, fd, true);
		else
			close(fd);
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

int bind_tcp_sockets(struct sockets *s, size_t count, const char *address, const char **ret_why)
{
	char host[256];
	const char *port;
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	if (!split(address, host, sizeof(host), &port)) {
		*ret_why = "not HOST:PORT, [V6]:PORT or unix:PATH";
		return -EINVAL;
	}
	int rc = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (rc != 0) {
		*ret_why = gai_strerror(rc);
		return -EINVAL;
	}
	rc = 0;
	for (struct addrinfo *ai = list; rc == 0 && ai; ai = ai->ai_next)
		rc = open_tcp(s, count, ai);
	freeaddrinfo(list);
	return rc;
}

int bind_free_port(int port)
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

/* ---- sockets in the file system ---- */

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

static int bind_unix(const char *path, mode_t mode)
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
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && chmod(path, mode) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	int err = errno;
	close(fd);
	return -err;
}

/* One socket is all loops'. */
static int share(struct sockets *s, size_t count, int fd)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		int own = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 3);
		rc = own < 0 ? -errno : sockets_add(s, i, own, false);
	}
	return rc;
}

int bind_unix_socket(struct sockets *s, size_t count, const char *path, mode_t mode)
{
	int fd = bind_unix(path, mode);
	return fd < 0 ? fd : share(s, count, fd);
}

/* ---- sockets from systemd ---- */

static bool is_listening(int fd)
{
	return sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0;
}

int bind_passed_sockets(struct sockets *s, size_t count, const char *name, const char **ret_why)
{
	char **names = NULL;
	int passed = sd_listen_fds_with_names(0, &names), rc = passed < 0 ? passed : 0, taken = 0;
	for (int i = 0; i < passed; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		if (rc == 0 && (!name[0] || strcmp(names[i], name) == 0)) {
			/* The passed one stays, for a reload that takes it again. */
			int own = is_listening(fd) ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -EINVAL;
			rc = own == -EINVAL ? -EINVAL
			     : own < 0 || fcntl(own, F_SETFL, O_NONBLOCK) < 0
				     ? -errno
				     : share(s, count, own);
			taken++;
		}
		free(names[i]);
	}
	free(names);
	if (rc == -EINVAL)
		*ret_why = "what was passed is no listening stream socket";
	if (rc == 0 && taken == 0) {
		*ret_why = name[0] ? "no socket of that name was passed (FileDescriptorName= of "
				     "the .socket unit)"
				   : "no socket was passed; start weir.socket, or name an address";
		rc = -EINVAL;
	}
	return rc;
}

bool bind_is_passed(void)
{
	return sd_listen_fds(0) > 0;
}
