/*
 * What happens to an instance and its threads in its life, as lines of a file:
 * "init N", "thread_init N", "thread_fini N", "fini N", where N is the number of
 * the instance in its process.
 *
 *   GET /lives          blocking: N of the instance that answers
 *   GET /lives-inline   inline: the same
 *   GET /stall          inline: waits until the file of the option `stall` is there
 *
 * With the option `gate`, init waits until a file of that name is there.
 *
 * Thread: any; each line is one write.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <weir/module.h>

struct life {
	int fd;
	long number;
};

static void note(const struct life *l, const char *what)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%s %ld\n", what, l->number);
	if (write(l->fd, line, (size_t)len) != len)
		abort();
}

static void await(const char *path)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	while (path[0] && access(path, F_OK) < 0)
		nanosleep(&pause, NULL);
}

/* Copies of this file share no variables, but the environment. */
static long next_number(void)
{
	const char *last = getenv("WEIR_TEST_LIVES");
	char text[32];
	long number = last ? strtol(last, NULL, 10) + 1 : 1;
	snprintf(text, sizeof(text), "%ld", number);
	setenv("WEIR_TEST_LIVES", text, 1);
	return number;
}

static int init(struct weir_instance *self, void **ret_data)
{
	struct life *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fd = open(weir_option_text(self, "log"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		     0600);
	if (l->fd < 0) {
		free(l);
		return -errno;
	}
	l->number = next_number();
	note(l, "init");
	await(weir_option_text(self, "gate"));
	*ret_data = l;
	return 0;
}

static void fini(struct weir_instance *self, void *data)
{
	struct life *l = data;
	(void)self;
	note(l, "fini");
	close(l->fd);
	free(l);
}

static int thread_init(struct weir_instance *self, void *data, void **ret_thread_data)
{
	(void)self;
	note(data, "thread_init");
	*ret_thread_data = data;
	return 0;
}

static void thread_fini(struct weir_instance *self, void *data, void *thread_data)
{
	(void)self;
	(void)data;
	note(thread_data, "thread_fini");
}

static int lives(struct weir_request *req, struct weir_response *res)
{
	const struct life *l = weir_data(req);
	return weir_jsonf(res, 200, "%ld", l->number);
}

static int stall(struct weir_request *req, struct weir_response *res)
{
	await(weir_option_text(weir_request_instance(req), "stall"));
	return weir_text(res, 200, "gone on");
}

/* clang-format off */
WEIR_MODULE(
	.name = "lives",
	.summary = "writes down what happens to it",
	.routes = WEIR_ROUTES(WEIR_GET("/lives", lives), WEIR_GET_INLINE("/lives-inline", lives),
			      WEIR_GET_INLINE("/stall", stall)),
	.options = WEIR_OPTIONS(
		{ .name = "log", .type = WEIR_PATH, .flags = WEIR_REQUIRED,
		  .help = "file of the lines" },
		{ .name = "stall", .type = WEIR_PATH, .help = "file that /stall waits for" },
		{ .name = "gate", .type = WEIR_PATH, .help = "file that init waits for" }),
	.init = init,
	.fini = fini,
	.thread_init = thread_init,
	.thread_fini = thread_fini,
)
/* clang-format on */
