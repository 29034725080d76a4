/*
 * net/access_line: lines that stay whole and bounded whatever a client sends.
 *
 * Thread: one.
 */
#include "net/access_line.h"

#include <string.h>

#include "base/utf8.h"
#include "unit.h"
#include "work/request.h"

static struct generation gen;
static struct request *req;
static struct http_header headers[2];
static char line[ACCESS_LINE_MAX];

static void prepare(const char *target, const char *agent)
{
	atomic_init(&gen.refs, 100);
	req = request_new();
	ck_assert_ptr_nonnull(req);
	req->gen = &gen;
	req->owner = req;
	strcpy(req->id, "id");
	req->client = addr_v4((const uint8_t[4]){ 192, 0, 2, 1 });
	req->head.method_text = (struct http_span){ "GET", 3 };
	req->head.path = (struct http_span){ target, strlen(target) };
	req->head.minor = 1;
	req->res.status = 200;
	headers[0] = (struct http_header){ "User-Agent", agent, 10, (uint32_t)strlen(agent) };
	req->head.headers = headers;
	req->head.header_count = 1;
}

static const char *write_line(enum access_format format)
{
	size_t len = access_line(format, req, req->began + 1234567, line);
	ck_assert_uint_le(len, sizeof(line));
	ck_assert_int_eq(line[len - 1], '\n');
	line[len - 1] = '\0';
	ck_assert_uint_eq(strlen(line), len - 1);
	ck_assert_uint_eq(utf8_good(line, len - 1), len - 1);
	for (const char *c = line; *c; c++)
		ck_assert((unsigned char)*c >= 0x20 && *c != 0x7f);
	return line;
}

static void has(enum access_format format, const char *part)
{
	write_line(format);
	ck_assert_msg(strstr(line, part) != NULL, "no %s in %s", part, line);
}

START_TEST(combined_is_as_apache_writes_it)
{
	prepare("/a?b", "me \"x\"");
	const char *text = write_line(ACCESS_COMBINED);
	ck_assert(strncmp(text, "192.0.2.1 - - [", 15) == 0);
	has(ACCESS_COMBINED, "] \"GET /a?b HTTP/1.1\" 200 - \"-\" \"me \\\"x\\\"\"");
	req->res.len = 12;
	has(ACCESS_COMBINED, " 200 12 \"-\"");
	req->head.method = HTTP_HEAD;
	has(ACCESS_COMBINED, " 200 - \"-\"");
	req->head.path.at = NULL;
	has(ACCESS_COMBINED, "] \"-\" 200 ");
	request_free(&req);
}
END_TEST

START_TEST(the_other_formats_have_all_fields)
{
	prepare("/a", "me");
	has(ACCESS_LOGFMT, " id=id client=192.0.2.1 method=GET target=/a protocol=HTTP/1.1 "
			   "status=200 bytes_out=0 bytes_in=0 user_agent=me total_ms=1.234 "
			   "outcome=ok");
	has(ACCESS_JSON, "\"target\":\"/a\",\"protocol\":\"HTTP/1.1\",\"status\":200,");
	request_free(&req);
}
END_TEST

START_TEST(nothing_of_a_client_breaks_a_line)
{
	prepare("/\x01\n\"\\\x7f", "\xff\xc3\xa4\xc2\x9b\xed\xa0\x80 \xf0\x9f\x98\x80\xc3");
	has(ACCESS_COMBINED, "/\\x01\\x0A\\\"\\\\\\x7F");
	has(ACCESS_LOGFMT, "target=\"/\\x01\\x0A\\\"\\\\\\x7F\"");
	has(ACCESS_LOGFMT, "user_agent=\"\\xFF\\xC3\\xA4");
	has(ACCESS_JSON, "\"/\\u0001\\u000A\\\"\\\\\\u007F\"");
	has(ACCESS_JSON, "\"\\u00FF\xc3\xa4\\u00C2\\u009B\\u00ED\\u00A0\\u0080 "
			 "\xf0\x9f\x98\x80\\u00C3\"");
	request_free(&req);
}
END_TEST

START_TEST(long_fields_are_cut_with_a_mark)
{
	static char target[20000], agent[20000];
	for (int with = 0; with < 4; with++) {
		memset(target, with ? "\x01\xc3\""[with - 1] : 'x', sizeof(target) - 1);
		memset(agent, with ? "\x01\xc3\""[with - 1] : 'x', sizeof(agent) - 1);
		prepare(target, agent);
		headers[1] = (struct http_header){ "Referer", agent, 7, sizeof(agent) - 1 };
		req->head.header_count = 2;
		has(ACCESS_COMBINED, "... HTTP/1.1\" 200 ");
		ck_assert_str_eq(line + strlen(line) - 4, "...\"");
		has(ACCESS_LOGFMT, "outcome=ok");
		write_line(ACCESS_JSON);
		ck_assert_str_eq(line + strlen(line) - 15, "\"outcome\":\"ok\"}");
		request_free(&req);
	}
}
END_TEST

static const char *outcome(const char **ret_reason)
{
	return access_outcome(req, ret_reason);
}

START_TEST(outcomes_are_told_apart)
{
	struct route route = { .pool = (struct pool *)(void *)&gen };
	const char *reason;
	prepare("/", "");
	req->route = &route;
	req->result = 200;
	ck_assert_str_eq(outcome(&reason), "ok");
	req->result = 0;
	req->res.status = 404;
	ck_assert_str_eq(outcome(&reason), "refused");
	req->res.status = 504;
	ck_assert_str_eq(outcome(&reason), "timeout");
	req->call.started = 1;
	req->result = 504;
	ck_assert_str_eq(outcome(&reason), "ok");
	req->result = -5;
	ck_assert_str_eq(outcome(&reason), "failed");
	req->res.status = 499;
	ck_assert_str_eq(outcome(&reason), "gone");
	req->res.status = 503;
	req->result = 0;
	req->call.started = 0;
	req->call.pool = route.pool;
	req->call.end = CALL_FULL;
	ck_assert_str_eq(outcome(&reason), "rejected");
	ck_assert_str_eq(reason, "full");
	req->call.end = CALL_SHED;
	ck_assert_str_eq(outcome(&reason), "rejected");
	ck_assert_str_eq(reason, "shed");
	request_free(&req);
}
END_TEST

UNIT_MAIN("access_line", combined_is_as_apache_writes_it, the_other_formats_have_all_fields,
	  nothing_of_a_client_breaks_a_line, long_fields_are_cut_with_a_mark,
	  outcomes_are_told_apart)
