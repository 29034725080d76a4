/*
 * conf/ini and conf/expand: lines, places, and values as they are meant.
 *
 * Thread: one.
 */
#include "conf/ini.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "conf/expand.h"
#include "unit.h"

/* What the reader tells, as text: "2:2 [a] 3:1 k 3:5 <v> " and its errors. */
struct tale {
	struct arena a;
	struct conf_errors errs;
	struct buf told;
	int rc; /* what the sink returns */
};

static int on_section(void *ctx, const char *text, struct conf_place place)
{
	struct tale *t = ctx;
	ck_assert_int_eq(
		buf_addf(&t->told, "%u:%u [%s] ", place.line, place.column, text ? text : "?"), 0);
	return t->rc;
}

static int on_key(void *ctx, const char *name, struct conf_place name_place, const char *value,
		  struct conf_place value_place)
{
	struct tale *t = ctx;
	ck_assert_uint_eq(name_place.line, value_place.line);
	ck_assert_uint_eq(name_place.column, 1);
	ck_assert_int_eq(buf_addf(&t->told, "%u %s %u <%s> ", name_place.line, name,
				  value_place.column, value ? value : "?"),
			 0);
	return t->rc;
}

static int read_bytes(struct tale *t, const char *text, size_t len, int rc)
{
	static const struct ini_sink sink = { on_section, on_key };
	*t = (struct tale){ .rc = rc };
	arena_init(&t->a);
	conf_errors_init(&t->errs);
	/* The end of the text must be the end of what is read. */
	char *exact = malloc(len ? len : 1);
	ck_assert_ptr_nonnull(exact);
	memcpy(exact, text, len);
	int result = ini_read("f", exact, len, &sink, t, &t->a, &t->errs);
	free(exact);
	ck_assert_int_eq(buf_add(&t->told, "", 1), 0);
	return result;
}

static void tale_done(struct tale *t)
{
	buf_done(&t->told);
	conf_errors_done(&t->errs);
	arena_done(&t->a);
}

static void told(const char *text, const char *wanted)
{
	struct tale t;
	ck_assert_int_eq(read_bytes(&t, text, strlen(text), 0), 0);
	ck_assert_msg(t.errs.count == 0, "%s: %s", text,
		      t.errs.count ? t.errs.list[0].message : "");
	ck_assert_str_eq(buf_head(&t.told), wanted);
	tale_done(&t);
}

/* One error, at line:column, whose message contains `part`. */
static void refused_bytes(const char *text, size_t len, unsigned line, unsigned column,
			  const char *part)
{
	struct tale t;
	ck_assert_int_eq(read_bytes(&t, text, len, 0), 0);
	ck_assert_msg(t.errs.count == 1, "%s: %zu errors", text, t.errs.count);
	const struct conf_error *e = &t.errs.list[0];
	ck_assert_str_eq(e->place.file, "f");
	ck_assert_msg(e->place.line == line && e->place.column == column, "%s: at %u:%u: %s", text,
		      e->place.line, e->place.column, e->message);
	ck_assert_msg(strstr(e->message, part), "%s: %s", text, e->message);
	tale_done(&t);
}

static void refused(const char *text, unsigned line, unsigned column, const char *part)
{
	refused_bytes(text, strlen(text), line, column, part);
}

START_TEST(sections_and_keys_are_told_with_their_places)
{
	told("[a]\nk=v\nkey   =   v w  \n", "1:2 [a] 2 k 3 <v> 3 key 11 <v w> ");
	told("top = 1\n[ b  c ]", "1 top 7 <1> 2:3 [b  c] ");
	told("", "");
	told("\n\n \n", "");
}
END_TEST

START_TEST(a_section_without_keys_is_told_too)
{
	told("[a]\n[b]\n\n[c]", "1:2 [a] 2:2 [b] 4:2 [c] ");
}
END_TEST

START_TEST(comments_end_values_and_fill_lines)
{
	told("; c\n# c\n  ; c\n[a] ; c\nk = v ; c\nm = v;w\nn = v # w\no = ; c\np =;c\nq = a\t;c",
	     "4:2 [a] 5 k 5 <v> 6 m 5 <v;w> 7 n 5 <v # w> 8 o 5 <> 9 p 4 <> 10 q 5 <a> ");
}
END_TEST

