/*
 * conf/options: the table, values from text and back, the generated documents.
 *
 * Thread: one.
 */
#include "conf/options.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "unit.h"

static const struct conf_place line7 = { "t.ini", 7, 9 };

/* A set of options, and what is wrong with what was put into it. */
struct bench {
	struct arena a;
	struct conf_errors errs;
	struct option_set set;
};

static void bench_init(struct bench *b, const struct weir_option *defs)
{
	arena_init(&b->a);
	conf_errors_init(&b->errs);
	ck_assert_int_eq(
		option_set_init(&b->set, defs, &b->a, "test", (struct conf_place){ 0 }, &b->errs),
		0);
}

static void bench_done(struct bench *b)
{
	conf_errors_done(&b->errs);
	arena_done(&b->a);
}

static void put_at(struct bench *b, const char *name, const char *text, struct conf_place place)
{
	int i = option_find(b->set.defs, name);
	ck_assert_int_ge(i, 0);
	ck_assert_int_eq(
		option_set_value(&b->set, (size_t)i, text, place, "/folder", &b->a, &b->errs), 0);
}

static const struct option_value *value_of(const struct bench *b, const char *name)
{
	return &b->set.values[option_find(b->set.defs, name)];
}

static const struct weir_option own[] = {
	{ "word", WEIR_STRING, WEIR_OR_OFF, "off", 0, 0, NULL, "a word" },
	{ "key", WEIR_STRING, WEIR_SECRET | WEIR_REQUIRED, NULL, 0, 0, NULL, "the key" },
	{ "file", WEIR_PATH, 0, "/var/x", 0, 0, NULL, "a file" },
	{ "files", WEIR_PATH, WEIR_REPEATED, "/a", 0, 0, NULL, "files" },
	{ "flag", WEIR_BOOL, 0, "yes", 0, 0, NULL, "a flag" },
	{ "count", WEIR_INT, WEIR_OR_INF, "5", -10, 10, NULL, "a number" },
	{ "plain", WEIR_INT, 0, "5", 0, 0, NULL, "any number" },
	{ "auto", WEIR_SIZE, WEIR_OR_AUTO | WEIR_OR_OFF, "auto", 0, 1048576, NULL, "a size" },
	{ "wait", WEIR_DURATION, 0, "10s", 100, 60000, NULL, "a time" },
	{ "ever", WEIR_DURATION, 0, "10s", 0, 0, NULL, "a time" },
	{ "colour", WEIR_CHOICE, 0, "red", 0, 0, "red green blue", "a colour" },
	{ "unset", WEIR_INT, 0, NULL, 1, 10, NULL, "no default" },
	{ NULL, 0, 0, NULL, 0, 0, NULL, NULL },
};

START_TEST(every_default_is_good)
{
	for (int kind = 0; kind < SECTION_COUNT; kind++) {
		struct bench b;
		bench_init(&b, section_options((enum section_kind)kind));
		ck_assert_uint_eq(b.errs.count, 0);
		bench_done(&b);
	}
}
END_TEST

START_TEST(enumerators_follow_the_table)
{
	ck_assert_str_eq(section_options(SECTION_SERVER)[SERVER_LISTEN].name, "listen");
	ck_assert_str_eq(section_options(SECTION_SERVER)[SERVER_ACCESS_LOG].name, "access_log");
	ck_assert_str_eq(section_options(SECTION_POOL)[POOL_THREAD_TOKENS].name, "thread_tokens");
	ck_assert_str_eq(section_options(SECTION_MODULE)[MODULE_MOUNT].name, "mount");
	ck_assert_str_eq(section_options(SECTION_ROUTE)[ROUTE_TIMEOUT].name, "timeout");
	ck_assert_ptr_null(section_options(SECTION_POOL)[POOL_OPTIONS].name);
	ck_assert_int_eq(section_extra(SECTION_POOL, POOL_THREAD_TOKENS)->change, CHANGE_LIVE);
	ck_assert_int_eq(section_extra(SECTION_SERVER, SERVER_IO_THREADS)->change, CHANGE_RESTART);
}
END_TEST

