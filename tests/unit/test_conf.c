/*
 * conf/conf: whole configurations: what is read, what is refused and where,
 * includes, the dump, and every allocation that can fail.
 *
 * Thread: one. Linked with --wrap for malloc, calloc and realloc.
 */
#include "conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "unit.h"

/* ---- allocations that fail on request ---- */

static long until_failure = -1; /* allocations before the one that fails */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static bool fails(void)
{
	return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

/* ---- a loaded configuration and its errors ---- */

struct loaded {
	struct conf *conf;
	struct conf_errors errs;
	int rc;
};

static void load_text(struct loaded *l, const char *text)
{
	l->conf = NULL;
	conf_errors_init(&l->errs);
	l->rc = conf_load_text("t", text, &l->conf, &l->errs);
}

static void load_file(struct loaded *l, const char *file)
{
	l->conf = NULL;
	conf_errors_init(&l->errs);
	l->rc = conf_load(file, &l->conf, &l->errs);
}

static void unload(struct loaded *l)
{
	conf_free(&l->conf);
	conf_errors_done(&l->errs);
}

/* All that is printed of the errors; free it. */
static char *printed(struct loaded *l)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(to);
	conf_errors_print(&l->errs, to);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static void check_printed(struct loaded *l, const char *wanted)
{
	char *text = printed(l);
	ck_assert_str_eq(text, wanted);
	free(text);
}

static void refused(const char *text, const char *wanted)
{
	struct loaded l;
	load_text(&l, text);
	check_printed(&l, wanted);
	ck_assert_int_eq(l.rc, ERR_CONFIG);
	ck_assert_ptr_nonnull(l.conf);
	unload(&l);
}

static void accepted(const char *text)
{
	struct loaded l;
	load_text(&l, text);
	check_printed(&l, "");
	ck_assert_int_eq(l.rc, 0);
	unload(&l);
}

/* `own` is shown as the options of every module. */
static const struct option_set *own_options(void *own, const char *instance)
{
	ck_assert_str_eq(instance, "m");
	return own;
}

static char *dumped_with(const struct conf *conf, struct option_set *own)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(to);
	conf_dump(conf, to, own ? own_options : NULL, own);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

static char *dumped(const struct conf *conf)
{
	return dumped_with(conf, NULL);
}

/* ---- a folder of files; the tests run inside it ---- */

static void enter_folder(void)
{
	char path[] = "/tmp/weir-test-conf-XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
}

static void leave_folder(void)
{
	char *path = getcwd(NULL, 0), command[200];
	ck_assert_ptr_nonnull(path);
	ck_assert_int_lt(snprintf(command, sizeof(command), "rm -r %s", path),
			 (int)sizeof(command));
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(command), 0);
	free(path);
}

static void put_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
}

/* ---- tests ---- */

START_TEST(nothing_written_is_a_configuration_of_defaults)
{
	struct loaded l;
	load_text(&l, "");
	ck_assert_int_eq(l.rc, 0);
	ck_assert_int_eq(conf_int(&l.conf->server, SERVER_IO_THREADS), WEIR_AUTO);
	ck_assert_int_eq(conf_int(&l.conf->server, SERVER_HEADER_TIMEOUT), 10000);
	ck_assert_uint_eq(l.conf->pool_count, 2);
	ck_assert_int_eq(conf_int(conf_pool(l.conf, "default"), POOL_THREAD_TOKENS), 40);
	ck_assert_int_eq(conf_int(conf_pool(l.conf, "background"), POOL_TIMEOUT), WEIR_INF);
	ck_assert_ptr_null(conf_pool(l.conf, "reports"));
	ck_assert(!conf_is_given(&l.conf->server, SERVER_LISTEN));
	ck_assert_ptr_null(l.conf->pools[0].place.file);
	unload(&l);
}
END_TEST

