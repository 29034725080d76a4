/*
 * <weir/module.h>: everything a Weir module needs. weir-module(7) tells the
 * story; this header is the reference.
 *
 * A module is a shared object with one const descriptor, exported by
 * WEIR_MODULE(). The daemon reads name, options and routes out of the file
 * without running any of its code; it loads a private copy of the file for
 * each `[module NAME]` section (an *instance*), so globals are per instance
 * and the file may be replaced at any time.
 *
 * ABI history
 *   1.0  first release
 *   1.1  weir_part_info, weir_part_read, weir_part_save
 *   1.2  WEIR_GUNZIP
 *   1.3  weir_traceparent
 *
 * Conventions
 *   - A function returns 0 or a non-negative result, or a negative errno.
 *   - Strings are NUL-terminated UTF-8 unless a length stands beside them.
 *     `const char *` results belong to the request and live as long as it.
 *   - Durations are milliseconds, sizes are bytes.
 *   - "Handler's thread" is the thread the handler was called on, until it
 *     returns: a worker thread, or for inline handlers an I/O thread.
 *     A request must not be used from any other thread or at any later time.
 *   - Handlers free nothing: what weir_alloc() gives is freed by the daemon
 *     when the request ends.
 */
#ifndef WEIR_MODULE_H
#define WEIR_MODULE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A module and a daemon fit when the majors are equal and the module's minor
 * is not above the daemon's. */
#define WEIR_ABI_MAJOR 1
#define WEIR_ABI_MINOR 3

#define WEIR_EXPORT __attribute__((visibility("default")))
#define WEIR_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

struct weir_request;  /* what the client asked; valid on the handler's thread */
struct weir_response; /* what it will be told; likewise */
struct weir_instance; /* a module under one [module NAME] section; any thread */
struct weir_task;     /* a running background task; valid on its own thread */

/* ---------------------------------------------------------------------------
 * Handlers and routes
 */

/*
 * Answers one request. Returns the HTTP status (200 to 599), or a negative
 * errno: the client is then told 500, and the log says request, module,
 * handler and reason. A status of 400 or above without a body gets the
 * daemon's own error body.
 *
 * A blocking handler (the default) runs on a worker thread holding one token
 * of its pool, and may block. An inline one (WEIR_INLINE) runs on an I/O
 * thread and must return at once.
 */
typedef int weir_handler(struct weir_request *req, struct weir_response *res);

enum weir_route_flags {
	WEIR_BLOCKING = 0,
	WEIR_INLINE = 1 << 0,    /* runs on the I/O thread, holds no token, must not block */
	WEIR_LIVE_BODY = 1 << 1, /* runs before the body is there, see weir_body_read */
	WEIR_GUNZIP = 1 << 2,    /* a body with Content-Encoding: gzip is unpacked before */
};

struct weir_route {
	const char *name;    /* of the handler, for `handler = INSTANCE.NAME`; NULL ends the list */
	const char *methods; /* "GET", "GET,POST" or "*"; NULL: no route of its own */
	const char *pattern; /* "/notes/{id:int}"; NULL: no route of its own */
	weir_handler *handler;
	uint32_t flags; /* enum weir_route_flags */
};

/*
 * Patterns are segments: text, `{name}` (any one segment), or `{name:type}`
 * with type int, float, uuid, datetime, str or path (the rest, slashes and
 * all; last only). A segment that is not of its type does not match. GET
 * answers HEAD too.
 */
/* clang-format off */
#define WEIR_ROUTE(methods, pattern, fn, flags) { #fn, methods, pattern, fn, flags }
#define WEIR_GET(pattern, fn) WEIR_ROUTE("GET", pattern, fn, WEIR_BLOCKING)
#define WEIR_POST(pattern, fn) WEIR_ROUTE("POST", pattern, fn, WEIR_BLOCKING)
#define WEIR_PUT(pattern, fn) WEIR_ROUTE("PUT", pattern, fn, WEIR_BLOCKING)
#define WEIR_PATCH(pattern, fn) WEIR_ROUTE("PATCH", pattern, fn, WEIR_BLOCKING)
#define WEIR_DELETE(pattern, fn) WEIR_ROUTE("DELETE", pattern, fn, WEIR_BLOCKING)
#define WEIR_GET_INLINE(pattern, fn) WEIR_ROUTE("GET", pattern, fn, WEIR_INLINE)