/* Sets option i to `text`, writes it and reads that: nothing may change. */
static void round_trip(const struct weir_option *defs, size_t i, const char *text)
{
	struct bench b, again;
	bench_init(&b, defs);
	bench_init(&again, defs);
	put_at(&b, defs[i].name, text, line7);
	ck_assert_msg(b.errs.count == 0, "%s = %s: %s", defs[i].name, text,
		      b.errs.count ? b.errs.list[0].message : "");
	const char *written = option_text(&b.set, i, 0, &b.a);
	put_at(&again, defs[i].name, written, line7);
	ck_assert_uint_eq(again.errs.count, 0);
	ck_assert_int_eq(b.set.values[i].num, again.set.values[i].num);
	ck_assert_str_eq(b.set.values[i].text, again.set.values[i].text);
	ck_assert_str_eq(written, option_text(&again.set, i, 0, &again.a));
	bench_done(&b);
	bench_done(&again);
}

static void round_trips(const struct weir_option *defs)
{
	struct arena a;
	arena_init(&a);
	for (size_t i = 0; defs[i].name; i++) {
		const struct weir_option *d = &defs[i];
		int64_t min, max;
		option_range(d, &min, &max);
		if (d->value)
			round_trip(defs, i, d->value);
		if (d->flags & WEIR_OR_INF)
			round_trip(defs, i, "inf");
		if (d->type == WEIR_INT || d->type == WEIR_SIZE || d->type == WEIR_DURATION) {
			round_trip(defs, i, option_number_text(d, min, &a));
			round_trip(defs, i, option_number_text(d, max, &a));
			round_trip(defs, i, option_number_text(d, min + (max - min) / 3, &a));
		} else if (d->type == WEIR_STRING && !(d->flags & WEIR_SECRET)) {
			round_trip(defs, i, " any; text $ \"");
		} else if (d->type == WEIR_PATH) {
			round_trip(defs, i, "relative/path");
		}
	}
	arena_done(&a);
}

START_TEST(every_option_is_read_back_as_written)
{
	for (int kind = 0; kind < SECTION_COUNT; kind++)
		round_trips(section_options((enum section_kind)kind));
	round_trips(own);
}
END_TEST

struct wrong {
	const char *name, *text, *message;
};

START_TEST(wrong_values_say_what_would_be_right)
{
	static const struct wrong wrongs[] = {
		{ "plain", "auto", "plain: auto is not available; give a number" },
		{ "count", "auto", "count: auto is not available; give a number or inf" },
		{ "wait", "inf", "wait: inf is not available; give a duration" },
		{ "count", "11", "count: '11' is out of range; give -10 to 10, or inf" },
		{ "count", "x", "count: 'x' is not a whole number; give -10 to 10, or inf" },
		{ "plain", "-1", "plain: '-1' is out of range; give 0 or more" },
		{ "plain", "9223372036854775807",
		  "plain: '9223372036854775807' is out of range; give 0 or more" },
		{ "auto", "2M", "auto: '2M' is out of range; give 0 to 1M, or auto, or off" },
		{ "auto", "2", "auto: '2' needs a unit, one of B, K, M, G" },
		{ "wait", "99", "wait: '99' needs a unit, one of ms, s, m, h, d" },
		{ "wait", "99ms", "wait: '99ms' is out of range; give 100ms to 1m" },
		{ "wait", "", "wait: '' is not a duration; give 100ms to 1m" },
		{ "ever", "36501d", "ever: '36501d' is out of range; give 0 to 36500d" },
		{ "flag", "maybe", "flag: 'maybe' is neither yes nor no" },
		{ "colour", "gren",
		  "colour: 'gren' is none of red green blue; did you mean 'green'?" },
		{ "colour", "", "colour: '' is none of red green blue" },
	};
	for (size_t i = 0; i < array_len(wrongs); i++) {
		struct bench b;
		bench_init(&b, own);
		put_at(&b, wrongs[i].name, wrongs[i].text, line7);
		ck_assert_uint_eq(b.errs.count, 1);
		ck_assert_str_eq(b.errs.list[0].message, wrongs[i].message);
		ck_assert_uint_eq(b.errs.list[0].place.column, 9);
		bench_done(&b);
	}
}
END_TEST