START_TEST(quotes_keep_spaces_and_semicolons)
{
	told("k = \" v ; w \" ; c", "1 k 5 < v ; w > ");
	told("k = \"\"", "1 k 5 <> ");
	told("k = \"a\\\"b\\\\c\"", "1 k 5 <a\"b\\c> ");
	told("k = a\"b\\c", "1 k 5 <a\"b\\c> ");
	refused("k = \"abc", 1, 5, "closing");
	refused("k = \"abc\\\"", 1, 5, "closing");
	refused("k = \"a\\nb\"", 1, 7, "inside quotes");
	refused("k = \"a\" b", 1, 9, "text behind '\"'");
}
END_TEST

START_TEST(only_the_first_equals_sign_divides)
{
	told("k = a = b:c\nlisten = [::1]:80", "1 k 5 <a = b:c> 2 listen 10 <[::1]:80> ");
}
END_TEST

START_TEST(line_ends_and_a_mark_of_other_systems_are_accepted)
{
	told("[a]\r\nk = v\r\n\r\n", "1:2 [a] 2 k 5 <v> ");
	told("\xef\xbb\xbf[a]\nk = v", "1:2 [a] 2 k 5 <v> ");
}
END_TEST

START_TEST(long_lines_are_read_whole_and_counted_once)
{
	char text[6000], wanted[6000];
	char value[VALUE_MAX + 1], name[301];
	memset(value, 'v', VALUE_MAX);
	memset(name, 'n', 300);
	value[VALUE_MAX] = name[300] = '\0';
	snprintf(text, sizeof(text), "[route GET /%s]\nk = %s\nm = 1", name, value);
	snprintf(wanted, sizeof(wanted), "1:2 [route GET /%s] 2 k 5 <%s> 3 m 5 <1> ", name, value);
	told(text, wanted);
	snprintf(text, sizeof(text), "; %s\nk = 1", value);
	told(text, "2 k 5 <1> ");
}
END_TEST

START_TEST(a_value_over_4096_bytes_is_one_error)
{
	char text[5100] = "a = 1\nk = ";
	memset(text + 10, 'x', 5000);
	struct tale t;
	ck_assert_int_eq(read_bytes(&t, strcat(text, "\nm = 2"), 5016, 0), 0);
	ck_assert_uint_eq(t.errs.count, 1);
	ck_assert_str_eq(t.errs.list[0].message,
			 "the value is 5000 bytes long; at most 4096 are allowed");
	ck_assert_uint_eq(t.errs.list[0].place.line, 2);
	ck_assert_uint_eq(t.errs.list[0].place.column, 5);
	ck_assert_str_eq(buf_head(&t.told), "1 a 5 <1> 2 k 5 <?> 3 m 5 <2> ");
	tale_done(&t);
}
END_TEST

START_TEST(broken_lines_are_errors_at_their_places)
{
	refused("[a]\n  k = v", 2, 3, "indented line: begin it at column 1");
	refused("[a]\n\tk", 2, 2, "indented");
	refused("[a", 1, 3, "']' is missing");
	refused("[b]\nk=v\n[a  ", 3, 3, "']' is missing");
	refused("[", 1, 2, "']' is missing");
	refused("[a] b", 1, 5, "text behind ']'");
	refused("word", 1, 1, "no '='");
	refused("listen: 80", 1, 1, "no '='");
	refused("= v", 1, 1, "no name");
	refused("a b = v", 1, 2, "letters, digits");
	refused("a:b = v", 1, 2, "letters, digits");
	refused("k\xc3\xa4 = v", 1, 2, "letters, digits");
	refused("k = \x01", 1, 5, "control character 0x01");
	refused("k = a\rb", 1, 6, "control character 0x0d");
	refused("k = \xff", 1, 5, "0xff is not UTF-8");
	refused("; \xc3", 1, 3, "0xc3 is not UTF-8");
	refused("k = \xed\xa0\x80", 1, 5, "not UTF-8");
	refused_bytes("[a]\nk = a\0b\n", 12, 2, 6, "NUL");
}
END_TEST

START_TEST(a_key_of_more_than_64_letters_is_refused)
{
	char text[300];
	memset(text, 'k', sizeof(text));
	memcpy(text + 64, " = v", 5);
	struct tale t;
	ck_assert_int_eq(read_bytes(&t, text, strlen(text), 0), 0);
	ck_assert_uint_eq(t.errs.count, 0);
	tale_done(&t);
	memset(text, 'k', sizeof(text));
	memcpy(text + 250, " = v", 5);
	refused(text, 1, 1, "longer than 64");
}
END_TEST

