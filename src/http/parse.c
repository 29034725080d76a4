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
	if (len == HTTP_VERSION_LEN && memcmp(text, "HTTP/1.1", HTTP_VERSION_LEN) == 0) {
		head->minor = 1; /* as nearly all say */
		return 0;
	}
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
	size_t method = http_token_len(line, len <= HTTP_METHOD_MAX ? len : HTTP_METHOD_MAX + 1);
	*ret = (struct http_request_line){ .method = { line, method } };
	if (method > HTTP_METHOD_MAX || (method < len && (method == 0 || line[method] != ' ')))
		return -400;
	if (method == len)
		return 0;
	const char *target = line + method + 1;
	size_t left = (size_t)(end - target), longest = limits->target_max + 1;
	const char *space = memchr(target, ' ', left < longest ? left : longest);
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
	size_t name_len = http_token_len(line, len);
	char *colon = line + name_len, *end = line + len;
	if (name_len == 0 || colon == end || *colon != ':')
		return -400; /* also obs-fold and a space before the colon */
	char *value = colon + 1;
	while (value < end && is_blank(*value))
		value++;
	while (end > value && is_blank(end[-1]))
		end--;
	*colon = '\0';
	*end = '\0'; /* at most the end of its own line */
	*ret = (struct http_header){
		.name = line,
		.value = value,
		.name_len = (uint32_t)name_len,
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

struct text {
	char *head;
	size_t len;
	size_t at; /* where the next line begins */
	const struct http_limits *limits;
	const uint32_t *ends; /* of the lines from there on; NULL: to be found */
};

/* The end of the next line, before which there are no control characters but tabs;
 * false: it has none. */
static bool find_end(const struct text *t, size_t *ret_end)
{
	size_t i = t->at;
	while ((i += http_find_control(t->head + i, t->len - i)) < t->len && t->head[i] == '\t')
		i++;
	bool has_cr = i < t->len && t->head[i] == '\r';
	*ret_end = i;
	return t->len - i > has_cr && t->head[i + has_cr] == '\n' &&
	       (has_cr || t->limits->takes_bare_lf);
}

/* The next line without its end; NULL: there is none. */
static inline char *next_line(struct text *t, size_t *ret_len)
{
	size_t end, start = t->at;
	if (t->ends)
		end = *t->ends++;
	else if (!find_end(t, &end))
		return NULL;
	*ret_len = end - start;
	t->at = end + (t->head[end] == '\r') + 1;
	return t->head + start;
}

/* What an assignment of zeros would do, in a few stores instead of a loop. */
static void begin_head(struct http_head *head, struct http_header *headers)
{
	head->query = head->host = (struct http_span){ NULL, 0 };
	head->minor = 0;
	head->keep_alive = head->chunked = head->has_length = false;
	head->length = 0;
	head->expect = HTTP_EXPECT_NONE;
	head->headers = headers;
	head->header_count = 0;
}

int http_head_parse(char *text, size_t len, const struct http_limits *limits,
		    const struct http_lines *lines, struct http_header *headers,
		    struct http_head *ret)
{
	struct http_head head;
	struct facts facts = { .head = &head };
	struct text t = { text, len, 0, limits, lines && lines->count ? lines->ends : NULL };
	char *line;
	size_t line_len;
	begin_head(&head, headers);
	if (len > limits->head_max)
		return -431;
	do {
		line = next_line(&t, &line_len);
		if (!line)
			return -400;
	} while (line_len == 0);
	int rc = parse_request_line(line, line_len, limits, &head);
	while (rc == 0) {
		line = next_line(&t, &line_len);
		if (!line)
			return -400;
		if (line_len == 0)
			break;
		if (head.header_count == limits->headers_max)
			return -431;
		struct http_header *h = &headers[head.header_count++];
		rc = parse_field(line, line_len, h);
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
