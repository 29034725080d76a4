/*
 * Notes in an SQLite database: made, listed, read, changed and deleted as JSON.
 * A note whose 201 was sent is on the disk: WAL with synchronous=FULL.
 *
 * Thread: handlers on workers, each with the session (connection and prepared
 * statements) that thread_init gave its thread; only write_lock is shared.
 * Owner: the daemon holds struct notes as the instance's data, struct session
 * as the thread's.
 */
#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include <weir/json.h>
#include <weir/module.h>

enum {
	SCHEMA_VERSION = 1,
	TITLE_MAX = 200,       /* characters */
	TEXT_MAX = 10000,      /* characters */
	BODY_MAX = 256 * 1024, /* more than the longest note takes as JSON, escapes and all */
	LIST_USUAL = 20,
};

enum statement { BEGIN, COMMIT, ROLLBACK, INSERT, SELECT, LIST, UPDATE, DELETE, STATEMENTS };

static const char *const sql[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[INSERT] = "INSERT INTO notes (title, text) VALUES (?1, ?2)",
	[SELECT] = "SELECT id, title, text FROM notes WHERE id = ?1",
	[LIST] = "SELECT id, title, text FROM notes WHERE id > ?1 ORDER BY id LIMIT ?2",
	[UPDATE] = "UPDATE notes SET title = ?1, text = ?2 WHERE id = ?3",
	[DELETE] = "DELETE FROM notes WHERE id = ?1",
};

/* AUTOINCREMENT: the number of a deleted note never comes back as another. */
static const char schema[] = "BEGIN IMMEDIATE;"
			     "CREATE TABLE IF NOT EXISTS notes ("
			     " id INTEGER PRIMARY KEY AUTOINCREMENT,"
			     " title TEXT NOT NULL,"
			     " text TEXT NOT NULL);"
			     "PRAGMA user_version = 1;"
			     "COMMIT";

struct notes {
	/* SQLite has one writer at a time and lets the others poll for their
	 * turn, without order, until busy_timeout: under load some would starve
	 * and fail. A mutex makes a line of them; BEGIN IMMEDIATE takes the
	 * write lock at the start, because a reader that turns into a writer is
	 * refused at once when another has written since. What remains of
	 * SQLITE_BUSY is another process: it gets busy_timeout, then 503. */
	pthread_mutex_t write_lock;
	int busy_timeout;
};

struct session {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
};

struct input {
	json_t *root; /* owns both texts */
	const char *title, *text;
};

/* ---- SQLite ---- */