/* A handler that only the configuration's [route] sections put on a path. */
#define WEIR_HANDLER(fn) { #fn, NULL, NULL, fn, WEIR_BLOCKING }

#define WEIR_ROUTES(...) \
	((const struct weir_route[]){ __VA_ARGS__, { NULL, NULL, NULL, NULL, 0 } })
/* clang-format on */

/* ---------------------------------------------------------------------------
 * Options of a module: keys of its [module NAME] section
 */

enum weir_option_type {
	WEIR_STRING = 1, /* any text */
	WEIR_PATH,       /* a file or folder; relative to the INI file's folder */
	WEIR_BOOL,       /* yes/no, true/false, on/off, 1/0 */
	WEIR_INT,        /* a whole number */
	WEIR_SIZE,       /* bytes, written with a unit: 64K, 10M, 1G */
	WEIR_DURATION,   /* milliseconds, written with a unit: 250ms, 10s, 5m, 1h */
	WEIR_CHOICE,     /* one of the words in `choices` */
};

enum weir_option_flags {
	WEIR_REQUIRED = 1 << 0, /* has no default; a section without it is an error */
	WEIR_SECRET = 1 << 1,   /* never shown by dump, log or status */
	WEIR_REPEATED = 1 << 2, /* may stand several times (WEIR_STRING, WEIR_PATH) */
	WEIR_OR_AUTO = 1 << 3,  /* the word `auto` is allowed: WEIR_AUTO */
	WEIR_OR_INF = 1 << 4,   /* the word `inf` is allowed: WEIR_INF */
	WEIR_OR_OFF = 1 << 5,   /* the word `off` is allowed: WEIR_OFF */
};

#define WEIR_AUTO INT64_MIN
#define WEIR_OFF (INT64_MIN + 1)
#define WEIR_INF INT64_MAX

struct weir_option {
	const char *name;    /* the key; NULL ends the list */
	uint32_t type;       /* enum weir_option_type */
	uint32_t flags;      /* enum weir_option_flags */
	const char *value;   /* the default, as it would be written; NULL: none (empty text, 0) */
	int64_t min, max;    /* of INT, SIZE, DURATION (ms); both 0: any non-negative number */
	const char *choices; /* of CHOICE: words separated by one space */
	const char *help;    /* one line */
};

#define WEIR_OPTIONS(...) \
	((const struct weir_option[]){ __VA_ARGS__, { NULL, 0, 0, NULL, 0, 0, NULL, NULL } })

/* ---------------------------------------------------------------------------
 * The descriptor
 */

#define WEIR_MODULE_MAGIC 0x72696577U /* "weir" in the file */

struct weir_module {
	/* Filled in by WEIR_MODULE(). */
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t size;                    /* of this struct */
	uint16_t route_size, option_size; /* of one array element */

	const char *name;                  /* letters, digits, - and _ */
	const char *version;               /* of the module; may be NULL */
	const char *summary;               /* one line; may be NULL */
	const struct weir_route *routes;   /* may be NULL */
	const struct weir_option *options; /* may be NULL */

	/*
	 * Boot (main thread) or reload (a thread for this), once an instance,
	 * before any handler. May block; at a reload the instance of before still
	 * serves, and ends later. *ret_data (NULL before the call) comes back by weir_data().
	 * 0, or a negative errno, which refuses the configuration; fini is then
	 * not called.
	 */
	int (*init)(struct weir_instance *self, void **ret_data);

	/*
	 * When no code of the instance runs any more, after every thread_fini. On
	 * a thread without a request; may block.
	 */
	void (*fini)(struct weir_instance *self, void *data);

	/*
	 * On a worker thread before its first call of this instance: the place
	 * for one database connection a thread. May block. *ret_thread_data (NULL
	 * before the call) comes back by weir_thread_data(). A negative errno
	 * answers the call with 503, and the next one on that thread tries again
	 * after a growing pause. Not called for inline handlers.
	 */
	int (*thread_init)(struct weir_instance *self, void *data, void **ret_thread_data);

	/* On the same worker thread, before it or the instance ends. May block. */
	void (*thread_fini)(struct weir_instance *self, void *data, void *thread_data);

	/*
	 * `weir --check` and before init: are the options good together, is what
	 * they name there? As init; may block; must change nothing. 0, or a
	 * negative errno after saying what is wrong with weir_log().
	 */
	int (*check)(struct weir_instance *self);
};

