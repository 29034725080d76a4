/*
 * Fuzz driver of http/forwarded: the first byte chooses which header it is, the
 * others are its value. Whatever stands there, an address that a trusted proxy
 * adds behind it is the client.
 *
 * Thread: one.
 */
#include <stdlib.h>
#include <string.h>

#include "http/forwarded.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "X-Forwarded-For", "Forwarded", "X-Forwarded-Proto",
				     "X-Forwarded-Host" };

static struct cidr range;
static const struct cidr_list trusted = { &range, 1 };

static struct http_origin read_value(unsigned which, const char *value, size_t len)
{
	struct http_header header = {
		.name = names[which],
		.value = value,
		.name_len = (uint32_t)strlen(names[which]),
		.value_len = (uint32_t)len,
	};
	struct http_head head = { .headers = &header, .header_count = 1 };
	struct http_origin o;
	struct addr peer;
	must(cidr_parse("10.0.0.0/8", &range) == 0);
	must(addr_parse("10.0.0.1", 8, &peer) == 0);
	http_forwarded_read(&head, which == 1 ? HTTP_FORWARDED_RFC : HTTP_FORWARDED_X, &trusted,
			    &peer, &o);
	must(!o.host.at || (o.host.at >= value && o.host.at + o.host.len <= value + len));
	must(!o.host.at || http_host_is_valid(o.host, false));
	must(o.client.kind != ADDR_UNIX && o.scheme <= HTTP_SCHEME_HTTPS);
	return o;
}

/* What a client sent, with what a proxy adds. */
static void check_added(unsigned which, const char *value, size_t len, const char *more)
{
	char *all = malloc(len + strlen(more));
	struct addr client;
	must(all && addr_parse("192.0.2.7", 9, &client) == 0);
	memcpy(all, value, len);
	memcpy(all + len, more, strlen(more));
	struct http_origin o = read_value(which, all, len + strlen(more));
	must(addr_is_same(&o.client, &client));
	must(which == 0 || o.scheme == HTTP_SCHEME_HTTPS);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	unsigned which = data[0] % array_len(names);
	size_t len = size - 1;
	/* Nothing behind the value may be looked at. */
	char *value = malloc(len ? len : 1);
	must(value);
	memcpy(value, data + 1, len);
	(void)read_value(which, value, len);
	if (which == 0) {
		check_added(0, value, len, ", 192.0.2.7");
		check_added(0, value, len, ",[::ffff:192.0.2.7]:80 , 10.0.0.2");
	} else if (which == 1) {
		check_added(1, value, len, ", for=192.0.2.7;proto=https");
		check_added(1, value, len,
			    ",proto=https;for=\"192.0.2.7:1\", for=10.1.1.1;x=\"a,\\\"b\"");
	}
	free(value);
	return 0;
}
