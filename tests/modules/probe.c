/*
 * What handlers are told about a request, and what they can answer: every such
 * call of <weir/module.h>, in JSON that tests assert on. probe_work.c has the
 * calls for work beside the answer. `null` is what the call answers with NULL,
 * `rc` is its result, `adler` is zlib.adler32() of the bytes.
 *
 *   *    /request            {"method", "path", "pattern", "query", "client", "scheme",
 *                            "host", "id", "deadline", "cancelled", "instance", "length"}
 *   GET  /params/{i:int}/{f:float}/{s}  {"i", "f", "s", "i_text", "f_text",
 *                            "i_float": i by weir_param_float}
 *   GET  /param-errors/{i:int}/{s}      {"i": rc, "absent": rc, "other_type": rc}
 *   GET  /uuid/{u:uuid}, /when/{u:datetime}, /rest/{u:path}   {"u"}
 *   GET  /query?a=&n=        {"a", "n", "rc"}; n is 1 to 10, 5 when absent, -1 untouched
 *   GET  /headers            {"first": of X-Probe, "all": [["Name", "value"], …]}
 *   GET  /traceparent?fail=E {"first", "second": weir_traceparent, twice}; or fails with -E
 *   GET  /cookie?name=N      {"value"}
 *   POST /form?name=N        {"value"}
 *   POST /parts              {"rc", "parts": [{"name", "file_name", "type", "len", "adler"}]};
 *                            rc is that of the call behind the last part
 *   POST /part-info          as /parts, without "adler", and "data": is it NULL
 *   POST /part-read?i=I&at=A&size=N     {"len", "adler", "reads"}; N bytes (100) at a time
 *   POST /part-save?i=I&path=P          {"rc"}; /live-save: of a live body
 *   POST /body               {"len", "adler", "nul": a NUL follows}
 *   POST /body-read?size=N   {"len", "adler", "reads"}; N bytes (100) at a time
 *   GET  /alloc?size=N       {"aligned", "copy", "printf": "N bytes"}
 *   GET  /quote?text=T       {"text": T}
 *   GET  /options            {"text", "path", "bool", "int", "size", "duration", "choice",
 *                            "many": […]}; inf is 9223372036854775807
 *   GET  /log?text=T         logs T as a warning; "logged"
 *   GET  /text, /html        "text é", "<p>html</p>"
 *   GET  /bytes              a NUL b, application/octet-stream
 *   GET  /twice              a second body replaces the first: "second"
 *   GET  /take?size=N        N times 'x', text/plain, handed over
 *   GET  /frees              {"frees": free functions of /take called so far} (inline)
 *   GET  /file?path=P[&type=T]            the file P
 *   GET  /redirect?status=S&to=L          redirect; {"rc"} when refused
 *   GET  /error?status=S[&detail=D]       weir_error
 *   GET  /errorf?status=S                 weir_errorf, "status S"
 *   GET  /set-headers        {"set", "add", "name", "value", "framing": rc of each};
 *                            X-Set: two (set twice), X-Add: one and X-Add: two
 *   GET  /set-cookie?name=N&value=V[&attributes=A]   {"rc"}
 *   GET  /status?n=N         returns N (-1000 to 1000) and sets nothing
 *   GET  /status-body?n=N    returns N with the text "body"
 *
 * Thread: each function as <weir/module.h> says.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <weir/module.h>

/* `text` as JSON: null, or quoted. */
static const char *quote(struct weir_request *req, const char *text)
{
	const char *quoted = text ? weir_json_quote(req, text) : "null";
	return quoted ? quoted : "\"out of memory\"";
}