START_TEST(a_whole_configuration_is_read)
{
	struct loaded l;
	load_text(&l, "[server]\nlisten = 127.0.0.1:0\nlisten = [::1]:80\nlisten = unix:/run/w\n"
		      "[pool default]\nthread_tokens = 80\n[pool reports]\nthread_tokens = inf\n"
		      "[module hello]\npool = reports\ngreeting = Hello ; c\n[module bare]\n"
		      "[server]\naccess_log = stderr\n"
		      "[route GET,POST /compute/{item_id:int}]\nhandler = demo.compute\n"
		      "[route * /compute/{item_id:int}]\ntimeout = 30s\n");
	check_printed(&l, "");
	ck_assert_int_eq(l.rc, 0);
	ck_assert_uint_eq(l.conf->server.set.values[SERVER_LISTEN].count, 3);
	ck_assert_str_eq(conf_text(&l.conf->server, SERVER_ACCESS_LOG), "stderr");
	ck_assert_uint_eq(l.conf->pool_count, 3);
	ck_assert_int_eq(conf_int(conf_pool(l.conf, "default"), POOL_THREAD_TOKENS), 80);
	ck_assert_int_eq(conf_int(conf_pool(l.conf, "reports"), POOL_THREAD_TOKENS), WEIR_INF);
	const struct conf_section *hello = conf_module(l.conf, "hello");
	ck_assert_str_eq(conf_text(hello, MODULE_POOL), "reports");
	ck_assert_uint_eq(hello->rest_count, 1);
	ck_assert_str_eq(hello->rest[0].name, "greeting");
	ck_assert_str_eq(hello->rest[0].text, "Hello");
	ck_assert_uint_eq(hello->rest[0].text_place.line, 11);
	ck_assert_uint_eq(hello->rest[0].text_place.column, 12);
	ck_assert_ptr_nonnull(conf_module(l.conf, "bare"));
	ck_assert_uint_eq(l.conf->route_count, 2);
	ck_assert_str_eq(l.conf->routes[0].methods, "GET,POST");
	ck_assert_str_eq(l.conf->routes[0].name, "/compute/{item_id:int}");
	ck_assert_int_eq(conf_int(&l.conf->routes[1], ROUTE_TIMEOUT), 30000);
	ck_assert(!conf_is_given(&l.conf->routes[0], ROUTE_TIMEOUT));
	unload(&l);
}
END_TEST

START_TEST(ten_mistakes_in_one_file_are_ten_lines)
{
	char text[8192];
	char value[5001];
	memset(value, '7', 5000);
	value[5000] = '\0';
	unsetenv("WEIR_NONE");
	snprintf(text, sizeof(text),
		 "[pool default]\n"
		 "thread_token = 40\n"      /* typo in key */
		 "queue_timeout = 10\n"     /* no unit */
		 "threads_min = 20000\n"    /* out of range */
		 "queue_max = %s\n"         /* too long */
		 "  thread_idle = 5s\n"     /* indented */
		 "timeout = ${WEIR_NONE}\n" /* unset variable */
		 "[sever]\n"                /* unknown section */
		 "listen = 127.0.0.1:1\n"
		 "[pool reports\n" /* missing bracket */
		 "thread_tokens = x\n"
		 "[module hello]\n"
		 "pool = defualt\n" /* unknown pool */
		 "[route GET /x]\n"
		 "handler = hello.x\n"
		 "[route GET /x]\n" /* duplicate route */
		 "handler = hello.y\n",
		 value);
	refused(text, "t:2:1: unknown key 'thread_token' in [pool default]; did you mean "
		      "'thread_tokens'?\n"
		      "t:3:17: queue_timeout: '10' needs a unit, one of ms, s, m, h, d\n"
		      "t:4:15: threads_min: '20000' is out of range; give 0 to 10000\n"
		      "t:5:13: the value is 5000 bytes long; at most 4096 are allowed\n"
		      "t:6:3: indented line: begin it at column 1\n"
		      "t:7:11: environment variable WEIR_NONE is not set; set it, or write "
		      "${WEIR_NONE:-DEFAULT}\n"
		      "t:8:2: unknown section 'sever'; did you mean 'server'?\n"
		      "t:10:14: ']' is missing\n"
		      "t:13:8: pool: there is no section [pool defualt]; did you mean 'default'?\n"
		      "t:16:1: [route GET /x] stands here a second time; the first is at t:14\n");
}
END_TEST