START_TEST(a_wrong_secret_is_not_shown)
{
	static const struct weir_option secret[] = {
		{ "pin", WEIR_INT, WEIR_SECRET, "1", 0, 9, NULL, "a pin" },
		{ NULL, 0, 0, NULL, 0, 0, NULL, NULL },
	};
	struct bench b;
	bench_init(&b, secret);
	put_at(&b, "pin", "12345", line7);
	ck_assert_str_eq(b.errs.list[0].message, "pin: the value is out of range; give 0 to 9");
	ck_assert_str_eq(option_text(&b.set, 0, 0, &b.a), "********");
	bench_done(&b);
}
END_TEST

START_TEST(words_beside_the_type_have_their_numbers)
{
	struct bench b;
	bench_init(&b, own);
	ck_assert_int_eq(value_of(&b, "word")->num, WEIR_OFF);
	ck_assert_str_eq(value_of(&b, "word")->text, "off");
	ck_assert_int_eq(value_of(&b, "auto")->num, WEIR_AUTO);
	put_at(&b, "count", "inf", line7);
	ck_assert_int_eq(value_of(&b, "count")->num, WEIR_INF);
	put_at(&b, "auto", "off", line7);
	ck_assert_int_eq(value_of(&b, "auto")->num, WEIR_OFF);
	put_at(&b, "word", "on", line7);
	ck_assert_int_eq(value_of(&b, "word")->num, 0);
	ck_assert_uint_eq(b.errs.count, 0);
	bench_done(&b);
}
END_TEST

START_TEST(relative_paths_start_at_the_files_folder)
{
	struct bench b;
	bench_init(&b, own);
	put_at(&b, "file", "x/y.db", line7);
	ck_assert_str_eq(value_of(&b, "file")->text, "/folder/x/y.db");
	ck_assert_int_eq(value_of(&b, "unset")->num, 0);
	ck_assert_str_eq(option_text(&b.set, (size_t)option_find(own, "unset"), 0, &b.a), "");
	bench_done(&b);
}
END_TEST

START_TEST(repeated_values_replace_the_default_and_keep_their_order)
{
	struct bench b;
	bench_init(&b, own);
	ck_assert_uint_eq(value_of(&b, "files")->count, 1);
	for (int i = 0; i < 9; i++) {
		const char text[] = { '/', (char)('1' + i), '\0' };
		put_at(&b, "files", text, line7);
	}
	const struct option_value *v = value_of(&b, "files");
	ck_assert_uint_eq(v->count, 9);
	ck_assert_str_eq(v->texts[0].text, "/1");
	ck_assert_str_eq(v->texts[8].text, "/9");
	ck_assert_str_eq(option_text(&b.set, 3, 4, &b.a), "/5");
	ck_assert_str_eq(option_text(&b.set, 3, 9, &b.a), "");
	ck_assert_uint_eq(b.errs.count, 0);
	bench_done(&b);
}
END_TEST

START_TEST(a_second_value_names_the_first_place)
{
	struct bench b;
	bench_init(&b, own);
	put_at(&b, "plain", "1", line7);
	put_at(&b, "plain", "2", (struct conf_place){ "t.ini", 9, 9 });
	ck_assert_uint_eq(b.errs.count, 1);
	ck_assert_str_eq(b.errs.list[0].message,
			 "key 'plain' stands here a second time; the first is at t.ini:7");
	ck_assert_uint_eq(b.errs.list[0].place.line, 9);
	ck_assert_uint_eq(b.errs.list[0].place.column, 1);
	ck_assert_int_eq(value_of(&b, "plain")->num, 1);
	bench_done(&b);
}
END_TEST

START_TEST(a_required_option_must_be_given)
{
	struct bench b;
	bench_init(&b, own);
	option_set_require(&b.set, line7, &b.errs);
	ck_assert_uint_eq(b.errs.count, 1);
	ck_assert_str_eq(b.errs.list[0].message, "key 'key' is missing: the key");
	put_at(&b, "key", "hush", line7);
	option_set_require(&b.set, line7, &b.errs);
	ck_assert_uint_eq(b.errs.count, 1);
	ck_assert_str_eq(option_text(&b.set, 1, 0, &b.a), "********");
	bench_done(&b);
}
END_TEST

