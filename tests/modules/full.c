/*
 * Not a module: a library to be preloaded, which makes disks full and file
 * systems poor. Files in the folder FULL are switches, looked at each time:
 *
 *   spool-full   writing to the spool finds no room
 *   copy-full    copy_file_range(2) finds no room
 *   write-full   nor does write(2) to a regular file
 *   no-copy      copy_file_range(2) does not go from one file system to another
 *   no-nameless  only a folder named "spool" can have files without a name
 *
 * Thread: any.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

static bool is_on(const char *name)
{
	char path[4096];
	const char *folder = getenv("FULL");
	int err = errno;
	snprintf(path, sizeof(path), "%s/%s", folder ? folder : "/nonexistent", name);
	bool exists = access(path, F_OK) == 0;
	errno = err;
	return exists;
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static ssize_t no_room(void)
{
	errno = ENOSPC;
	return -1;
}

static bool is_file(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

SEEN ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
		(ssize_t(*)(int, const void *, size_t, off_t))next("pwrite");
	return is_on("spool-full") ? no_room() : real(fd, data, len, at);
}

SEEN ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) =
		(ssize_t(*)(int, const void *, size_t))next("write");
	return is_on("write-full") && is_file(fd) ? no_room() : real(fd, data, len);
}

SEEN ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t len,
			     unsigned flags)
{
	ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned) = (ssize_t(*)(
		int, off64_t *, int, off64_t *, size_t, unsigned))next("copy_file_range");
	if (is_on("copy-full"))
		return no_room();
	if (is_on("no-copy")) {
		errno = EXDEV;
		return -1;
	}
	return real(from, from_at, to, to_at, len, flags);
}

SEEN int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))next("open");
	const char *slash = strrchr(path, '/');
	if ((flags & O_TMPFILE) == O_TMPFILE && !(slash && strcmp(slash, "/spool") == 0) &&
	    is_on("no-nameless")) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return real(path, flags, mode);
}
