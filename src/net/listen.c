/*
 * Opening and closing of listening sockets.
 *
 * Thread: see listen.h.
 */
#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
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

struct sockets {
	struct address address; /* constant */
	_Atomic bool announces; /* any thread */
	ino_t inode;            /* of the file of a unix socket */
	bool has_file;          /* main's */
	size_t loops;
	struct listener *parts[]; /* chains; each its loop's once attached */
};

int sockets_add(struct sockets *s, size_t i, int fd, bool is_own)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (!l) {
		close(fd);
		return -ENOMEM;
	}
	*l = (struct listener){ .next = s->parts[i], .of = s, .fd = fd, .is_own = is_own };
	s->parts[i] = l;
	return 0;
}

bool sockets_announce(const struct sockets *s)
{
	return atomic_load_explicit(&s->announces, memory_order_relaxed);
}

/* ---- opening ---- */

static int open_file(struct sockets *s, const char *path, mode_t mode)
{
	struct stat st;
	int rc = bind_unix_socket(s, s->loops, path, mode);
	s->has_file = rc == 0 && stat(path, &st) == 0;
	s->inode = s->has_file ? st.st_ino : 0;
	return rc;
}

static int open_all(struct sockets *s, mode_t mode, const char **ret_why)
{
	const char *text = s->address.text;
	if (s->address.is_unix)
		return open_file(s, text + strlen("unix:"), mode);
	if (s->address.is_passed)
		return bind_passed_sockets(s, s->loops, address_name(&s->address), ret_why);
	return bind_tcp_sockets(s, s->loops, text, ret_why);
}

static void log_one(int fd, const char *behind)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[16];
	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return;
	if (addr.ss_family == AF_UNIX) {
		log_info("listening on unix:%s%s", ((struct sockaddr_un *)&addr)->sun_path, behind);
		return;
	}
	if (getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	bool is_v6 = addr.ss_family == AF_INET6;
	log_info("listening on http://%s%s%s:%s%s", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port,
		 behind);
}

static void log_all(const struct sockets *s)
{
	for (const struct listener *l = s->loops ? s->parts[0] : NULL; l; l = l->next)
		log_one(l->fd, s->address.announces ? " proxy" : "");
}

struct sockets *sockets_open(const struct option_text *value, size_t loops, mode_t mode,
			     struct conf_errors *errs)
{
	struct sockets *s = calloc(1, sizeof(*s) + loops * sizeof(s->parts[0]));
	if (!s) {
		conf_error(errs, value->place, "cannot listen: out of memory");
		return NULL;
	}
	const char *why = NULL;
	s->loops = loops;
	s->address = address_read(value->text);
	atomic_init(&s->announces, s->address.announces);
	int rc = open_all(s, mode, &why);
	if (rc < 0) {
		conf_error(errs, value->place, "cannot listen on %s: %s", s->address.text,
			   why ? why : strerror(-rc));
		sockets_free(&s);
	} else {
		log_all(s);
	}
	return s;
}

bool sockets_are_of(const struct sockets *s, const char *value)
{
	struct address wanted = address_read(value);
	return strcmp(wanted.text, s->address.text) == 0;
}

void sockets_keep(struct sockets *s, const char *value)
{
	struct address wanted = address_read(value);
	if (sockets_are_of(s, value))
		atomic_store_explicit(&s->announces, wanted.announces, memory_order_relaxed);
}

void sockets_attach(struct sockets *s, size_t i, struct loop *loop)
{
	struct listener *next, *l = s->parts[i];
	s->parts[i] = NULL;
	for (; l; l = next) {
		next = l->next;
		l->loop = loop;
		l->next = loop->listeners;
		loop->listeners = l;
		if (accept_start(l) < 0)
			log_error("loop %d cannot accept from %s: out of memory", loop->number,
				  s->address.text);
	}
}

/* ---- closing ---- */

static void close_listener(struct listener *l)
{
	if (l->event)
		event_free(l->event);
	close(l->fd);
	free(l);
}

void sockets_detach(struct sockets *s, struct loop *loop)
{
	for (struct listener **at = &loop->listeners; *at;) {
		struct listener *l = *at;
		if (l->of != s) {
			at = &l->next;
			continue;
		}
		accept_all(l);
		*at = l->next;
		close_listener(l);
	}
}

void sockets_unlink(struct sockets *s)
{
	struct stat st;
	const char *path = s->address.text + strlen("unix:");
	if (s->has_file && lstat(path, &st) == 0 && st.st_ino == s->inode)
		unlink(path);
	s->has_file = false;
}

void sockets_free(struct sockets **sockets)
{
	struct sockets *s = *sockets;
	if (!s)
		return;
	sockets_unlink(s);
	for (size_t i = 0; i < s->loops; i++) {
		while (s->parts[i]) {
			struct listener *l = s->parts[i];
			s->parts[i] = l->next;
			close_listener(l);
		}
	}
	free(s);
	*sockets = NULL;
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
