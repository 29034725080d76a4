/*
 * Unpacking requests and packing answers.
 *
 * A packer keeps some 260 KB, so each thread that packs anything has one for
 * all its answers, and gives it back when it ends. Where memory is short, or the
 * answer would not get smaller, it goes as it is.
 *
 * Thread: the handler's.
 */
#include "work/packing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"
#include "http/encoding.h"
#include "http/gunzip.h"
#include "work/body.h"

enum {
	LEVEL = 5, /* half the time of the highest levels, within a few percent of their size */
	WINDOW_BITS = 15 + 16,
	MEM_LEVEL = 8,
	LOOP_MAX = 16 * 1024, /* of an answer that is packed on a loop: some 200 us */
	BLOCK = 64 * 1024,
};

/* ---- requests ---- */

int packing_refuses(const struct request *req)
{
	if (!req->route->gunzips)
		return 0;
	switch (http_packing(&req->head)) {
	case HTTP_PACKING_OTHER:
		return 415;
	case HTTP_PACKING_GZIP:
		return req->route->is_inline && (req->head.length > BLOCK || req->body.len > BLOCK)
			       ? 413
			       : 0;
	case HTTP_PACKING_NONE:
		break;
	}
	return 0;
}

static int take(void *ctx, const char *data, size_t len)
{
	return body_add(ctx, data, len);
}

