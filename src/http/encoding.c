/*
 * Lists of words in headers.
 *
 * Thread: any.
 */
#include "http/encoding.h"

#include <string.h>
#include <strings.h>

#include "http/negotiate.h"
#include "http/parse.h"

static size_t word_length(const char *p)
{
	return strcspn(p, ",; \t");
}

/* The next element of a list, or its end. */
static const char *next_element(const char *p)
{
	p += strcspn(p, ",");
	return p + strspn(p, ", \t");
}

static bool is_word(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(p, word, len) == 0;
}

bool http_list_has(const char *value, const char *word)
{
	const char *p = value ? value + strspn(value, ", \t") : "";
	for (; *p; p = next_element(p)) {
		if (is_word(p, word_length(p), word))
			return true;
	}
	return false;
}

static enum http_packing packing_of(const char *value, enum http_packing so_far)
{
	const char *p = value + strspn(value, ", \t");
	for (; *p; p = next_element(p)) {
		size_t len = word_length(p);
		bool is_gzip = is_word(p, len, "gzip") || is_word(p, len, "x-gzip");
		if (is_word(p, len, "identity"))
			continue;
		so_far = is_gzip && so_far == HTTP_PACKING_NONE ? HTTP_PACKING_GZIP
								: HTTP_PACKING_OTHER;
	}
	return so_far;
}

enum http_packing http_packing(const struct http_head *head)
{
	enum http_packing packing = HTTP_PACKING_NONE;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];
		if (is_word(h->name, h->name_len, "Content-Encoding"))
			packing = packing_of(h->value, packing);
	}
	return packing;
}

bool http_prefers_gzip(const char *accept)
{
	enum http_coding codings[HTTP_CODING_COUNT];
	http_accepted_codings(accept, codings);
	for (size_t i = 0; codings[i] != HTTP_CODING_NONE; i++) {
		if (codings[i] == HTTP_CODING_GZIP)
			return true;
	}
	return false;
}

const char *http_vary_add(const char *value, const char *name, struct arena *a)
{
	if (!value || !*value)
		return name;
	if (http_list_has(value, "*") || http_list_has(value, name))
		return value;
	return arena_printf(a, "%s, %s", value, name);
}

bool http_type_matches(const char *type, const char *patterns)
{
	size_t len = strcspn(type, "; \t"), wanted;
	for (const char *p = patterns + strspn(patterns, " "); *p; p += strspn(p, " ")) {
		wanted = strcspn(p, " ");
		bool is_kind = wanted >= 2 && p[wanted - 1] == '*' && p[wanted - 2] == '/';
		size_t compared = is_kind ? wanted - 1 : wanted;
		if ((is_kind ? len >= compared : len == compared) &&
		    strncasecmp(type, p, compared) == 0)
			return true;
		p += wanted;
	}
	return false;
}