START_TEST(a_bad_default_is_its_owners_error)
{
	static const struct weir_option bad[] = {
		{ "n", WEIR_INT, 0, "many", 0, 0, NULL, "n" },
		{ NULL, 0, 0, NULL, 0, 0, NULL, NULL },
	};
	struct bench b;
	arena_init(&b.a);
	conf_errors_init(&b.errs);
	ck_assert_int_eq(option_set_init(&b.set, bad, &b.a, "module demo", line7, &b.errs), 0);
	ck_assert_uint_eq(b.errs.count, 2);
	ck_assert_str_eq(b.errs.list[1].message,
			 "the default of option 'n' of module demo cannot be");
	ck_assert_ptr_null(b.set.values[0].place.file);
	bench_done(&b);
}
END_TEST

/* A generated document as text. */
static char *document(void (*write)(FILE *))
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	ck_assert_ptr_nonnull(to);
	write(to);
	ck_assert_int_eq(fclose(to), 0);
	return text;
}

START_TEST(the_sample_can_be_loaded)
{
	char *text = document(options_write_ini);
	struct conf_errors errs;
	struct conf *conf = NULL;
	conf_errors_init(&errs);
	ck_assert_int_eq(conf_load_text("sample", text, &conf, &errs), 0);
	ck_assert(conf_is_given(&conf->server, SERVER_IO_THREADS));
	ck_assert_uint_eq(conf->module_count, 0);
	conf_free(&conf);
	conf_errors_done(&errs);
	free(text);
}
END_TEST

/* Takes the ; off the example sections, not off the comments. */
static void activate_examples(char *text)
{
	for (char *p = strstr(text, "\n;[module"); p; p = strstr(p, "\n;")) {
		p++;
		if (p[1] != ' ')
			*p = ' ';
	}
	char *to = text;
	for (char *p = text; *p; p++) {
		if (!(*p == ' ' && (p == text || p[-1] == '\n')))
			*to++ = *p;
	}
	*to = '\0';
}

START_TEST(the_samples_examples_can_be_loaded)
{
	char *text = document(options_write_ini);
	activate_examples(text);
	/* What is not set has no value that could stand there. */
	for (char *end = text; (end = strstr(end, " =\n")) != NULL; end++) {
		char *line = end;
		while (line[-1] != '\n')
			line--;
		*line = ';';
	}
	struct conf_errors errs;
	struct conf *conf = NULL;
	conf_errors_init(&errs);
	int rc = conf_load_text("sample", text, &conf, &errs);
	conf_errors_print(&errs, stderr);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(conf->module_count, 1);
	ck_assert_uint_eq(conf->route_count, 1);
	ck_assert_uint_eq(conf->static_count, 1);
	conf_free(&conf);
	conf_errors_done(&errs);
	free(text);
}
END_TEST

START_TEST(the_documents_name_every_option)
{
	char *man = document(options_write_man), *json = document(options_write_json);
	char *ini = document(options_write_ini);
	for (int kind = 0; kind < SECTION_COUNT; kind++) {
		const struct weir_option *d = section_options((enum section_kind)kind);
		for (; d->name; d++) {
			char item[100];
			snprintf(item, sizeof(item), ".It Ic %s No =", d->name);
			ck_assert_ptr_nonnull(strstr(man, item));
			snprintf(item, sizeof(item), "\"name\": \"%s\"", d->name);
			ck_assert_ptr_nonnull(strstr(json, item));
			ck_assert_ptr_nonnull(strstr(ini, d->name));
			ck_assert_msg(d->help[strlen(d->help) - 1] != '.', "help of %s", d->name);
		}
	}
	free(man);
	free(json);
	free(ini);
}
END_TEST

UNIT_MAIN("options", every_default_is_good, enumerators_follow_the_table,
	  every_option_is_read_back_as_written, wrong_values_say_what_would_be_right,
	  a_wrong_secret_is_not_shown, words_beside_the_type_have_their_numbers,
	  relative_paths_start_at_the_files_folder,
	  repeated_values_replace_the_default_and_keep_their_order,
	  a_second_value_names_the_first_place, a_required_option_must_be_given,
	  a_bad_default_is_its_owners_error, the_sample_can_be_loaded,
	  the_samples_examples_can_be_loaded, the_documents_name_every_option)
