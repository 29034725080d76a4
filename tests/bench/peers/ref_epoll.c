/*
 * The physical limit: an answer of 13 bytes to whatever ends a request's head,
 * by raw epoll and nothing else. No parsing, routing, logging, deadlines.
 *
 *   ref_epoll PORT
 *
 * Thread: one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, BUFFER = 65536 };

static const char answer[] = "HTTP/1.1 200 OK\r\n"
			     "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
			     "Content-Type: text/plain\r\n"
			     "Content-Length: 13\r\n\r\n"
			     "hello, world\n";

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_port(const char *port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static void accept_all(int ep, int listener)
{
	int fd, one = 1;
	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		watch(ep, fd);
	}
}

/* Requests of the generator come whole. */
static void serve(int fd)
{
	static char in[BUFFER];
	ssize_t n = recv(fd, in, sizeof(in), 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			close(fd);
		return;
	}
	char *end = in + n;
	for (char *p = in; (p = memmem(p, (size_t)(end - p), "\r\n\r\n", 4)) != NULL; p += 4) {
		if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0) {
			close(fd);
			return;
		}
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	if (argc != 2)
		return 64;
	int listener = open_port(argv[1]), ep = epoll_create1(0);
	if (ep < 0)
		die("epoll_create1");
	watch(ep, listener);
	for (;;) {
		int n = epoll_wait(ep, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == listener)
				accept_all(ep, listener);
			else
				serve(events[i].data.fd);
		}
	}
}