START_TEST(headers_are_checked)
{
	refused("[]", "t:1:2: a section without a name\n");
	refused("[pool]", "t:1:1: too few words; write [pool NAME]\n");
	refused("[server x]", "t:1:1: too many words; write [server]\n");
	refused("[route GET, POST /x]", "t:1:1: too many words; write [route METHODS PATTERN]\n");
	refused("[pool a.b]", "t:1:7: a name has only letters, digits, '-' and '_', at most 64\n");
	refused("[route GET x]", "t:1:12: the pattern of a route begins with '/'\n");
	refused("[route GET,get /x]",
		"t:1:12: 'get' is no method; write GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, "
		"several as GET,POST, or * for all\n");
	refused("[xyz]", "t:1:2: unknown section 'xyz'; there are [server], [pool NAME], "
			 "[module NAME], [route METHODS PATTERN], [static PREFIX] and [admin]\n");
	refused("[static]", "t:1:1: too few words; write [static PREFIX]\n");
	refused("[static assets]", "t:1:9: the prefix of static files begins with '/'\n");
	accepted("[ pool   x ]\n[pool y]; c");
}
END_TEST

START_TEST(static_files_are_checked)
{
	accepted("[static /assets/]\nroot = /srv\n[static /]\nroot = /srv\nfallback = a/b\n");
	refused("[static /]\n", "t:1:1: key 'root' is missing: Folder whose files are served\n");
	refused("[static /]\nroot = /srv\nindex = a/b\n",
		"t:3:9: index: give the name of a file, without a slash\n");
	refused("[static /]\nroot = /srv\nindex =\n",
		"t:3:8: index: give the name of a file, without a slash\n");
	refused("[static /]\nroot = /srv\nfallback = /index.html\n",
		"t:3:12: fallback: the path is below root and does not begin with '/'\n");
	refused("[static /]\nroot = /srv\n[static /]\nroot = /srv\n",
		"t:3:1: [static /] stands here a second time; the first is at t:1\n");
}
END_TEST

START_TEST(nothing_may_stand_twice)
{
	refused("[pool x]\n[pool x]\nthread_tokens = what\n",
		"t:2:1: [pool x] stands here a second time; the first is at t:1\n");
	refused("[pool default]\n[pool default]\n",
		"t:2:1: [pool default] stands here a second time; the first is at t:1\n");
	refused("[module m]\n[module m]\n",
		"t:2:1: [module m] stands here a second time; the first is at t:1\n");
	refused("[pool x]\nqueue_max = 1\nqueue_max = 2\n",
		"t:3:1: key 'queue_max' stands here a second time; the first is at t:2\n");
	refused("[server]\nlisten = a:1\nlisten = a:1\n",
		"t:3:10: listen: 'a:1' stands here a second time; the first is at t:2\n");
}
END_TEST

START_TEST(unknown_keys_are_shown_the_way)
{
	refused("[server]\nthread_tokens = 5",
		"t:2:1: unknown key 'thread_tokens' in [server]; it belongs in [pool NAME]\n");
	refused("[pool x]\nnonsense = 5", "t:2:1: unknown key 'nonsense' in [pool x]\n");
	refused("[route GET /]\nhandlr = 5",
		"t:2:1: unknown key 'handlr' in [route GET /]; did you mean 'handler'?\n");
	refused("listen = a:1", "t:1:1: key 'listen' stands before the first section\n");
	refused("[server]\ninclude = x", "t:2:1: include must stand before the first section\n");
	refused("include = x", "t:1:11: include: only a file can include another\n");
}
END_TEST

START_TEST(auto_tokens_are_refused_in_clear_words)
{
	refused("[pool default]\nthread_tokens = auto\n",
		"t:2:17: thread_tokens: auto is not available; give a number or inf\n");
}
END_TEST