/* Reads what came, wherever it is. */
static int feed(struct request *req, const struct request_body *packed, struct http_gunzip *g)
{
	char block[BLOCK];
	size_t at = 0;
	if (packed->fd < 0)
		return http_gunzip_feed(g, packed->data, packed->len, take, req);
	while (at < packed->len) {
		size_t want = packed->len - at < sizeof(block) ? packed->len - at : sizeof(block);
		ssize_t n = pread(packed->fd, block, want, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 500;
		int rc = http_gunzip_feed(g, block, (size_t)n, take, req);
		if (rc != 0)
			return rc;
		at += (size_t)n;
	}
	return 0;
}

/* The handler sees what was meant. */
static void drop_header(struct http_head *head, const char *name)
{
	size_t kept = 0;
	for (size_t i = 0; i < head->header_count; i++) {
		if (strcasecmp(head->headers[i].name, name) != 0)
			head->headers[kept++] = head->headers[i];
	}
	head->header_count = kept;
}

static int unpack(struct request *req, struct request_body *packed)
{
	struct http_gunzip g;
	if (http_gunzip_init(&g, (uint64_t)req->gen->gunzip_ratio_max) < 0)
		return 500;
	int rc = feed(req, packed, &g);
	if (rc == 0)
		rc = http_gunzip_end(&g);
	if (rc == 0)
		rc = body_end(req);
	if (g.is_bomb)
		log_warn("request %s: its body unpacks to more than %lld times its size; "
			 "refused with 413",
			 req->id, (long long)req->gen->gunzip_ratio_max);
	http_gunzip_done(&g);
	return rc;
}

static int unpack_body(struct request *req)
{
	struct request_body packed = req->body;
	req->body = (struct request_body){ .fd = -1 };
	int rc = unpack(req, &packed);
	body_drop(&packed);
	drop_header(&req->head, "Content-Encoding");
	return rc;
}

int packing_open(struct request *req)
{
	bool is_packed = req->route->gunzips && req->body.len > 0 &&
			 http_packing(&req->head) == HTTP_PACKING_GZIP;
	return is_packed ? unpack_body(req) : 0;
}

/* ---- answers ---- */

static pthread_key_t packer_key;
static pthread_once_t packer_once = PTHREAD_ONCE_INIT;
static bool has_key; /* written once */

static void free_packer(void *p)
{
	deflateEnd(p);
	free(p);
}

static void make_key(void)
{
	has_key = pthread_key_create(&packer_key, free_packer) == 0;
}

/* This thread's, ready for the next answer; NULL when memory is out. */
static z_stream *packer(void)
{
	pthread_once(&packer_once, make_key);
	z_stream *z = has_key ? pthread_getspecific(packer_key) : NULL;
	if (z)
		return deflateReset(z) == Z_OK ? z : NULL;
	z = has_key ? calloc(1, sizeof(*z)) : NULL;
	if (!z)
		return NULL;
	if (deflateInit2(z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
	    Z_OK) {
		free(z);
		return NULL;
	}
	if (pthread_setspecific(packer_key, z) != 0) {
		free_packer(z);
		return NULL;
	}
	return z;
}

static const char *header_value(const struct response *res, const char *name)
{
	const struct response_header *h = response_header_find(res, name);
	return h ? h->value : NULL;
}

/* Would this answer be packed for a client that takes it so? */
static bool may_pack(const struct request *req)
{
	const struct response *res = &req->res;
	if (!req->route->compresses || res->kind != BODY_BYTES ||
	    res->len < req->gen->compress_min || res->status < 200 || res->status == 204 ||
	    res->status == 206 || res->status == 304)
		return false;
	if (!req->worker && res->len > LOOP_MAX)
		return false;
	return res->type && http_type_matches(res->type, req->gen->compress_types) &&
	       !header_value(res, "Content-Encoding") && !header_value(res, "Content-Range") &&
	       !http_list_has(header_value(res, "Cache-Control"), "no-transform");
}

/* The packed bytes, smaller than the plain ones; NULL: they are not. */
static void *pack(const struct response *res, size_t *ret_len)
{
	z_stream *z = packer();
	char *to = z ? malloc(res->len) : NULL;
	if (!to)
		return NULL;
	z->next_in = (unsigned char *)(uintptr_t)res->data;
	z->avail_in = (unsigned)res->len;
	z->next_out = (unsigned char *)to;
	z->avail_out = (unsigned)(res->len - 1);
	if (deflate(z, Z_FINISH) != Z_STREAM_END) {
		free(to);
		return NULL;
	}
	*ret_len = (size_t)(res->len - 1 - z->avail_out);
	return to;
}

/* The bytes are others: a strong tag would promise that they are the same. */
static int weaken_tag(struct request *req)
{
	const char *tag = header_value(&req->res, "ETag");
	if (!tag || strncmp(tag, "W/", 2) == 0)
		return 0;
	const char *weak = arena_printf(&req->arena, "W/%s", tag);
	return weak ? response_put_header(&req->res, true, "ETag", weak) : -ENOMEM;
}

static int say_varies(struct request *req)
{
	const char *vary =
		http_vary_add(header_value(&req->res, "Vary"), "Accept-Encoding", &req->arena);
	return vary ? response_put_header(&req->res, true, "Vary", vary) : -ENOMEM;
}

void packing_close(struct request *req)
{
	struct response *res = &req->res;
	size_t len;
	/* It stands for an answer that might have been packed. */
	if (res->status == 304 && req->route->compresses)
		(void)say_varies(req);
	if (!may_pack(req) || res->len > UINT32_MAX || say_varies(req) < 0)
		return;
	const struct http_header *accept =
		http_header_find(req->head.headers, req->head.header_count, "Accept-Encoding");
	if (!http_prefers_gzip(accept ? accept->value : NULL))
		return;
	void *packed = pack(res, &len);
	if (!packed)
		return;
	if (weaken_tag(req) < 0 || response_put_header(res, true, "Content-Encoding", "gzip") < 0) {
		free(packed);
		return;
	}
	if (res->free_fn)
		res->free_fn((void *)(uintptr_t)res->data);
	res->data = packed;
	res->len = len;
	res->free_fn = free;
}

void packing_build(struct generation *gen, struct conf_errors *errs)
{
	const struct conf_section *server = &gen->conf->server;
	gen->compress_types = conf_text(server, SERVER_COMPRESS_TYPES);
	gen->compress_min = (uint64_t)conf_int(server, SERVER_COMPRESS_MIN);
	gen->gunzip_ratio_max = conf_int(server, SERVER_GUNZIP_RATIO_MAX);
	for (size_t i = 0; i < gen->route_count; i++) {
		struct route *r = &gen->routes[i];
		const struct conf_section *own = r->section;
		bool is_own = own && conf_is_given(own, ROUTE_COMPRESS);
		r->compresses = is_own ? conf_int(own, ROUTE_COMPRESS) != 0
				       : conf_int(server, SERVER_COMPRESS) != 0;
		if (own && conf_is_given(own, ROUTE_GUNZIP))
			r->gunzips = conf_int(own, ROUTE_GUNZIP) != 0;
		if (r->gunzips && r->is_live)
			conf_error(
				errs,
				own && conf_is_given(own, ROUTE_GUNZIP)
					? own->set.values[ROUTE_GUNZIP].place
					: r->place,
				"gunzip: %s reads its body while it comes, which is not unpacked",
				r->handler_name);
	}
}