static int trouble(sqlite3 *db, const char *what)
{
	weir_log(WEIR_LOG_ERROR, "cannot %s: %s", what, sqlite3_errmsg(db));
	switch (sqlite3_errcode(db)) {
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* What clients are told of what trouble() returned. */
static int answer_trouble(struct weir_response *res, int rc)
{
	if (rc == -EBUSY) {
		weir_set_header(res, "Retry-After", "1");
		return weir_error(res, 503, "the database is busy");
	}
	if (rc == -ENOSPC)
		return weir_error(res, 507, "the disk is full");
	return rc;
}

/* 1 when there is a row to read, else 0 or a negative errno. */
static int step(struct session *s, enum statement which)
{
	int rc = sqlite3_step(s->statements[which]);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : trouble(s->db, sql[which]);
}

/* A statement that is not reset keeps its read transaction, and with it the WAL. */
static void reset(struct session *s, enum statement which)
{
	sqlite3_reset(s->statements[which]);
	sqlite3_clear_bindings(s->statements[which]);
}

static int run(struct session *s, enum statement which)
{
	int rc = step(s, which);
	reset(s, which);
	return rc;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Takes the database for writing; write_lock is held when this returns 0. The
 * wait in line counts, too: behind a process that keeps the database the whole
 * line gives up after busy_timeout, not one writer after the other. A line
 * that is merely long costs nobody the one try. */
static int begin(struct notes *n, struct session *s)
{
	int64_t since = now_ms();
	pthread_mutex_lock(&n->write_lock);
	int64_t left = n->busy_timeout - (now_ms() - since);
	sqlite3_busy_timeout(s->db, left > 0 ? (int)left : 0);
	int rc = run(s, BEGIN);
	sqlite3_busy_timeout(s->db, n->busy_timeout);
	if (rc < 0)
		pthread_mutex_unlock(&n->write_lock);
	return rc;
}

/* Runs one bound statement as a transaction of its own; once this returns 0
 * what it did is on the disk. *ret_changes: rows it touched. */
static int write_rows(struct weir_request *req, enum statement which, int *ret_changes)
{
	struct notes *n = weir_data(req);
	struct session *s = weir_thread_data(req);
	int rc = begin(n, s);
	if (rc < 0) {
		reset(s, which);
		return rc;
	}
	rc = step(s, which);
	int changes = sqlite3_changes(s->db);
	reset(s, which);
	if (rc == 0)
		rc = run(s, COMMIT);
	if (rc == 0)
		*ret_changes = changes;
	else if (!sqlite3_get_autocommit(s->db))
		run(s, ROLLBACK);
	pthread_mutex_unlock(&n->write_lock);
	return rc;
}

/* Of this connection alone; the file's journal mode was set by init. */
static int open_database(struct weir_instance *self, int flags, sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	int busy = (int)weir_option_int(self, "busy_timeout");
	/* One connection, one thread: SQLite need not lock it. */
	flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int rc = sqlite3_open_v2(weir_option_text(self, "database"), &db, flags, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(db, busy);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
	if (rc != SQLITE_OK) {
		rc = db ? trouble(db, "open the database") : -ENOMEM;
		sqlite3_close(db);
		return rc;
	}
	*ret_db = db;
	return 0;
}

/* ---- what clients send ---- */

static size_t count_characters(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static int is_json(struct weir_request *req)
{
	static const char json[] = "application/json";
	const char *type = weir_header(req, "Content-Type");
	if (!type || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return 0;
	type += sizeof(json) - 1;
	type += strspn(type, " \t");
	return *type == '\0' || *type == ';';
}

/* NULL, or what is wrong with the note. */
static const char *check_note(json_t *root, struct input *ret)
{
	json_t *title = json_object_get(root, "title");
	json_t *text = json_object_get(root, "text");
	if (!json_is_object(root))
		return "a note is an object";
	if (!json_is_string(title) || !json_is_string(text))
		return "title and text must be there and be strings";
	if (json_object_size(root) != 2)
		return "a note has no other members than title and text";
	size_t title_len = count_characters(json_string_value(title));
	if (title_len < 1 || title_len > TITLE_MAX)
		return "title must have 1 to 200 characters";
	if (count_characters(json_string_value(text)) > TEXT_MAX)
		return "text must have at most 10000 characters";
	*ret = (struct input){ root, json_string_value(title), json_string_value(text) };
	return NULL;
}

/* 0 and a note to be given back with json_decref(ret->root), or the status of
 * the error that was answered. */
static int read_note(struct weir_request *req, struct weir_response *res, struct input *ret)
{
	if (!is_json(req))
		return weir_error(res, 415, "Content-Type must be application/json");
	if (weir_body_length(req) > BODY_MAX)
		return weir_error(res, 413, "a note is at most 256 KiB of JSON");
	json_error_t error;
	json_t *root = weir_json_body(req, &error);
	if (!root)
		return weir_errorf(res, 400, "line %d, column %d: %s", error.line, error.column,
				   error.text);
	const char *wrong = check_note(root, ret);
	if (wrong) {
		json_decref(root);
		return weir_error(res, 422, wrong);
	}
	return 0;
}

/* ---- handlers ---- */

static json_t *note_json(int64_t id, const char *title, const char *text)
{
	return json_pack("{s:I, s:s, s:s}", "id", (json_int_t)id, "title", title, "text", text);
}

static json_t *row_json(sqlite3_stmt *row)
{
	const char *title = (const char *)sqlite3_column_text(row, 1);
	const char *text = (const char *)sqlite3_column_text(row, 2);
	if (!title || !text)
		return NULL;
	return note_json(sqlite3_column_int64(row, 0), title, text);
}

/* The input outlives the statement's run, so nothing is copied. */
static void bind_note(sqlite3_stmt *stmt, const struct input *in)
{
	sqlite3_bind_text(stmt, 1, in->title, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, in->text, -1, SQLITE_STATIC);
}

static int create(struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	struct input in;
	int rc = read_note(req, res, &in);
	if (rc != 0)
		return rc;
	int changes;
	bind_note(s->statements[INSERT], &in);
	rc = write_rows(req, INSERT, &changes);
	if (rc < 0) {
		json_decref(in.root);
		return answer_trouble(res, rc);
	}
	int64_t id = sqlite3_last_insert_rowid(s->db);
	json_t *note = note_json(id, in.title, in.text);
	json_decref(in.root);
	const char *location = weir_printf(req, "%s/%lld", weir_path(req), (long long)id);
	if (location)
		weir_set_header(res, "Location", location);
	return weir_json_send(res, 201, note);
}

/* At most `limit` notes behind number `after`; one more row shows whether
 * there are others. */
static int select_list(struct session *s, int64_t after, int64_t limit, json_t *list, int *ret_more)
{
	sqlite3_stmt *stmt = s->statements[LIST];
	sqlite3_bind_int64(stmt, 1, after);
	sqlite3_bind_int64(stmt, 2, limit + 1);
	int rc;
	while ((rc = step(s, LIST)) == 1 && (int64_t)json_array_size(list) < limit) {
		if (json_array_append_new(list, row_json(stmt)) < 0) {
			rc = -ENOMEM;
			break;
		}
	}
	reset(s, LIST);
	if (rc < 0)
		return rc;
	*ret_more = rc;
	return 0;
}

static int list(struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	int64_t max = weir_option_int(weir_request_instance(req), "list_max");
	int64_t limit, after;
	if (weir_query_int(req, "limit", 1, max, max < LIST_USUAL ? max : LIST_USUAL, &limit) < 0)
		return weir_errorf(res, 422, "limit must be 1 to %lld", (long long)max);
	if (weir_query_int(req, "after", 0, INT64_MAX, 0, &after) < 0)
		return weir_error(res, 422, "after must be the id of a note");
	json_t *found = json_array();
	int more = 0;
	int rc = found ? select_list(s, after, limit, found, &more) : -ENOMEM;
	if (rc < 0) {
		json_decref(found);
		return answer_trouble(res, rc);
	}
	json_t *last = more ? json_array_get(found, json_array_size(found) - 1) : NULL;
	/* A reference of its own, since `found` is given away: {"notes": …, "next": …}. */
	json_t *next = last ? json_incref(json_object_get(last, "id")) : json_null();
	return weir_json_pack(res, 200, "{s:o, s:o}", "notes", found, "next", next);
}

/* The number in the path. One that does not fit is that of no note. */
static int64_t note_id(struct weir_request *req)
{
	int64_t id = 0;
	weir_param_int(req, "id", &id);
	return id;
}

static int not_found(struct weir_response *res)
{
	return weir_error(res, 404, "there is no such note");
}

static int get(struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	sqlite3_bind_int64(s->statements[SELECT], 1, note_id(req));
	int rc = step(s, SELECT);
	json_t *note = rc == 1 ? row_json(s->statements[SELECT]) : NULL;
	reset(s, SELECT);
	if (rc < 0)
		return answer_trouble(res, rc);
	return rc == 1 ? weir_json_send(res, 200, note) : not_found(res);
}

static int change(struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	struct input in;
	int rc = read_note(req, res, &in);
	if (rc != 0)
		return rc;
	int changes;
	bind_note(s->statements[UPDATE], &in);
	sqlite3_bind_int64(s->statements[UPDATE], 3, note_id(req));
	rc = write_rows(req, UPDATE, &changes);
	json_t *note = rc == 0 ? note_json(note_id(req), in.title, in.text) : NULL;
	json_decref(in.root);
	if (rc == 0 && changes > 0)
		return weir_json_send(res, 200, note);
	json_decref(note);
	return rc < 0 ? answer_trouble(res, rc) : not_found(res);
}

static int delete (struct weir_request *req, struct weir_response *res)
{
	struct session *s = weir_thread_data(req);
	int changes;
	sqlite3_bind_int64(s->statements[DELETE], 1, note_id(req));
	int rc = write_rows(req, DELETE, &changes);
	if (rc < 0)
		return answer_trouble(res, rc);
	return changes > 0 ? 204 : not_found(res);
}

/* ---- the instance ---- */

/* The folder must be writable even when the file is there: SQLite puts the
 * WAL beside it. */
static int check(struct weir_instance *self)
{
	const char *path = weir_option_text(self, "database");
	/* To SQLite no name is a database of each connection's own. */
	if (*path == '\0') {
		weir_log(WEIR_LOG_ERROR, "database must name a file");
		return -EINVAL;
	}
	char *copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	const char *folder = dirname(copy);
	struct stat st;
	int rc = 0;
	if (stat(folder, &st) < 0 || access(folder, W_OK | X_OK) < 0)
		rc = -errno;
	else if (!S_ISDIR(st.st_mode))
		rc = -ENOTDIR;
	if (rc < 0)
		weir_log(WEIR_LOG_ERROR, "database folder %s: %s", folder, strerror(-rc));
	free(copy);
	if (rc < 0)
		return rc;
	if (stat(path, &st) == 0 && (!S_ISREG(st.st_mode) || access(path, R_OK | W_OK) < 0)) {
		weir_log(WEIR_LOG_ERROR, "database %s is no file to read and write", path);
		return -EACCES;
	}
	return 0;
}

static int user_version(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int version = -1;
	if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

static int make_schema(sqlite3 *db)
{
	int version = user_version(db);
	if (version < 0)
		return trouble(db, "read the database");
	if (version > SCHEMA_VERSION) {
		weir_log(WEIR_LOG_ERROR, "the database has schema %d, this module knows up to %d",
			 version, SCHEMA_VERSION);
		return -EINVAL;
	}
	if (sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL) != SQLITE_OK)
		return trouble(db, "set the journal mode");
	if (version < SCHEMA_VERSION && sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return trouble(db, "make the schema");
	return 0;
}

static int init(struct weir_instance *self, void **ret_data)
{
	sqlite3 *db;
	int rc = open_database(self, SQLITE_OPEN_CREATE, &db);
	if (rc < 0)
		return rc;
	rc = make_schema(db);
	sqlite3_close(db);
	if (rc < 0)
		return rc;
	struct notes *n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	pthread_mutex_init(&n->write_lock, NULL);
	n->busy_timeout = (int)weir_option_int(self, "busy_timeout");
	*ret_data = n;
	return 0;
}

static void fini(struct weir_instance *self, void *data)
{
	(void)self;
	struct notes *n = data;
	pthread_mutex_destroy(&n->write_lock);
	free(n);
}

static void thread_fini(struct weir_instance *self, void *data, void *thread_data)
{
	(void)self;
	(void)data;
	struct session *s = thread_data;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s);
}

static int thread_init(struct weir_instance *self, void *data, void **ret_thread_data)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	int rc = open_database(self, 0, &s->db);
	for (int i = 0; i < STATEMENTS && rc == 0; i++)
		if (sqlite3_prepare_v3(s->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &s->statements[i], NULL) != SQLITE_OK)
			rc = trouble(s->db, sql[i]);
	if (rc < 0) {
		thread_fini(self, data, s);
		return rc;
	}
	*ret_thread_data = s;
	return 0;
}

/* clang-format off */
WEIR_MODULE(
	.name = "notes",
	.version = "1.0",
	.summary = "notes in an SQLite database, as JSON",
	.routes = WEIR_ROUTES(
		WEIR_POST("/notes", create),
		WEIR_GET("/notes", list),
		WEIR_GET("/notes/{id:int}", get),
		WEIR_PUT("/notes/{id:int}", change),
		WEIR_DELETE("/notes/{id:int}", delete)),
	.options = WEIR_OPTIONS(
		{ .name = "database", .type = WEIR_PATH, .flags = WEIR_REQUIRED,
		  .help = "file of the database; made when it is not there" },
		{ .name = "busy_timeout", .type = WEIR_DURATION, .value = "5s",
		  .min = 0, .max = 600000,
		  .help = "how long to wait for another process that writes" },
		{ .name = "list_max", .type = WEIR_INT, .value = "100", .min = 1, .max = 1000,
		  .help = "most notes in one list" }),
	.init = init,
	.fini = fini,
	.thread_init = thread_init,
	.thread_fini = thread_fini,
	.check = check,
)
/* clang-format on */