/* clang-format off */
#define WEIR_MODULE(...) \
	WEIR_EXPORT extern const struct weir_module weir_module; \
	const struct weir_module weir_module = { \
		.magic = WEIR_MODULE_MAGIC, \
		.abi_major = WEIR_ABI_MAJOR, \
		.abi_minor = WEIR_ABI_MINOR, \
		.size = sizeof(struct weir_module), \
		.route_size = sizeof(struct weir_route), \
		.option_size = sizeof(struct weir_option), \
		__VA_ARGS__ };
/* clang-format on */

/* ---------------------------------------------------------------------------
 * Instances. Any thread.
 */

/* NAME of the [module NAME] section. */
const char *weir_instance_name(const struct weir_instance *self);

/* Value of a text, path or choice option; "" when it has no value. The name
 * must be one of the descriptor's options: anything else ends the daemon. */
const char *weir_option_text(const struct weir_instance *self, const char *name);

/* Value of a bool (0 or 1), int, size (bytes) or duration (milliseconds)
 * option; WEIR_AUTO, WEIR_INF or WEIR_OFF where the option allows the word. */
int64_t weir_option_int(const struct weir_instance *self, const char *name);

/* The `i`th value of a repeated option, NULL behind the last. */
const char *weir_option_at(const struct weir_instance *self, const char *name, size_t i);

/* ---------------------------------------------------------------------------
 * The log. Any thread.
 */

enum weir_log_level {
	WEIR_LOG_ERROR = 3,
	WEIR_LOG_WARN = 4,
	WEIR_LOG_NOTICE = 5,
	WEIR_LOG_INFO = 6,
	WEIR_LOG_DEBUG = 7,
};

/* One line in the daemon's log, with the names of module and request put
 * before it when called from a handler, task or callback. */