START_TEST(addresses_are_checked)
{
	static const char *const bad[] = {
		"",        "8080",   "host",  "host:",  ":80",    "host:65536",
		"host:-1", "host:x", "a b:1", "::1:80", "[::1]",  "[::1]:",
		"[::1:80", "[x]:80", "[]:80", "unix:",  "unix:x", "a/b:1",
	};
	static const char *const good[] = {
		"host:0", "127.0.0.1:65535", "[::]:0", "[fe80::1]:80", "unix:/x", "*:80",
	};
	char text[100];
	for (size_t i = 0; i < array_len(bad); i++) {
		struct loaded l;
		snprintf(text, sizeof(text), "[server]\nlisten = %s\n", bad[i]);
		load_text(&l, text);
		ck_assert_msg(l.errs.count == 1, "listen = %s", bad[i]);
		unload(&l);
	}
	for (size_t i = 0; i < array_len(good); i++) {
		snprintf(text, sizeof(text), "[server]\nlisten = %s\n", good[i]);
		accepted(text);
	}
}
END_TEST

START_TEST(values_are_checked_against_each_other)
{
	refused("[server]\ntarget_max = 32K", "t:2:14: target_max, 32K, is above head_max, 16K\n");
	refused("[server]\nhead_max = 4K", "t:2:12: target_max, 8K, is above head_max, 4K\n");
	refused("[module m]\nmount = x\nbackground_pool =\n",
		"t:2:9: mount: must begin with '/'\n"
		"t:3:18: background_pool: there is no section [pool ]\n");
	refused("[route GET /]\npool = reports\n",
		"t:2:8: pool: there is no section [pool reports]\n");
	accepted("[route GET /]\npool = reports\nbackground_pool =\n[pool reports]\n");
}
END_TEST

START_TEST(included_files_are_read_in_byte_order)
{
	enter_folder();
	ck_assert_int_eq(mkdir("conf.d", 0700), 0);
	put_file("conf.d/b.ini", "[pool b]\n");
	put_file("conf.d/a.ini", "[pool a]\n[server]\nspool_dir = spool\n");
	put_file("conf.d/B.ini", "[pool B]\n");
	put_file("conf.d/x.txt", "nonsense\n");
	put_file("conf.d/.c.ini", "nonsense\n");
	put_file("w.ini", "include = conf.d/*.ini\ninclude = none/*.ini\n[pool w]\n");
	struct loaded l;
	load_file(&l, "w.ini");
	check_printed(&l, "");
	static const char *const names[] = { "default", "background", "B", "a", "b", "w" };
	ck_assert_uint_eq(l.conf->pool_count, array_len(names));
	for (size_t i = 0; i < array_len(names); i++)
		ck_assert_str_eq(l.conf->pools[i].name, names[i]);
	ck_assert_str_eq(l.conf->pools[3].place.file, "conf.d/a.ini");
	const char *spool = conf_text(&l.conf->server, SERVER_SPOOL_DIR);
	ck_assert_int_eq(spool[0], '/');
	ck_assert_ptr_nonnull(strstr(spool, "/conf.d/spool"));
	unload(&l);
	leave_folder();
}
END_TEST

START_TEST(includes_that_cannot_be_are_errors)
{
	enter_folder();
	put_file("w.ini", "include = missing.ini\ninclude = w.ini\ninclude = .\ninclude =\n"
			  "include = a.ini\n");
	put_file("a.ini", "include = b.ini\n[pool a]\nx = 1\n");
	put_file("b.ini", "include = a.ini\n[pool a]\n");
	struct loaded l;
	load_file(&l, "w.ini");
	check_printed(&l,
		      "w.ini:1:11: include: missing.ini cannot be read: No such file or directory\n"
		      "w.ini:2:11: include loop: w.ini is being read already\n"
		      "w.ini:3:11: include: . cannot be read: Is a directory\n"
		      "w.ini:4:10: include: a file or a pattern is missing\n"
		      "b.ini:1:11: include loop: a.ini is being read already\n"
		      "a.ini:3:1: unknown key 'x' in [pool a]\n");
	ck_assert_int_eq(l.rc, ERR_CONFIG);
	unload(&l);
	leave_folder();
}
END_TEST

