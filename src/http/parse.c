/*
 * Taking a request head apart: request line, field lines, and what the fields
 * say of framing and connection.
 *
 * Thread: any; pure functions.
 */
#include "http/parse.h"

#include <string.h>
#include <strings.h>

#include "http/find.h"
#include "http/target.h"

/* ---- request line ---- */

static int parse_version(const char *text, size_t len, struct http_head *head)
{
	if (len != HTTP_VERSION_LEN || memcmp(text, "HTTP/", 5) != 0 || text[6] != '.' ||
	    text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9')
		return -400;
	if (text[5] != '1')
		return -505;
	head->minor = text[7] == '0' ? 0 : 1;
	return 0;
}

int http_request_line_cut(const char *line, size_t len, const struct http_limits *limits,
			  struct http_request_line *ret)
{
	const char *end = line + len;
	const char *space = memchr(line, ' ', len <= HTTP_METHOD_MAX ? len : HTTP_METHOD_MAX + 1);
	*ret = (struct http_request_line){ .method = { line,
						       space ? (size_t)(space - line) : len } };
	if (ret->method.len > HTTP_METHOD_MAX || (len > 0 && !http_is_token(line, ret->method.len)))
		return -400;
	if (!space)
		return 0;
	const char *target = space + 1;
	size_t left = (size_t)(end - target), longest = limits->target_max + 1;
	space = memchr(target, ' ', left < longest ? left : longest);
	ret->target = (struct http_span){ target, space ? (size_t)(space - target) : left };
	if (!space)
		return left > limits->target_max ? -414 : 0;
	ret->version = (struct http_span){ space + 1, (size_t)(end - space - 1) };
	return ret->version.len > HTTP_VERSION_LEN ? -400 : 0;
}

static int parse_request_line(const char *line, size_t len, const struct http_limits *limits,
			      struct http_head *head)
{
	struct http_request_line parts;
	int rc = http_request_line_cut(line, len, limits, &parts);
	if (rc < 0)
		return rc;
	if (!parts.version.at)
		return -400;
	head->method_text = parts.method;
	head->method = http_method_find(line, parts.method.len);
	rc = parse_version(parts.version.at, parts.version.len, head);
	if (rc < 0)
		return rc;
	if (head->method == HTTP_CONNECT)
		return -501;
	return http_target_parse(parts.target, head);
}

/* ---- field lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int parse_field(char *line, size_t len, struct http_header *ret)
{
	char *colon = memchr(line, ':', len);
	if (!colon || !http_is_token(line, (size_t)(colon - line)))
		return -400; /* also obs-fold and a space before the colon */
	char *value = colon + 1;
	char *end = line + len;
	while (value < end && is_blank(*value))
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	*colon = '\0';
	*end = '\0'; /* at most the end of its own line */
	*ret = (struct http_header){
		.name = line,
		.value = value,
		.name_len = (uint32_t)(colon - line),
		.value_len = (uint32_t)(end - value),
	};
	return 0;
}

/* ---- what the fields say ---- */

struct facts {
	struct http_head *head;
	unsigned hosts, lengths, codings;
	struct http_span host;
	bool has_chunked, has_other_coding, is_bad_coding, is_chunked_alone;
	bool says_close, says_keep_alive;
};

static int take_length(struct facts *f, const struct http_header *h)
{
	uint64_t length = 0;
	if (++f->lengths > 1 || h->value_len == 0)
		return -400;
	for (uint32_t i = 0; i < h->value_len; i++) {
		unsigned digit = (unsigned)h->value[i] - '0';
		if (digit > 9 || length > (UINT64_MAX - digit) / 10)
			return -400;
		length = length * 10 + digit;
	}
	f->head->has_length = true;
	f->head->length = length;
	return 0;
}

static int take_coding(struct facts *f, const struct http_header *h)
{
	struct http_span coding;
	size_t pos = 0;
	bool any = false;
	while (http_list_next(h->value, h->value_len, &pos, &coding)) {
		any = true;
		if (f->has_chunked)
			f->is_bad_coding = true; /* chunked must be the last one */
		if (http_span_is(coding, "chunked"))
			f->has_chunked = true;
		else
			f->has_other_coding = true;
	}
	f->codings++;
	f->is_chunked_alone = strcasecmp(h->value, "chunked") == 0;
	return any ? 0 : -400;
}

static int take_connection(struct facts *f, const struct http_header *h)
{
	struct http_span option;
	size_t pos = 0;
	while (http_list_next(h->value, h->value_len, &pos, &option)) {
		f->says_close |= http_span_is(option, "close");
		f->says_keep_alive |= http_span_is(option, "keep-alive");
	}
	return 0;
}

