/*
 * Not a module: a library to be preloaded, which lets one allocation fail. The
 * file NOMEM holds one number of 8 bytes, mapped: when it is N > 0, the Nth
 * allocation from then on (malloc, calloc, realloc) returns NULL and leaves -1
 * there. With NOMEM_SPARES_LIBC the C library's own do not fail, the next one
 * does: a sanitizer's runtime ends the process when its thread cannot start.
 *
 * Thread: any.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

static _Atomic int64_t *left;
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);

/* dlsym() itself may allocate before there is anything to allocate with. */
static char early[4096];
static size_t early_used;
static bool is_looking;

static void look_up(void)
{
	if (real_realloc || is_looking)
		return;
	is_looking = true;
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	is_looking = false;
}

__attribute__((constructor)) static void map_switch(void)
{
	const char *path = getenv("NOMEM");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = fd < 0 ? MAP_FAILED
			   : mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		left = map;
	if (fd >= 0)
		close(fd);
}

static bool is_spared(const void *caller)
{
	Dl_info info;
	return getenv("NOMEM_SPARES_LIBC") && dladdr(caller, &info) && info.dli_fname &&
	       strstr(info.dli_fname, "/libc.so");
}

static bool fails(const void *caller)
{
	if (!left || atomic_load_explicit(left, memory_order_relaxed) <= 0)
		return false;
	if (atomic_fetch_sub(left, 1) != 1)
		return false;
	bool spared = is_spared(caller);
	atomic_store(left, spared ? 1 : -1);
	errno = spared ? errno : ENOMEM;
	return !spared;
}

SEEN void *malloc(size_t size)
{
	look_up();
	if (!real_malloc)
		return NULL;
	return fails(__builtin_return_address(0)) ? NULL : real_malloc(size);
}

SEEN void *calloc(size_t count, size_t size)
{
	look_up();
	if (!real_calloc) {
		size_t need = (count * size + 15) & ~(size_t)15;
		void *p = early_used + need <= sizeof(early) ? early + early_used : NULL;
		early_used += p ? need : 0;
		return p;
	}
	return fails(__builtin_return_address(0)) ? NULL : real_calloc(count, size);
}

SEEN void *realloc(void *old, size_t size)
{
	look_up();
	if (!real_realloc)
		return NULL;
	return fails(__builtin_return_address(0)) ? NULL : real_realloc(old, size);
}