START_TEST(an_included_file_changes_what_the_including_one_says)
{
	enter_folder();
	put_file("w.ini", "include = d*.ini\n[server]\nio_threads = 1\nhead_max = 12K\n"
			  "[pool default]\nthread_tokens = 1\nqueue_max = 1\n"
			  "[module m]\nkey = 1\nother = 1\n");
	put_file("d1.ini", "[pool default]\nthread_tokens = 2\n[module m]\nkey = 2\n");
	put_file("d2.ini", "[pool default]\nthread_tokens = 3\n[server]\nio_threads = 3\n");
	struct loaded l;
	load_file(&l, "w.ini");
	check_printed(&l, "");
	const struct conf_section *pool = conf_pool(l.conf, "default");
	ck_assert_int_eq(conf_int(pool, POOL_THREAD_TOKENS), 3);
	ck_assert_str_eq(pool->set.values[POOL_THREAD_TOKENS].place.file, "d2.ini");
	ck_assert_int_eq(conf_int(pool, POOL_QUEUE_MAX), 1);
	ck_assert_int_eq(conf_int(&l.conf->server, SERVER_IO_THREADS), 3);
	ck_assert_int_eq(conf_int(&l.conf->server, SERVER_HEAD_MAX), 12288);
	ck_assert_uint_eq(l.conf->module_count, 1);
	ck_assert_uint_eq(l.conf->modules[0].rest_count, 2);
	ck_assert_str_eq(l.conf->modules[0].rest[0].text, "2");
	unload(&l);
	leave_folder();
}
END_TEST

START_TEST(includes_nest_eight_deep)
{
	enter_folder();
	for (int i = 0; i < 10; i++) {
		char name[16], text[32];
		snprintf(name, sizeof(name), "%d.ini", i);
		snprintf(text, sizeof(text), "include = %d.ini\n", i + 1);
		put_file(name, i < 9 ? text : "");
	}
	struct loaded l;
	load_file(&l, "1.ini");
	check_printed(&l, "");
	unload(&l);
	load_file(&l, "0.ini");
	check_printed(&l, "8.ini:1:11: include: nested more than 8 deep\n");
	unload(&l);
	leave_folder();
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error_without_a_line)
{
	struct loaded l;
	load_file(&l, "/nowhere/weir.ini");
	check_printed(&l, "/nowhere/weir.ini: cannot be read: No such file or directory\n");
	ck_assert_int_eq(l.rc, ERR_CONFIG);
	unload(&l);
}
END_TEST

START_TEST(the_dump_says_where_values_come_from)
{
	struct loaded l;
	load_text(&l, "[pool default]\nthread_tokens = 80\n[module m]\npin = 12\n");
	char *text = dumped(l.conf);
	ck_assert_ptr_nonnull(strstr(text, "\n[pool default] ; t:1\n"
					   "thread_tokens = 80      ; t:2\n"
					   "queue_max = 1024        ; default\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n[pool background] ; default\n"));
	ck_assert_ptr_nonnull(strstr(text, "\n;file ="));
	ck_assert_ptr_nonnull(strstr(text, "\n;pin = ********"));
	free(text);
	unload(&l);
}
END_TEST