static int take_expect(struct facts *f, const struct http_header *h)
{
	bool is_continue = strcasecmp(h->value, "100-continue") == 0;
	if (f->head->minor == 0)
		return 0;
	f->head->expect = is_continue && f->head->expect != HTTP_EXPECT_OTHER ? HTTP_EXPECT_CONTINUE
									      : HTTP_EXPECT_OTHER;
	return 0;
}

static int take_host(struct facts *f, const struct http_header *h)
{
	f->host = (struct http_span){ h->value, h->value_len };
	return ++f->hosts > 1 || !http_host_is_valid(f->host, true) ? -400 : 0;
}

/* `name` is in lower case. What is no letter and yet becomes one here is in no token. */
static inline bool is_named(const struct http_header *h, const char *name)
{
	for (uint32_t i = 0; i < h->name_len; i++) {
		if ((h->name[i] | 0x20) != name[i])
			return false;
	}
	return true;
}

/* Only a few names matter here; their lengths tell most others apart. */
static int take_field(struct facts *f, const struct http_header *h)
{
	switch (h->name_len) {
	case 4:
		return is_named(h, "host") ? take_host(f, h) : 0;
	case 6:
		return is_named(h, "expect") ? take_expect(f, h) : 0;
	case 10:
		return is_named(h, "connection") ? take_connection(f, h) : 0;
	case 14:
		return is_named(h, "content-length") ? take_length(f, h) : 0;
	case 17:
		return is_named(h, "transfer-encoding") ? take_coding(f, h) : 0;
	default:
		return 0;
	}
}

static int settle_framing(struct facts *f)
{
	struct http_head *head = f->head;
	if (f->codings == 0)
		return 0;
	if (f->lengths > 0 || head->minor == 0 || f->is_bad_coding)
		return -400;
	if (f->has_other_coding)
		return -501;
	if (!f->is_chunked_alone)
		return -400; /* "chunked," may be some unknown word to others */
	head->chunked = true;
	return 0;
}

static int settle(struct facts *f)
{
	struct http_head *head = f->head;
	if (f->hosts == 0 && head->minor == 1)
		return -400;
	if (head->form != HTTP_ABSOLUTE_FORM)
		head->host = f->host;
	else if (f->hosts > 0 && f->host.len == 0)
		return -400; /* the target's own authority had to be repeated */
	head->keep_alive = !f->says_close && (head->minor == 1 || f->says_keep_alive);
	return settle_framing(f);
}

/* The line at *at without its end; *at is then the next one's. It holds no control
 * characters but tabs. */
static struct http_span next_line(const char *head, size_t len, size_t *at,
				  const struct http_limits *limits)
{
	size_t i = *at;
	while ((i += http_find_control(head + i, len - i)) < len && head[i] == '\t')
		i++;
	bool has_cr = i < len && head[i] == '\r';
	if (len - i <= has_cr || head[i + has_cr] != '\n' || (!has_cr && !limits->takes_bare_lf))
		return (struct http_span){ NULL, 0 };
	struct http_span line = { head + *at, i - *at };
	*at = i + has_cr + 1;
	return line;
}

int http_head_parse(char *text, size_t len, const struct http_limits *limits,
		    struct http_header *headers, struct http_head *ret)
{
	struct http_head head = { .headers = headers };
	struct facts facts = { .head = &head };
	size_t at = 0;
	if (len > limits->head_max)
		return -431;
	struct http_span line;
	do
		line = next_line(text, len, &at, limits);
	while (line.at && line.len == 0);
	int rc = line.at ? parse_request_line(line.at, line.len, limits, &head) : -400;
	while (rc == 0) {
		line = next_line(text, len, &at, limits);
		if (!line.at)
			return -400;
		if (line.len == 0)
			break;
		if (head.header_count == limits->headers_max)
			return -431;
		struct http_header *h = &headers[head.header_count++];
		rc = parse_field(text + (line.at - text), line.len, h);
		if (rc == 0)
			rc = take_field(&facts, h);
	}
	if (rc == 0)
		rc = settle(&facts);
	if (rc == 0)
		*ret = head;
	return rc;
}

const struct http_header *http_header_find(const struct http_header *headers, size_t count,
					   const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < count; i++) {
		if (headers[i].name_len == len && strcasecmp(headers[i].name, name) == 0)
			return &headers[i];
	}
	return NULL;
}
