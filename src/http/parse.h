/*
 * The head of a request, by the letter of RFC 9112 and RFC 9110. Two steps:
 * http_head_scan finds where it ends, incrementally; http_head_parse takes it
 * apart in place.
 *
 * Thread: any; pure functions. Results point into the head that was parsed.
 */
#ifndef WEIR_HTTP_PARSE_H
#define WEIR_HTTP_PARSE_H

#include "http/http.h"

enum { HTTP_METHOD_MAX = 64, HTTP_VERSION_LEN = 8 };

struct http_limits {
	size_t head_max;   /* below 4 GiB: bytes of request line and headers together: 431 beyond */
	size_t target_max; /* bytes of the request target: 414 beyond */
	size_t headers_max; /* number of headers: 431 beyond */
	bool takes_bare_lf; /* LF ends a line without CR, too (RFC 9112 2.2) */
};

/* Both NUL-terminated in place; the name as received. */
struct http_header {
	const char *name;
	const char *value; /* without the white space around it */
	uint32_t name_len;
	uint32_t value_len;
};

enum http_expect { HTTP_EXPECT_NONE, HTTP_EXPECT_CONTINUE, HTTP_EXPECT_OTHER };

enum http_target_form { HTTP_ORIGIN_FORM, HTTP_ABSOLUTE_FORM, HTTP_ASTERISK_FORM };

struct http_head {
	enum http_method method;
	struct http_span method_text;
	enum http_target_form form;
	struct http_span path;  /* raw, begins with '/'; "*" in asterisk form */
	struct http_span query; /* raw, without '?'; at NULL: there was none */
	struct http_span host;  /* effective: absolute-form's authority, else Host */
	int minor;              /* HTTP/1.minor: 0 or 1 */
	bool keep_alive;        /* what version and Connection say */
	bool chunked;           /* body is chunked */
	bool has_length;        /* Content-Length was given */
	uint64_t length;        /* of the body; 0 without */
	enum http_expect expect;
	struct http_header *headers;
	size_t header_count;
};

/* How far a head has been looked at; all 0 before its first byte. */
struct http_scan {
	uint32_t at;
	uint32_t lines; /* that ended, empty ones included */
};

/* Where the lines of a head end that was scanned at once, the empty one included: its
 * parser need not look for them again. */
enum { HTTP_LINES_KEPT = 64 };
struct http_lines {
	uint32_t count; /* 0: they are not known */
	uint32_t ends[HTTP_LINES_KEPT];
};

/*
 * Looks at those of `len` bytes of a head that it has not seen yet; what it has
 * seen must still begin at buf[0]. Empty lines before the request line
 * are counted in the result. Returns the length of the complete head with its
 * empty line, 0 when more must come, or a negative HTTP status, as soon as it
 * is certain: -400 for a bare LF (unless it is taken), a bare CR, any other control
 * character but tab, or, of a head that is not complete, what can be no request
 * line; -414, -431 for what is over the limits.
 */
must_check long http_head_scan(const char *buf, size_t len, struct http_scan *scan,
			       const struct http_limits *limits, struct http_lines *ret_lines);

/*
 * Takes a complete head of `len` bytes apart in place (terminators are
 * written into it). `lines` is what scanning this very head told, or NULL.
 * `headers` has room for limits->headers_max. Returns 0 or a
 * negative HTTP status: -400, -414, -431, -501 (transfer coding that is
 * not ours), -505 (version).
 * Refused with -400: all that RFC 9112 and design 8 name (CL with TE, repeated
 * or malformed CL, TE in 1.0, obs-fold, space before colon, bad Host …).
 */
must_check int http_head_parse(char *head, size_t len, const struct http_limits *limits,
			       const struct http_lines *lines, struct http_header *headers,
			       struct http_head *ret);

/* A request line cut at its spaces; what has not come yet is at NULL. */
struct http_request_line {
	struct http_span method, target, version;
};

/*
 * Cuts a request line, or what has come of it. 0; -400 when it can be none (a
 * method over HTTP_METHOD_MAX bytes among them); -414 for a target over its
 * limit. Its version, and what its target says, are not looked at.
 */
must_check int http_request_line_cut(const char *line, size_t len, const struct http_limits *limits,
				     struct http_request_line *ret);

/* The first header of a name (any case), or NULL. */
const struct http_header *http_header_find(const struct http_header *headers, size_t count,
					   const char *name);

#endif