START_TEST(keys_behind_a_broken_header_are_told_apart)
{
	struct tale t;
	const char *text = "[a]\n[b\nk = v\n [c]\n[\x01]\n";
	ck_assert_int_eq(read_bytes(&t, text, strlen(text), 0), 0);
	ck_assert_uint_eq(t.errs.count, 3);
	ck_assert_str_eq(buf_head(&t.told), "1:2 [a] 2:1 [?] 3 k 5 <v> 4:2 [?] 5:1 [?] ");
	tale_done(&t);
}
END_TEST

START_TEST(the_environment_is_put_in)
{
	setenv("WEIR_A", "one two", 1);
	setenv("WEIR_EMPTY", "", 1);
	unsetenv("WEIR_NONE");
	told("k = <${WEIR_A}>", "1 k 5 <<one two>> ");
	told("k = ${WEIR_NONE:-a:-b}${WEIR_EMPTY:-c}${WEIR_EMPTY}${WEIR_NONE:-}", "1 k 5 <a:-bc> ");
	told("k = $$5 \"$$\"", "1 k 5 <$5 \"$\"> ");
	told("k = \"${WEIR_A} ;\"", "1 k 5 <one two ;> ");
	refused("k = ab${WEIR_NONE}", 1, 7, "WEIR_NONE is not set");
	refused("k = \"ab${WEIR_NONE}\"", 1, 8, "WEIR_NONE is not set");
	refused("k = $HOME", 1, 5, "single '$'");
	refused("k = a$", 1, 6, "single '$'");
	refused("k = ${A", 1, 5, "without its '}'");
	refused("k = ${}", 1, 5, "write ${NAME}");
	refused("k = ${1A}", 1, 5, "write ${NAME}");
	refused("k = ${A:b}", 1, 5, "write ${NAME}");
	refused("k = ${A-}", 1, 5, "write ${NAME}");
	setenv("WEIR_A", "one\ntwo", 1);
	refused("k = ${WEIR_A}", 1, 5, "more than one line");
	setenv("WEIR_A", "\xff", 1);
	refused("k = ${WEIR_A}", 1, 5, "UTF-8");
}
END_TEST

START_TEST(what_is_put_in_is_not_looked_at_again)
{
	setenv("WEIR_A", " ${WEIR_B} ; \"x\" ", 1);
	told("k = ${WEIR_A}", "1 k 5 < ${WEIR_B} ; \"x\" > ");
}
END_TEST

START_TEST(the_sink_can_end_the_reading)
{
	struct tale t;
	ck_assert_int_eq(read_bytes(&t, "[a]\nk = v\n", 10, ERR_NOMEM), ERR_NOMEM);
	ck_assert_str_eq(buf_head(&t.told), "1:2 [a] ");
	tale_done(&t);
}
END_TEST

START_TEST(what_is_written_is_read_as_it_was)
{
	static const char *const texts[] = {
		"plain", " lead",   "trail ", "a ; b", "a;b",   ";a",  "\"q\"", "a\"b",
		"\\",    "\" \\ $", "$",      "${X}",  "tab\t", "# x", "[x]",   "=",
	};
	for (size_t i = 0; i < array_len(texts); i++) {
		struct arena a;
		arena_init(&a);
		char *line = arena_printf(&a, "k = %s ; comment", expand_write(texts[i], &a));
		told(line, arena_printf(&a, "1 k 5 <%s> ", texts[i]));
		arena_done(&a);
	}
}
END_TEST

UNIT_MAIN("ini", sections_and_keys_are_told_with_their_places, a_section_without_keys_is_told_too,
	  comments_end_values_and_fill_lines, quotes_keep_spaces_and_semicolons,
	  only_the_first_equals_sign_divides, line_ends_and_a_mark_of_other_systems_are_accepted,
	  long_lines_are_read_whole_and_counted_once, a_value_over_4096_bytes_is_one_error,
	  broken_lines_are_errors_at_their_places, a_key_of_more_than_64_letters_is_refused,
	  keys_behind_a_broken_header_are_told_apart, the_environment_is_put_in,
	  what_is_put_in_is_not_looked_at_again, the_sink_can_end_the_reading,
	  what_is_written_is_read_as_it_was)
