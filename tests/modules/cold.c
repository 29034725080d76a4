/*
 * Not a module: a library to be preloaded, which makes a disk slow or its
 * caches empty. Files in the folder COLD are switches, looked at each time:
 *
 *   data     no content of files is in memory
 *   paths    no path is in the kernel's cache
 *   stuck    who waits for the disk does so until the file is gone; each
 *            leaves a file "waiting" when it begins
 *   old      the kernel has no openat2(2)
 *   threads  no thread can be started
 *
 * Thread: any.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

enum { CACHED = 0x20 };

static void name_switch(const char *name, char path[4096])
{
	const char *folder = getenv("COLD");
	snprintf(path, 4096, "%s/%s", folder ? folder : "/nonexistent", name);
}

static bool is_on(const char *name)
{
	char path[4096];
	int err = errno;
	name_switch(name, path);
	bool exists = access(path, F_OK) == 0;
	errno = err;
	return exists;
}

static void wait_for_disk(void)
{
	char path[4096];
	if (!is_on("stuck"))
		return;
	name_switch("waiting", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	while (is_on("stuck"))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static bool may_openat2(const struct open_how *how)
{
	bool is_cached = how->resolve & CACHED;
	if (is_on("old") || (is_cached && is_on("paths"))) {
		errno = is_cached ? EAGAIN : ENOSYS;
		return false;
	}
	if (!is_cached)
		wait_for_disk();
	return true;
}

SEEN long syscall(long number, ...);
SEEN long syscall(long number, ...)
{
	long a[6];
	va_list ap;
	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	long (*real)(long, ...) = (long (*)(long, ...))next("syscall");
	if (number == SYS_openat2 && !may_openat2((const struct open_how *)a[2]))
		return -1;
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

SEEN ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags)
{
	ssize_t (*real)(int, const struct iovec *, int, off_t, int) =
		(ssize_t(*)(int, const struct iovec *, int, off_t, int))next("preadv2");
	if ((flags & RWF_NOWAIT) && is_on("data")) {
		errno = EAGAIN;
		return -1;
	}
	return real(fd, iov, count, offset, flags);
}

/* Where the daemon begins to wait for content. */
SEEN int posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
	int (*real)(int, off_t, off_t, int) =
		(int (*)(int, off_t, off_t, int))next("posix_fadvise");
	wait_for_disk();
	return real(fd, offset, len, advice);
}

SEEN int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *),
			void *arg)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		(int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))next(
			"pthread_create");
	return is_on("threads") ? EAGAIN : real(thread, attr, fn, arg);
}
