/*
 * Conditional requests; ranges themselves are read by range.c.
 *
 * Thread: any; pure functions.
 */
#include "http/cond.h"

#include <string.h>
#include <strings.h>

#include "http/date.h"

static const struct http_header *find(const struct http_head *head, const char *name)
{
	return http_header_find(head->headers, head->header_count, name);
}

static struct http_span without_weak(struct http_span tag)
{
	if (tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/')
		return (struct http_span){ tag.at + 2, tag.len - 2 };
	return tag;
}

static bool is_weak(struct http_span tag)
{
	return tag.len >= 2 && tag.at[0] == 'W' && tag.at[1] == '/';
}

static bool same_tag(struct http_span x, struct http_span y, bool strong)
{
	if (strong && (is_weak(x) || is_weak(y)))
		return false;
	x = without_weak(x);
	y = without_weak(y);
	return x.len == y.len && memcmp(x.at, y.at, x.len) == 0;
}

/* Does any tag of the header's list (or "*") match? It may come in several lines. */
static bool any_matches(const struct http_head *head, const char *name, const char *etag,
			bool strong)
{
	struct http_span mine = { etag, strlen(etag) }, tag;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];
		size_t pos = 0;
		if (strcasecmp(h->name, name) != 0)
			continue;
		while (http_list_next(h->value, h->value_len, &pos, &tag)) {
			if ((tag.len == 1 && *tag.at == '*') || same_tag(tag, mine, strong))
				return true;
		}
	}
	return false;
}

/* A date header that cannot be read does not count. */
static bool read_date(const struct http_header *h, time_t *ret)
{
	return h && http_date_read(h->value, h->value_len, ret) == 0;
}

static int evaluate_conditions(const struct http_head *head, const struct http_entity *entity)
{
	bool match = find(head, "If-Match");
	time_t date;
	if (match && !any_matches(head, "If-Match", entity->etag, true))
		return 412;
	if (!match && read_date(find(head, "If-Unmodified-Since"), &date) &&
	    entity->modified > date)
		return 412;
	if (find(head, "If-None-Match"))
		return any_matches(head, "If-None-Match", entity->etag, false) ? 304 : 200;
	if (read_date(find(head, "If-Modified-Since"), &date) && entity->modified <= date)
		return 304;
	return 200;
}

static bool range_applies(const struct http_head *head, const struct http_entity *entity)
{
	const struct http_header *h = find(head, "If-Range");
	time_t date;
	if (!h)
		return true;
	struct http_span tag = { h->value, h->value_len };
	struct http_span mine = { entity->etag, strlen(entity->etag) };
	if (h->value[0] == '"' || is_weak(tag))
		return same_tag(tag, mine, true);
	return read_date(h, &date) && entity->modified == date;
}

int http_cond_evaluate(const struct http_head *head, const struct http_entity *entity,
		       struct http_ranges *ret_ranges)
{
	if (head->method != HTTP_GET && head->method != HTTP_HEAD)
		return 200;
	int status = evaluate_conditions(head, entity);
	const struct http_header *range = find(head, "Range");
	if (status != 200 || !range || head->method != HTTP_GET || !range_applies(head, entity))
		return status;
	return http_range_read(range->value, range->value_len, entity->length, ret_ranges);
}