START_TEST(the_dump_can_be_loaded_again)
{
	setenv("WEIR_A", " a ; $x \"", 1);
	struct loaded l, again;
	load_text(&l,
		  "[server]\nlisten = unix:/a\nlisten = h:1\naccess_log = ${WEIR_A}\n"
		  "spool_dir = here\n[pool p]\ntimeout = 90s\n[module m]\nfile = $$x\npool = p\n"
		  "[route GET,PUT /a/{b:path}]\nhandler = m.x\n");
	check_printed(&l, "");
	char *text = dumped(l.conf);
	load_text(&again, text);
	check_printed(&again, "");
	const struct conf_section *s = &again.conf->server;
	ck_assert_str_eq(conf_text(s, SERVER_ACCESS_LOG), " a ; $x \"");
	ck_assert_str_eq(conf_text(s, SERVER_SPOOL_DIR),
			 conf_text(&l.conf->server, SERVER_SPOOL_DIR));
	ck_assert_uint_eq(s->set.values[SERVER_LISTEN].count, 2);
	ck_assert_int_eq(conf_int(conf_pool(again.conf, "p"), POOL_TIMEOUT), 90000);
	ck_assert_str_eq(conf_text(conf_module(again.conf, "m"), MODULE_FILE), "$x");
	ck_assert_str_eq(again.conf->routes[0].methods, "GET,PUT");
	ck_assert(!conf_is_given(&again.conf->routes[0], ROUTE_TIMEOUT));
	free(text);
	unload(&l);
	unload(&again);
}
END_TEST

START_TEST(a_modules_own_options_are_dumped_without_secrets)
{
	static const struct weir_option defs[] = {
		{ "greeting", WEIR_STRING, 0, "Hello", 0, 0, NULL, "what to say" },
		{ "password", WEIR_STRING, WEIR_SECRET, NULL, 0, 0, NULL, "of the database" },
		{ NULL, 0, 0, NULL, 0, 0, NULL, NULL },
	};
	struct loaded l;
	load_text(&l, "[module m]\npassword = hunter2\n");
	struct option_set set;
	const struct conf_key *key = &l.conf->modules[0].rest[0];
	ck_assert_int_eq(option_set_init(&set, defs, &l.conf->arena, "m", key->name_place, &l.errs),
			 0);
	ck_assert_int_eq(option_set_value(&set, 1, key->text, key->text_place, key->folder,
					  &l.conf->arena, &l.errs),
			 0);
	char *text = dumped_with(l.conf, &set);
	ck_assert_ptr_nonnull(strstr(text, "\ngreeting = Hello "));
	ck_assert_ptr_nonnull(strstr(text, "\npassword = ******** "));
	ck_assert_ptr_null(strstr(text, "hunter2"));
	free(text);
	unload(&l);
}
END_TEST

START_TEST(each_failing_allocation_ends_cleanly)
{
	static const char text[] =
		"[server]\nlisten = a:1\nlisten = b:1\nx = 1\n[pool a]\n[pool b]\n"
		"timeout = 10\n[module m]\np = ${PATH:-x}\nq = 2\n"
		"[route GET /x]\npool = c\n[route GET /y]\nhandler = \"m.x\"\n[z]\n";
	struct loaded l;
	long n = 0;
	do {
		until_failure = n++;
		load_text(&l, text);
		bool failed = until_failure < 0;
		until_failure = -1;
		if (!failed)
			break;
		ck_assert_int_eq(l.rc, ERR_NOMEM);
		ck_assert_ptr_null(l.conf);
		unload(&l);
	} while (n < 10000);
	ck_assert_int_gt(n, 10);
	ck_assert_int_eq(l.rc, ERR_CONFIG);
	unload(&l);
}
END_TEST

UNIT_MAIN("conf", nothing_written_is_a_configuration_of_defaults, a_whole_configuration_is_read,
	  ten_mistakes_in_one_file_are_ten_lines, headers_are_checked, static_files_are_checked,
	  nothing_may_stand_twice, unknown_keys_are_shown_the_way,
	  auto_tokens_are_refused_in_clear_words, addresses_are_checked,
	  values_are_checked_against_each_other, included_files_are_read_in_byte_order,
	  includes_that_cannot_be_are_errors, an_included_file_changes_what_the_including_one_says,
	  includes_nest_eight_deep, a_file_that_is_not_there_is_an_error_without_a_line,
	  the_dump_says_where_values_come_from, the_dump_can_be_loaded_again,
	  a_modules_own_options_are_dumped_without_secrets, each_failing_allocation_ends_cleanly)