void weir_log(enum weir_log_level level, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* ---------------------------------------------------------------------------
 * The request. Handler's thread.
 */

/* "GET", "POST", … as the client sent it. */
const char *weir_method(const struct weir_request *req);

/* The path, normalised and percent-decoded but for %2F and %25, which stay as
 * they are; begins with '/'. */
const char *weir_path(const struct weir_request *req);

/* The query as sent, without '?'; "" when there is none. */
const char *weir_query_string(const struct weir_request *req);

/* A parameter of the route's pattern, decoded (of type path: but for %2F and
 * %25); NULL when it has none of that name. A typed one is known to be of its
 * type. */
const char *weir_param(const struct weir_request *req, const char *name);

/* A parameter of type int, resp. int or float, as a number. Returns 0, or
 * -ENOENT, -EINVAL (other type), -ERANGE (does not fit); *ret is untouched
 * unless 0. */
int weir_param_int(const struct weir_request *req, const char *name, int64_t *ret);
int weir_param_float(const struct weir_request *req, const char *name, double *ret);

/* The first value of a query parameter, decoded; NULL when absent, "" when it
 * has no value. */
const char *weir_query(struct weir_request *req, const char *name);

/* A whole number from the query within min and max, both included; *ret is
 * `fallback` when it is absent. 0, or -EINVAL (not a number), -ERANGE: *ret is
 * then untouched, and 422 is the fitting answer. */
int weir_query_int(struct weir_request *req, const char *name, int64_t min, int64_t max,
		   int64_t fallback, int64_t *ret);

/* The value of a request header (any case of name); NULL when absent. Repeated
 * ones: the first; weir_header_at sees all. */
const char *weir_header(const struct weir_request *req, const char *name);

/* The `i`th header as received; 0, or -ENOENT behind the last. */
int weir_header_at(const struct weir_request *req, size_t i, const char **ret_name,
		   const char **ret_value);

/* The value of a cookie; NULL when absent. */
const char *weir_cookie(struct weir_request *req, const char *name);

/* The first value of a form field of an application/x-www-form-urlencoded or
 * multipart/form-data body; NULL when absent or the body is neither. The values
 * that are taken out of one multipart body have 1 MiB together, or body_memory
 * if that is more: one beyond it is NULL, too, and is read as a part. */
const char *weir_form(struct weir_request *req, const char *name);

/* One part of a multipart/form-data body. */
struct weir_part {
	const char *name;      /* of the field */
	const char *file_name; /* as the client sent it: never a path to open; NULL: no file */
	const char *type;      /* its Content-Type; "text/plain" when it says none */
	const void *data;      /* not NUL-terminated */
	size_t len;
};

/*
 * Parts of a multipart/form-data body, counted from 0. The first of these calls,
 * or of weir_form, looks through the body once, block by block; what files hold
 * stays in the spool. A live body is read to its end for that, to the spool
 * above body_memory.
 *
 * weir_part_info is all of a part but its bytes: `data` is NULL. 0, or -ENOENT
 * behind the last, -EINVAL when the body is not well-formed
 * multipart/form-data, -EMSGSIZE beyond 1000 parts, -ENOMEM; of a live body also
 * what weir_body_read returns, and -ENOSPC. Parts before the trouble are given.
 */
int weir_part_info(struct weir_request *req, size_t i, struct weir_part *ret);

/* As weir_part_info, with `data`: a body in the spool is mapped, whole, so
 * large files are better read or saved. */
int weir_form_part(struct weir_request *req, size_t i, struct weir_part *ret);

/* At most `size` bytes of the `i`th part from `offset` on, from memory or spool.
 * How many, 0 at its end, or a negative errno as weir_part_info. */
ssize_t weir_part_read(struct weir_request *req, size_t i, uint64_t offset, void *to, size_t size);

/*
 * Saves the `i`th part as a new file, copied by the kernel from the spool. The
 * file has its name once it is whole, where the folder's file system knows
 * O_TMPFILE; it is never left behind when the call fails. Its mode is what umask
 * leaves of 0666; it is not synced. `path` is the module's choice, not
 * file_name.
 * 0, or a negative errno: as weir_part_info, -EEXIST (nothing is replaced),
 * -ENOSPC, -ECANCELED (weir_cancelled has become 1), or of opening the file.
 */
int weir_part_save(struct weir_request *req, size_t i, const char *path);

/* Bytes of the body; 0 when there is none. Of a live body: what Content-Length
 * says; 0 when it says nothing, until weir_body has read it. */
size_t weir_body_length(const struct weir_request *req);

/* The whole body in one block, followed by a NUL that is not counted; a body
 * in the spool is mapped. NULL when there is no memory for it (return
 * -ENOMEM), never NULL for an empty one. ret_len may be NULL.
 * Of a live body: waits for its end and keeps all of it in memory, but for what
 * weir_body_read took before; NULL, too, when it does not come whole. */
const char *weir_body(struct weir_request *req, size_t *ret_len);

/*
 * The next at most `size` bytes of the body, from memory or spool. Returns
 * how many, 0 at the end, or a negative errno.
 *
 * A live body (WEIR_LIVE_BODY) is read while it comes: the handler is called
 * when the head is there, and this waits for the next bytes. The daemon keeps
 * about body_memory of it ahead of the handler and lets the client wait with
 * the rest; a client that asked whether to send at all (Expect: 100-continue)
 * is told to by the first read. Also -ETIMEDOUT (nothing came for body_timeout,
 * or the call's time limit has passed), -EPIPE (the client has gone), -EMSGSIZE
 * (above body_max), -EBADMSG (bad framing). A body that did not come whole is
 * answered with 408, 413 or 400 in the place of whatever the handler returns,
 * unless that is a status of 400 or above. What is left unread is dropped, or,
 * when it is large, the connection is closed behind the answer.
 */
ssize_t weir_body_read(struct weir_request *req, void *to, size_t size);

/* Address of the client: "192.0.2.1", "2001:db8::1", or "unix"; who a trusted
 * proxy names, where there is one (weir.ini: trusted). */
const char *weir_client(const struct weir_request *req);

/* What the client spoke, to the daemon or to a trusted proxy: "http", "https". */
const char *weir_scheme(const struct weir_request *req);

/* The host, with a port if one was written, that the client asked for; what a
 * trusted proxy says, else what the request does. "" when it does not, NULL
 * when memory is out. It is well-formed, but anything that a client liked to
 * send: compare it with what you know before you make links of it. */
const char *weir_host(const struct weir_request *req);

/* The id of the request, as in the log and the X-Request-Id header. */
const char *weir_request_id(const struct weir_request *req);

/* The traceparent header (W3C Trace Context) for requests to other services on
 * behalf of this one: the trace that the client named, or a new one, with an id
 * of this request's own as the parent. The same for each call; NULL when memory
 * is out. The trace is named in the log, too. */
const char *weir_traceparent(struct weir_request *req);

/* Milliseconds until the call's deadline, 0 when it has passed, -1 when it has
 * none. */
int64_t weir_deadline(const struct weir_request *req);

/* 1 when nobody waits for the answer any more (client gone, deadline passed):
 * the handler may stop early. May be asked often; it is one load. */
int weir_cancelled(const struct weir_request *req);

/* The route's pattern, with mount: "/notes/{id:int}". */
const char *weir_route_pattern(const struct weir_request *req);

/* The instance the handler belongs to. */
struct weir_instance *weir_request_instance(const struct weir_request *req);

/* What init resp. thread_init left for the running handler's instance; NULL
 * when it left nothing, and on an I/O thread for thread data. */
void *weir_data(const struct weir_request *req);
void *weir_thread_data(const struct weir_request *req);

/* `size` bytes aligned for any type that live as long as the request; NULL
 * when memory is out. Not zeroed. */
void *weir_alloc(struct weir_request *req, size_t size);

/* Copies and formatted text in request memory; NULL when memory is out. */
char *weir_strdup(struct weir_request *req, const char *text);
char *weir_printf(struct weir_request *req, const char *fmt, ...) WEIR_PRINTF(2, 3);

/* `text` as a JSON string with its quotes, in request memory; bytes that are
 * not UTF-8 become U+FFFD. NULL when memory is out. */
char *weir_json_quote(struct weir_request *req, const char *text);

/* ---------------------------------------------------------------------------
 * The response. Handler's thread. The helpers that set a body return the
 * status they were given, or a negative errno when memory is out, so that
 * `return weir_text(res, 200, …)` is a whole handler. A second body replaces
 * the first. Framing headers (Content-Length, Transfer-Encoding, Connection,
 * Date, Keep-Alive) belong to the daemon.
 */

/* Sets or adds a header; both are copied. 0, or -EINVAL (not a header name, a
 * control character in the value, or a framing header: the header is left
 * out and the log says so), -ENOMEM. */
int weir_set_header(struct weir_response *res, const char *name, const char *value);
int weir_add_header(struct weir_response *res, const char *name, const char *value);

/* Adds a Set-Cookie header. `attributes` is its tail ("Path=/; HttpOnly") or
 * NULL. As weir_add_header; also -EINVAL for what RFC 6265 does not allow in
 * name or value. */
int weir_set_cookie(struct weir_response *res, const char *name, const char *value,
		    const char *attributes);

/* UTF-8 text; copied. */
int weir_text(struct weir_response *res, int status, const char *text);
int weir_textf(struct weir_response *res, int status, const char *fmt, ...) WEIR_PRINTF(3, 4);
int weir_html(struct weir_response *res, int status, const char *text);

/* JSON as text, sent as it is; copied. Quote strings with weir_json_quote();
 * <weir/json.h> has the same for jansson values. */
int weir_json(struct weir_response *res, int status, const char *json);
int weir_jsonf(struct weir_response *res, int status, const char *fmt, ...) WEIR_PRINTF(3, 4);

/* Bytes of a media type (NULL: application/octet-stream). _bytes copies;
 * _bytes_take hands `data` over: free_fn(data), unless NULL, is called on any
 * thread once it was sent or given up, also when this call fails. */
int weir_bytes(struct weir_response *res, int status, const char *type, const void *data,
	       size_t len);
int weir_bytes_take(struct weir_response *res, int status, const char *type, void *data, size_t len,
		    void (*free_fn)(void *));

/* A regular file, sent by the I/O thread after the handler returned. Returns
 * the status by the request's conditions and ranges (200, 206, 304, 412, 416),
 * or a negative errno of opening it: -EISDIR for a folder, -ENXIO for what else
 * is no file. Any path is opened: one that comes from a client must be checked
 * before. `type` NULL: application/octet-stream. */
int weir_file(struct weir_response *res, const char *path, const char *type);

/* 301, 302, 303, 307 or 308 to `location`. -EINVAL for another status or a
 * control character. */
int weir_redirect(struct weir_response *res, int status, const char *location);

/* An error answer: RFC 9457 JSON or plain text, by the request's Accept.
 * `detail` (NULL: none) is for the client to read. */
int weir_error(struct weir_response *res, int status, const char *detail);
int weir_errorf(struct weir_response *res, int status, const char *fmt, ...) WEIR_PRINTF(3, 4);

/*
 * A streamed answer: sent while the handler runs and holds its token. Handler's
 * thread, blocking handlers only.
 *
 * weir_stream begins it, with the headers set so far; from there on helpers
 * that set a header or a body return -EALREADY. Framing is the daemon's:
 * chunked, or to HTTP/1.0 clients up to the connection's end. `type` NULL:
 * application/octet-stream. Returns `status`; or -EALREADY (the second time),
 * -EINVAL (not 200 to 599, or a control character), -EDEADLK (inline handler),
 * -ENOMEM.
 *
 * The answer ends when the handler returns: well, whatever number that is not
 * negative it returns; with a negative errno it is cut, so that the client
 * sees that it is not whole, and the log says so (while nothing of it has been
 * sent the client is told 500 instead).
 */
int weir_stream(struct weir_response *res, int status, const char *type);

/*
 * Appends to the streamed answer; copied. It goes out once 16 KiB have come
 * together, on weir_flush and at the end; while 64 KiB wait for the client it
 * waits for room. Answers without a body (HEAD, 204, 205, 304) drop it.
 * 0, or -EINVAL (not begun), -ENOMEM, -EPIPE (the client has gone), -ETIMEDOUT
 * (it took nothing for write_timeout, or the call's time limit has passed).
 * With the last two weir_cancelled is 1, the connection is closed, and all
 * later calls return the same at once.
 */
int weir_write(struct weir_response *res, const void *data, size_t len);

/* Hands what was written to the I/O thread now, and waits until it has taken
 * it: the head, too. The same errors. */
int weir_flush(struct weir_response *res);

/* ---------------------------------------------------------------------------
 * Work beside the answer
 */

/* A background task. Returns 0, or a negative errno, which is logged with the
 * request's id and stops no other task. Runs on a worker thread, holds one
 * token, may block. */
typedef int weir_task_fn(struct weir_task *task, void *arg);

enum weir_task_flags {
	WEIR_IN_ORDER = 0,   /* after the request's earlier in-order tasks ended */
	WEIR_GROUP = 1 << 0, /* beside the others, as tokens allow */
};

/*
 * Promises to run fn(task, arg) after the response was sent (or its client
 * was lost), whatever the handler returns, in the pool that the route's
 * `background_pool` names. free_fn(arg), unless NULL, is called when the task
 * has ended or will never run. Handler's thread.
 * 0, or -ENOMEM, -EAGAIN (background_max tasks of the pool have not ended);
 * then free_fn was called.
 */
int weir_background(struct weir_request *req, weir_task_fn *fn, void *arg, void (*free_fn)(void *),
		    unsigned flags);

/* Of the request that left the task. Task's thread. */
const char *weir_task_request_id(const struct weir_task *task);
void *weir_task_data(const struct weir_task *task);
void *weir_task_thread_data(const struct weir_task *task);

/* 1 once the daemon is stopping. It still waits for the task, for as long as
 * drain_timeout says; one that can be done again may end early. */
int weir_task_cancelled(const struct weir_task *task);

/*
 * Runs another handler, named as in the configuration ("notes.list"), here
 * and now, under the caller's own token, on the same request; it writes into
 * `res`. Returns what that handler returned; or -ENOENT (no such handler),
 * -ELOOP (nested more than 8 deep). Handler's thread. From an inline handler
 * only inline ones can be called: -EDEADLK.
 */
int weir_call(struct weir_request *req, const char *handler, struct weir_response *res);

/*
 * Between these two a handler or task lends its token while it merely waits,
 * for a remote answer or a lock: another call may use it. weir_blocking_begin
 * returns 0, or -EAGAIN when the pool's threads_max leaves no thread for that
 * call, -EPERM on a thread that holds no token (inline handlers); the handler
 * may go on all the same. weir_blocking_end waits for a token, before all
 * calls that have not begun and for as long as it takes; it does nothing
 * when none was lent. Pairs may nest: the outermost counts. Any code
 * that runs on a worker thread within a handler or task.
 */
int weir_blocking_begin(void);
void weir_blocking_end(void);

/*
 * Runs fn(arg) on the request's I/O thread and waits for its result, which is
 * returned. `fn` must not block. From an inline handler it is a plain call.
 * -ETIMEDOUT when the call's deadline (at most 30 s) passed first: fn will
 * then not run. Handler's thread.
 */
int weir_on_loop(struct weir_request *req, int (*fn)(void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
