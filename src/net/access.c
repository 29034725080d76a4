/*
 * From requests that have ended to the rings of the access log.
 *
 * Thread: see access.h.
 */
#include "net/access.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sink.h"
#include "base/writer.h"
#include "net/access_line.h"
#include "net/loop.h"

enum { RING_SIZE = 1024 * 1024, FORMAT_OFF = -1 };

static const int64_t delay = 200 * NS_PER_MS;

struct access {
	char name[PATH_MAX];
	_Atomic int format; /* enum access_format; FORMAT_OFF */
	struct sink sink;
	size_t count; /* of loops */
	struct ring rings[];
};

struct access *access_new(size_t loops)
{
	struct access *a = calloc(1, sizeof(*a) + loops * sizeof(a->rings[0]));
	if (!a)
		return NULL;
	strcpy(a->name, "off");
	a->count = loops;
	for (size_t i = 0; i < loops; i++)
		ring_init(&a->rings[i], NULL, 0);
	atomic_init(&a->format, FORMAT_OFF);
	sink_init(&a->sink, "access log", a->rings, loops, delay);
	writer_add(&a->sink);
	return a;
}

void access_free(struct access **access)
{
	struct access *a = *access;
	if (!a)
		return;
	sink_switch(&a->sink, SINK_CLOSE);
	sink_drain(&a->sink, 0);
	for (size_t i = 0; i < a->count; i++)
		free(a->rings[i].data);
	free(a);
	*access = NULL;
}

/* Memory is taken by those alone who have an access log, and kept then: loops
 * may be about to use it. */
static int make_rings(struct access *a)
{
	for (size_t i = 0; i < a->count; i++) {
		char *data = a->rings[i].data ? NULL : malloc(RING_SIZE);
		if (!data && !a->rings[i].data)
			return -ENOMEM;
		if (!data)
			continue;
		a->rings[i].data = data;
		a->rings[i].size = RING_SIZE;
	}
	return 0;
}

static int open_as(struct access *a, const char *name)
{
	int fd;
	int rc = strlen(name) < sizeof(a->name) ? make_rings(a) : -ENAMETOOLONG;
	if (rc == 0)
		rc = sink_open(name, &fd);
	if (rc < 0)
		return rc;
	sink_switch(&a->sink, fd);
	return 0;
}

int access_set(struct access *a, const char *name, enum access_format format)
{
	bool is_off = strcmp(name, "off") == 0, is_same = strcmp(name, a->name) == 0;
	int rc = is_off || is_same ? 0 : open_as(a, name);
	if (rc < 0)
		return rc;
	atomic_store(&a->format, is_off ? FORMAT_OFF : (int)format);
	if (is_off && !is_same)
		sink_switch(&a->sink, SINK_CLOSE);
	if (!is_same)
		snprintf(a->name, sizeof(a->name), "%s", name);
	return 0;
}

int access_reopen(struct access *a)
{
	return strcmp(a->name, "off") == 0 ? 0 : open_as(a, a->name);
}

uint64_t access_lost(const struct access *a)
{
	return sink_lost(&a->sink);
}

static void log_line(struct loop *loop, const struct request *req, enum access_format format)
{
	char line[ACCESS_LINE_MAX];
	size_t len = access_line(format, req, clock_now(), line);
	sink_put(&loop->access->sink, &loop->access->rings[loop->number], line, len);
	loop->has_lines = true;
}

void access_log(struct loop *loop, const struct request *req)
{
	if (!loop->access)
		return;
	int format = atomic_load_explicit(&loop->access->format, memory_order_acquire);
	if (format != FORMAT_OFF)
		log_line(loop, req, (enum access_format)format);
}

void access_flush(struct loop *loop)
{
	if (!loop->has_lines)
		return;
	loop->has_lines = false;
	sink_tell(&loop->access->sink, &loop->access->rings[loop->number]);
}
