/*
 * libmicrohttpd with a pool of threads that share an epoll each: the same answer,
 * the length of a body, or a sleep.
 *
 *   mhd PORT THREADS
 *
 * Thread: libmicrohttpd's.
 */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum MHD_Result answer(struct MHD_Connection *c, const char *text)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
	MHD_add_response_header(r, "Content-Type", "text/plain");
	enum MHD_Result rc = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *size, void **state)
{
	char text[32];
	(void)ctx;
	(void)method;
	(void)version;
	(void)data;
	if (!*state) {
		*state = calloc(1, sizeof(size_t));
		return *state ? MHD_YES : MHD_NO;
	}
	if (*size > 0) {
		*(size_t *)*state += *size;
		*size = 0;
		return MHD_YES;
	}
	size_t length = *(size_t *)*state;
	free(*state);
	*state = NULL;
	if (strcmp(url, "/length") == 0) {
		snprintf(text, sizeof(text), "%zu\n", length);
		return answer(c, text);
	}
	if (strcmp(url, "/sleep10") == 0) {
		const struct timespec t = { .tv_nsec = 10000000 };
		nanosleep(&t, NULL);
	}
	return answer(c, "hello, world\n");
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 64;
	struct MHD_Daemon *d = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD, (unsigned short)atoi(argv[1]), NULL, NULL, handle,
		NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)atoi(argv[2]),
		MHD_OPTION_CONNECTION_LIMIT, 20000u, MHD_OPTION_END);
	if (!d)
		return 1;
	for (;;)
		pause();
}