static uint32_t adler_of(uint32_t adler, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t a = adler & 0xffff, b = adler >> 16;
	for (size_t i = 0; i < len; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static int64_t number(struct weir_request *req, const char *name, int64_t fallback)
{
	int64_t n = fallback;
	weir_query_int(req, name, -1000, 100000000, fallback, &n);
	return n;
}

/* ---- the request ---- */

static int request(struct weir_request *req, struct weir_response *res)
{
	return weir_jsonf(
		res, 200,
		"{\"method\": %s, \"path\": %s, \"pattern\": %s, \"query\": %s, \"client\": %s, "
		"\"scheme\": %s, \"host\": %s, "
		"\"id\": %s, \"deadline\": %lld, \"cancelled\": %s, \"instance\": %s, \"length\": "
		"%zu}",
		quote(req, weir_method(req)), quote(req, weir_path(req)),
		quote(req, weir_route_pattern(req)), quote(req, weir_query_string(req)),
		quote(req, weir_client(req)), quote(req, weir_scheme(req)),
		quote(req, weir_host(req)), quote(req, weir_request_id(req)),
		(long long)weir_deadline(req), weir_cancelled(req) ? "true" : "false",
		quote(req, weir_instance_name(weir_request_instance(req))), weir_body_length(req));
}

static int params(struct weir_request *req, struct weir_response *res)
{
	int64_t i = -1;
	double f = -1, of_int = -1;
	int rc = weir_param_int(req, "i", &i);
	if (rc == 0)
		rc = weir_param_float(req, "f", &f);
	if (rc == 0)
		rc = weir_param_float(req, "i", &of_int);
	if (rc < 0)
		return rc;
	return weir_jsonf(res, 200,
			  "{\"i\": %lld, \"f\": %.17g, \"s\": %s, \"i_text\": %s, \"f_text\": %s, "
			  "\"i_float\": %.17g}",
			  (long long)i, f, quote(req, weir_param(req, "s")),
			  quote(req, weir_param(req, "i")), quote(req, weir_param(req, "f")),
			  of_int);
}

static int param_errors(struct weir_request *req, struct weir_response *res)
{
	int64_t n;
	return weir_jsonf(res, 200, "{\"i\": %d, \"absent\": %d, \"other_type\": %d}",
			  weir_param_int(req, "i", &n), weir_param_int(req, "absent", &n),
			  weir_param_int(req, "s", &n));
}

static int param_u(struct weir_request *req, struct weir_response *res)
{
	return weir_jsonf(res, 200, "{\"u\": %s}", quote(req, weir_param(req, "u")));
}

static int query(struct weir_request *req, struct weir_response *res)
{
	int64_t n = -1;
	int rc = weir_query_int(req, "n", 1, 10, 5, &n);
	return weir_jsonf(res, 200, "{\"a\": %s, \"n\": %lld, \"rc\": %d}",
			  quote(req, weir_query(req, "a")), (long long)n, rc);
}

static int headers(struct weir_request *req, struct weir_response *res)
{
	const char *all = "", *name, *value;
	for (size_t i = 0; weir_header_at(req, i, &name, &value) == 0; i++) {
		all = weir_printf(req, "%s%s[%s, %s]", all, i ? ", " : "", quote(req, name),
				  quote(req, value));
		if (!all)
			return -ENOMEM;
	}
	return weir_jsonf(res, 200, "{\"first\": %s, \"all\": [%s]}",
			  quote(req, weir_header(req, "x-pRoBe")), all);
}

static int traceparent(struct weir_request *req, struct weir_response *res)
{
	int64_t fail;
	const char *first = weir_traceparent(req);
	if (weir_query_int(req, "fail", 0, 1000, 0, &fail) < 0 || fail > 0)
		return (int)-fail;
	return weir_jsonf(res, 200, "{\"first\": %s, \"second\": %s}", quote(req, first),
			  quote(req, weir_traceparent(req)));
}

static int cookie(struct weir_request *req, struct weir_response *res)
{
	const char *name = weir_query(req, "name");
	return weir_jsonf(res, 200, "{\"value\": %s}",
			  quote(req, weir_cookie(req, name ? name : "")));
}

static int form(struct weir_request *req, struct weir_response *res)
{
	const char *name = weir_query(req, "name");
	return weir_jsonf(res, 200, "{\"value\": %s}",
			  quote(req, weir_form(req, name ? name : "")));
}

static int parts(struct weir_request *req, struct weir_response *res)
{
	const char *all = "";
	struct weir_part part;
	int rc;
	for (size_t i = 0; (rc = weir_form_part(req, i, &part)) == 0; i++) {
		all = weir_printf(
			req,
			"%s%s{\"name\": %s, \"file_name\": %s, \"type\": %s, \"len\": %zu, "
			"\"adler\": %u}",
			all, i ? ", " : "", quote(req, part.name), quote(req, part.file_name),
			quote(req, part.type), part.len, adler_of(1, part.data, part.len));
		if (!all)
			return -ENOMEM;
	}
	return weir_jsonf(res, 200, "{\"rc\": %d, \"parts\": [%s]}", rc, all);
}

static int part_info(struct weir_request *req, struct weir_response *res)
{
	const char *all = "";
	struct weir_part part;
	int rc;
	for (size_t i = 0; (rc = weir_part_info(req, i, &part)) == 0; i++) {
		all = weir_printf(
			req,
			"%s%s{\"name\": %s, \"file_name\": %s, \"type\": %s, \"len\": %zu, "
			"\"data\": %s}",
			all, i ? ", " : "", quote(req, part.name), quote(req, part.file_name),
			quote(req, part.type), part.len, part.data ? "true" : "null");
		if (!all)
			return -ENOMEM;
	}
	return weir_jsonf(res, 200, "{\"rc\": %d, \"parts\": [%s]}", rc, all);
}

static int part_read(struct weir_request *req, struct weir_response *res)
{
	size_t i = (size_t)number(req, "i", 0), size = (size_t)number(req, "size", 100);
	uint64_t at = (uint64_t)number(req, "at", 0);
	char *block = weir_alloc(req, size);
	if (!block)
		return -ENOMEM;
	uint32_t adler = 1;
	size_t len = 0, reads = 0;
	ssize_t n;
	while ((n = weir_part_read(req, i, at + len, block, size)) > 0) {
		adler = adler_of(adler, block, (size_t)n);
		len += (size_t)n;
		reads++;
	}
	return weir_jsonf(res, 200, "{\"rc\": %zd, \"len\": %zu, \"adler\": %u, \"reads\": %zu}", n,
			  len, adler, reads);
}

static int part_save(struct weir_request *req, struct weir_response *res)
{
	const char *path = weir_query(req, "path");
	int rc = weir_part_save(req, (size_t)number(req, "i", 0), path ? path : "");
	return weir_jsonf(res, 200, "{\"rc\": %d}", rc);
}

static int live_save(struct weir_request *req, struct weir_response *res)
{
	return part_save(req, res);
}

static int body(struct weir_request *req, struct weir_response *res)
{
	size_t len;
	const char *data = weir_body(req, &len);
	if (!data)
		return -ENOMEM;
	return weir_jsonf(res, 200, "{\"len\": %zu, \"adler\": %u, \"nul\": %s}", len,
			  adler_of(1, data, len), data[len] == '\0' ? "true" : "false");
}

static int body_read(struct weir_request *req, struct weir_response *res)
{
	size_t size = (size_t)number(req, "size", 100);
	char *block = weir_alloc(req, size);
	if (!block)
		return -ENOMEM;
	uint32_t adler = 1;
	size_t len = 0, reads = 0;
	ssize_t n;
	while ((n = weir_body_read(req, block, size)) > 0) {
		adler = adler_of(adler, block, (size_t)n);
		len += (size_t)n;
		reads++;
	}
	if (n < 0)
		return (int)n;
	return weir_jsonf(res, 200, "{\"len\": %zu, \"adler\": %u, \"reads\": %zu}", len, adler,
			  reads);
}

/* ---- memory, options, log ---- */

static int alloc(struct weir_request *req, struct weir_response *res)
{
	size_t size = (size_t)number(req, "size", 1);
	char *block = weir_alloc(req, size);
	char *copy = weir_strdup(req, "a copy");
	char *text = weir_printf(req, "%zu bytes", size);
	if (!block || !copy || !text)
		return -ENOMEM;
	memset(block, 'x', size);
	int is_aligned = (uintptr_t)block % alignof(max_align_t) == 0;
	return weir_jsonf(res, 200, "{\"aligned\": %s, \"copy\": \"%s\", \"printf\": \"%s\"}",
			  is_aligned ? "true" : "false", copy, text);
}

static int quote_text(struct weir_request *req, struct weir_response *res)
{
	return weir_jsonf(res, 200, "{\"text\": %s}", quote(req, weir_query(req, "text")));
}

static int options(struct weir_request *req, struct weir_response *res)
{
	const struct weir_instance *self = weir_request_instance(req);
	const char *many = "", *text;
	for (size_t i = 0; (text = weir_option_at(self, "many", i)); i++) {
		many = weir_printf(req, "%s%s%s", many, i ? ", " : "", quote(req, text));
		if (!many)
			return -ENOMEM;
	}
	return weir_jsonf(
		res, 200,
		"{\"text\": %s, \"path\": %s, \"bool\": %s, \"int\": %lld, \"size\": %lld, "
		"\"duration\": %lld, \"choice\": %s, \"many\": [%s]}",
		quote(req, weir_option_text(self, "text")),
		quote(req, weir_option_text(self, "path")),
		weir_option_int(self, "bool") ? "true" : "false",
		(long long)weir_option_int(self, "int"), (long long)weir_option_int(self, "size"),
		(long long)weir_option_int(self, "duration"),
		quote(req, weir_option_text(self, "choice")), many);
}

static int log_text(struct weir_request *req, struct weir_response *res)
{
	const char *text = weir_query(req, "text");
	weir_log(WEIR_LOG_WARN, "%s", text ? text : "");
	return weir_text(res, 200, "logged");
}

/* ---- the response ---- */

static int text(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_text(res, 200, "text é");
}

static int html(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_html(res, 200, "<p>html</p>");
}

static int bytes(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_bytes(res, 200, NULL, "a\0b", 3);
}

static int twice(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	weir_json(res, 201, "{\"body\": \"first, and longer\"}");
	return weir_text(res, 200, "second");
}

/* An instance has its own copy of a module's globals. */
static atomic_uint free_count;

static void free_counted(void *data)
{
	free(data);
	atomic_fetch_add(&free_count, 1);
}

static int take(struct weir_request *req, struct weir_response *res)
{
	size_t size = (size_t)number(req, "size", 10);
	char *data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	memset(data, 'x', size);
	return weir_bytes_take(res, 200, "text/plain", data, size, free_counted);
}

static int frees(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	return weir_jsonf(res, 200, "{\"frees\": %u}", atomic_load(&free_count));
}

static int file(struct weir_request *req, struct weir_response *res)
{
	const char *path = weir_query(req, "path");
	return weir_file(res, path ? path : "", weir_query(req, "type"));
}

static int redirect(struct weir_request *req, struct weir_response *res)
{
	const char *to = weir_query(req, "to");
	int rc = weir_redirect(res, (int)number(req, "status", 302), to ? to : "/");
	return rc >= 0 ? rc : weir_jsonf(res, 200, "{\"rc\": %d}", rc);
}

static int error(struct weir_request *req, struct weir_response *res)
{
	return weir_error(res, (int)number(req, "status", 400), weir_query(req, "detail"));
}

static int errorf(struct weir_request *req, struct weir_response *res)
{
	int status = (int)number(req, "status", 400);
	return weir_errorf(res, status, "status %d", status);
}

static int set_headers(struct weir_request *req, struct weir_response *res)
{
	(void)req;
	weir_set_header(res, "X-Set", "one");
	weir_add_header(res, "X-Add", "one");
	int set = weir_set_header(res, "x-set", "two");
	int add = weir_add_header(res, "X-Add", "two");
	int name = weir_set_header(res, "X Bad", "name");
	int value = weir_add_header(res, "X-Bad", "value\r\nX-Smuggled: yes");
	int framing = weir_set_header(res, "content-LENGTH", "1");
	return weir_jsonf(
		res, 200,
		"{\"set\": %d, \"add\": %d, \"name\": %d, \"value\": %d, \"framing\": %d}", set,
		add, name, value, framing);
}

static int set_cookie(struct weir_request *req, struct weir_response *res)
{
	const char *name = weir_query(req, "name");
	const char *value = weir_query(req, "value");
	int rc = weir_set_cookie(res, name ? name : "", value ? value : "",
				 weir_query(req, "attributes"));
	return weir_jsonf(res, 200, "{\"rc\": %d}", rc);
}

static int status(struct weir_request *req, struct weir_response *res)
{
	(void)res;
	return (int)number(req, "n", 200);
}

static int status_body(struct weir_request *req, struct weir_response *res)
{
	return weir_text(res, (int)number(req, "n", 200), "body");
}

/* clang-format off */
WEIR_MODULE(
	.name = "probe",
	.version = "1.2.3",
	.summary = "shows every call about request and response",
	.routes = WEIR_ROUTES(
		WEIR_ROUTE("*", "/request", request, WEIR_BLOCKING),
		WEIR_GET("/params/{i:int}/{f:float}/{s}", params),
		WEIR_GET("/param-errors/{i:int}/{s}", param_errors),
		WEIR_GET("/uuid/{u:uuid}", param_u),
		WEIR_GET("/when/{u:datetime}", param_u),
		WEIR_GET("/rest/{u:path}", param_u),
		WEIR_GET("/query", query),
		WEIR_GET("/headers", headers),
		WEIR_GET("/traceparent", traceparent),
		WEIR_GET("/cookie", cookie),
		WEIR_POST("/form", form),
		WEIR_POST("/parts", parts),
		WEIR_POST("/part-info", part_info),
		WEIR_POST("/part-read", part_read),
		WEIR_POST("/part-save", part_save),
		WEIR_ROUTE("POST", "/live-save", live_save, WEIR_LIVE_BODY),
		WEIR_POST("/body", body),
		WEIR_POST("/body-read", body_read),
		WEIR_GET("/alloc", alloc),
		WEIR_GET("/quote", quote_text),
		WEIR_GET("/options", options),
		WEIR_GET("/log", log_text),
		WEIR_GET("/text", text),
		WEIR_GET("/html", html),
		WEIR_GET("/bytes", bytes),
		WEIR_GET("/twice", twice),
		WEIR_GET("/take", take),
		WEIR_GET_INLINE("/frees", frees),
		WEIR_GET("/file", file),
		WEIR_GET("/redirect", redirect),
		WEIR_GET("/error", error),
		WEIR_GET("/errorf", errorf),
		WEIR_GET("/set-headers", set_headers),
		WEIR_GET("/set-cookie", set_cookie),
		WEIR_GET("/status", status),
		WEIR_GET("/status-body", status_body)),
	.options = WEIR_OPTIONS(
		{ .name = "text", .type = WEIR_STRING, .help = "any text" },
		{ .name = "path", .type = WEIR_PATH, .help = "a file" },
		{ .name = "bool", .type = WEIR_BOOL, .value = "yes", .help = "a switch" },
		{ .name = "int", .type = WEIR_INT, .value = "7", .min = -10, .max = 10,
		  .help = "a number" },
		{ .name = "size", .type = WEIR_SIZE, .value = "64K", .help = "a size" },
		{ .name = "duration", .type = WEIR_DURATION, .flags = WEIR_OR_INF,
		  .value = "1500ms", .help = "a time" },
		{ .name = "choice", .type = WEIR_CHOICE, .value = "red",
		  .choices = "red green", .help = "a colour" },
		{ .name = "many", .type = WEIR_STRING, .flags = WEIR_REPEATED,
		  .help = "texts" },
		{ .name = "secret", .type = WEIR_STRING, .flags = WEIR_SECRET,
		  .value = "not to be seen", .help = "a secret" }),
)
/* clang-format on */
