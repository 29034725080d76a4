/*
 * Ends the process, in each way that one can.
 *
 *   GET /null /abort /div /bus /ill /overflow   on a worker
 *   GET /inline                                 a null write on an I/O thread
 *   GET /task                                   in a background task
 *   GET /thread                                 on a thread of the module's own
 *   at = init                                   a null write in init
 *
 * Thread: each function as <weir/module.h> says.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weir/module.h>

static int *volatile nowhere;
static volatile int zero, thousand = 1000, depth_max = 1 << 30;

static void null_write(void)
{
	*(volatile int *)nowhere = 1;
}

static int null(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	null_write();
	return weir_text(res, 200, "alive\n");
}

static int aborts(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	(void)res;
	abort();
}

static int div_zero(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_textf(res, 200, "%d\n", thousand / zero);
}

/* A page of a file that is not there any more. */
static int bus(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	int fd = memfd_create("short", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return 500;
	volatile char *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (ftruncate(fd, 0) < 0)
		return 500;
	return weir_textf(res, 200, "%d\n", at[0]);
}

static int ill(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	(void)res;
	__builtin_trap();
}

static int deeper(int depth)
{
	volatile char room[1000];
	memset((char *)(uintptr_t)room, depth & 1, sizeof(room));
	return depth < depth_max ? deeper(depth + 1) + room[depth % 1000] : 0;
}

static int overflow(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_textf(res, 200, "%d\n", deeper(0));
}

static int task(struct weir_task *t, void *arg)
{
	(void)t;
	(void)arg;
	null_write();
	return 0;
}

static int leave_task(struct weir_request *req, struct weir_response *res)
{
	int rc = weir_background(req, task, NULL, NULL, WEIR_IN_ORDER);
	return rc < 0 ? rc : weir_text(res, 200, "left\n");
}

static void *own_thread(void *arg)
{
	null_write();
	return arg;
}

static int make_thread(struct weir_request *req, struct weir_response *res)
{
	pthread_t thread;
	(void)req;
	if (pthread_create(&thread, NULL, own_thread, NULL) != 0)
		return 500;
	pthread_join(thread, NULL);
	return weir_text(res, 200, "alive\n");
}

static int init(struct weir_instance *self, void **ret_data)
{
	(void)ret_data;
	if (strcmp(weir_option_text(self, "at"), "init") == 0)
		null_write();
	return 0;
}

/* clang-format off */
WEIR_MODULE(
	.name = "crash",
	.version = "3.1",
	.summary = "ends the process",
	.init = init,
	.routes = WEIR_ROUTES(
		WEIR_GET("/null", null),
		WEIR_GET("/abort", aborts),
		WEIR_GET("/div", div_zero),
		WEIR_GET("/bus", bus),
		WEIR_GET("/ill", ill),
		WEIR_GET("/overflow", overflow),
		WEIR_GET_INLINE("/inline", null),
		WEIR_GET("/task", leave_task),
		WEIR_GET("/thread", make_thread)),
	.options = WEIR_OPTIONS(
		{ .name = "at", .type = WEIR_CHOICE, .value = "run", .choices = "run init",
		  .help = "when" }),
)
/* clang-format on */
