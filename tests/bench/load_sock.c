/*
 * Opening of client sockets.
 *
 * Thread: any.
 */
#include "load_sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { OTHER_DESCRIPTORS = 32 };

/* A server that has answered before and refuses now is worth counting; one that never
 * was there is a mistake in the command. */
static atomic_bool was_reached;

unsigned sock_raise_limit(unsigned wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		fatal("cannot read the limit of descriptors: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		fatal("cannot raise the limit of descriptors: %s", strerror(errno));
	if (limit.rlim_cur < (rlim_t)wanted + OTHER_DESCRIPTORS)
		fatal("%u connections want more descriptors than the %llu that are allowed "
		      "(ulimit -n)",
		      wanted, (unsigned long long)limit.rlim_cur);
	return limit.rlim_cur > CONNECTIONS_MAX ? CONNECTIONS_MAX
						: (unsigned)limit.rlim_cur - OTHER_DESCRIPTORS;
}

static int failed(const struct conf *conf, int err)
{
	if (err == EADDRNOTAVAIL)
		fatal("cannot connect to %s: no free port left on this address; -A N uses N of "
		      "them",
		      conf->target_text);
	if (err == EACCES || err == EPERM || err == EAFNOSUPPORT)
		fatal("cannot connect to %s: %s", conf->target_text, strerror(err));
	if (err != EAGAIN && !atomic_load_explicit(&was_reached, memory_order_relaxed))
		fatal("cannot connect to %s: %s", conf->target_text, strerror(err));
	return -err;
}

static void bind_source(const struct conf *conf, int fd, unsigned number)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % conf->addresses);
	int one = 1;
	/* The port is chosen when connecting, when the whole pair has to be free, not before. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0)
		fatal("-A: cannot bind to 127.0.0.%u: %s", 1 + number % conf->addresses,
		      strerror(errno));
}

int sock_connect(const struct conf *conf, unsigned number, int receive_buffer)
{
	int family = conf->target.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		fatal("no more descriptors (%s): fewer connections, or a higher ulimit -n",
		      strerror(errno));
	if (fd < 0)
		fatal("cannot open a socket: %s", strerror(errno));
	if (conf->addresses)
		bind_source(conf, fd, number);
	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	if (family != AF_UNIX) {
		int one = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	}
	const struct sockaddr *to = (const struct sockaddr *)&conf->target;
	if (connect(fd, to, conf->target_len) == 0 || errno == EINPROGRESS)
		return fd;
	int err = errno;
	close(fd);
	return failed(conf, err);
}

int sock_finish(const struct conf *conf, int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err)
		return failed(conf, err);
	atomic_store_explicit(&was_reached, true, memory_order_relaxed);
	return 0;
}
