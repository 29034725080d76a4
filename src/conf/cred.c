/*
 * Reading of credentials.
 *
 * Thread: boot and reload.
 */
#include "conf/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { CRED_MAX = 64 * 1024 };

static bool is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && !strchr(name, '/') && strlen(name) < 256;
}

static ssize_t read_all(int fd, char *to, size_t size)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = read(fd, to + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int cred_read(const char *name, struct arena *a, const char **ret_text, const char **ret_why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	*ret_why = "a credential has a name without slashes";
	if (!is_name(name))
		return ERR_SYNTAX;
	*ret_why = "there is no CREDENTIALS_DIRECTORY: systemd makes it for LoadCredential=";
	if (!folder)
		return ERR_SYNTAX;
	const char *path = arena_printf(a, "%s/%s", folder, name);
	char *text = arena_alloc(a, CRED_MAX + 1);
	if (!path || !text)
		return ERR_NOMEM;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t len = fd < 0 ? -errno : read_all(fd, text, CRED_MAX + 1);
	if (fd >= 0)
		close(fd);
	if (len < 0) {
		*ret_why = arena_printf(a, "%s cannot be read: %s", path, strerror((int)-len));
		return *ret_why ? ERR_SYNTAX : ERR_NOMEM;
	}
	*ret_why = "it is longer than 64K, or has a NUL in it";
	if (len > CRED_MAX || memchr(text, '\0', (size_t)len))
		return ERR_SYNTAX;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	text[len] = '\0';
	*ret_text = text;
	return 0;
}
