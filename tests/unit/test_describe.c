/*
 * work/describe and work/elf: what is read out of a module file, and that a
 * damaged file is refused, whatever the damage.
 *
 * Thread: one.
 */
#include "work/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "unit.h"
#include "work/elf_private.h"

/* A module file in memory, to be damaged; the descriptor's place in it. */
struct scene {
	struct arena arena;
	uint8_t *data;
	size_t len;
	struct elf_image img;
	uint64_t at;
	struct description d;
	const char *why;
};

static struct scene scene;

static void load(const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", DESCRIBE_FIXTURES, name);
	FILE *f = fopen(path, "rb");
	ck_assert_msg(f != NULL, "%s", path);
	fseek(f, 0, SEEK_END);
	scene = (struct scene){ .len = (size_t)ftell(f) };
	rewind(f);
	scene.data = malloc(scene.len);
	ck_assert_ptr_nonnull(scene.data);
	ck_assert_uint_eq(fread(scene.data, 1, scene.len, f), scene.len);
	fclose(f);
	uint64_t size;
	ck_assert_int_eq(elf_open(&scene.img, scene.data, scene.len, &scene.arena, &scene.why), 0);
	ck_assert(elf_symbol(&scene.img, "weir_module", &scene.at, &size));
}

static void unload(void)
{
	arena_done(&scene.arena);
	free(scene.data);
}

/* The byte of the file that is at an address. */
static uint8_t *byte_at(uint64_t address)
{
	const uint8_t *at = elf_bytes(&scene.img, address, 1);
	ck_assert_ptr_nonnull(at);
	return scene.data + (at - scene.data);
}

/* Where the pointer in a field of the descriptor leads. */
static uint64_t target_of(size_t field)
{
	struct elf_pointer p = elf_pointer(&scene.img, scene.at + field);
	ck_assert_int_eq(p.kind, ELF_POINTER_HERE);
	return p.address;
}

static void put16(size_t field, uint16_t value)
{
	memcpy(byte_at(scene.at + field), &value, sizeof(value));
}

static void put32(uint64_t address, uint32_t value)
{
	memcpy(byte_at(address), &value, sizeof(value));
}

static int describe(void)
{
	scene.why = NULL;
	return describe_image(scene.data, scene.len, &scene.arena, &scene.d, &scene.why);
}

static void refused(const char *reason)
{
	ck_assert_int_eq(describe(), ERR_MODULE);
	ck_assert_msg(strstr(scene.why, reason) != NULL, "%s", scene.why);
	ck_assert_ptr_null(strchr(scene.why, '\n'));
}

#define FIELD(name) offsetof(struct weir_module, name)

START_TEST(a_module_says_its_name_and_callbacks)
{
	load("describe_good.so");
	ck_assert_msg(describe() == 0, "%s", scene.why);
	const struct description *d = &scene.d;
	ck_assert_uint_eq(d->abi_major, WEIR_ABI_MAJOR);
	ck_assert_uint_eq(d->abi_minor, WEIR_ABI_MINOR);
	ck_assert_str_eq(d->name, "good");
	ck_assert_str_eq(d->version, "2.1");
	ck_assert_str_eq(d->summary, "All that there is \xe2\x80\x93 on one line");
	ck_assert_uint_eq(strspn(d->build_id, "0123456789abcdef"), strlen(d->build_id));
	ck_assert(d->has_init && d->has_check);
	ck_assert(!d->has_fini && !d->has_thread_init && !d->has_thread_fini);
	unload();
}
END_TEST

START_TEST(a_module_says_its_routes_in_order)
{
	static const struct describe_handler expected[] = {
		{ "list", "GET", "/things", WEIR_BLOCKING },
		{ "create", "POST,PUT", "/things/{id:int}", WEIR_BLOCKING },
		{ "create", "GET", "/ping", WEIR_INLINE },
		{ "list", NULL, NULL, WEIR_BLOCKING },
	};
	load("describe_good.so");
	ck_assert_msg(describe() == 0, "%s", scene.why);
	ck_assert_uint_eq(scene.d.handler_count, array_len(expected));
	for (size_t i = 0; i < array_len(expected); i++) {
		const struct describe_handler *h = &scene.d.handlers[i];
		ck_assert_str_eq(h->name, expected[i].name);
		ck_assert_pstr_eq(h->methods, expected[i].methods);
		ck_assert_pstr_eq(h->pattern, expected[i].pattern);
		ck_assert_uint_eq(h->flags, expected[i].flags);
	}
	unload();
}
END_TEST

START_TEST(a_module_says_its_options_in_order)
{
	load("describe_good.so");
	ck_assert_msg(describe() == 0, "%s", scene.why);
	/* The description outlives the file. */
	memset(scene.data, 0xff, scene.len);
	const struct weir_option *o = scene.d.options;
	ck_assert_uint_eq(scene.d.option_count, 3);
	ck_assert_str_eq(o[0].name, "greeting");
	ck_assert_uint_eq(o[0].type, WEIR_STRING);
	ck_assert_str_eq(o[0].value, "Hello");
	ck_assert_str_eq(o[0].help, "what to say");
	ck_assert_str_eq(o[1].name, "size");
	ck_assert_uint_eq(o[1].flags, WEIR_OR_INF);
	ck_assert_int_eq(o[1].min, 1024);
	ck_assert_int_eq(o[1].max, 1 << 20);
	ck_assert_str_eq(o[1].help, "");
	ck_assert_str_eq(o[2].choices, "slow fast");
	ck_assert_ptr_null(o[3].name);
	unload();
}
END_TEST

START_TEST(another_abi_is_refused_with_both_numbers_and_the_remedy)
{
	char line[256];
	load("describe_old.so");
	snprintf(line, sizeof(line),
		 "built for ABI 99.0, this daemon has %d.%d: rebuild it against this daemon's "
		 "<weir/module.h>",
		 WEIR_ABI_MAJOR, WEIR_ABI_MINOR);
	refused(line);
	unload();
}
END_TEST

START_TEST(a_newer_minor_is_refused)
{
	char line[64];
	load("describe_good.so");
	put16(FIELD(abi_minor), WEIR_ABI_MINOR + 1);
	snprintf(line, sizeof(line), "built for ABI %d.%d,", WEIR_ABI_MAJOR, WEIR_ABI_MINOR + 1);
	refused(line);
	unload();
}
END_TEST

START_TEST(a_file_that_is_no_module_says_what_it_lacks)
{
	load("describe_good.so");
	*byte_at(scene.at) ^= 1;
	refused("not a module descriptor");
	*byte_at(scene.at) ^= 1;
	uint8_t *name;
	while ((name = memmem(scene.data, scene.len, "weir_module", 12)) != NULL)
		name[0] = 'v';
	refused("no symbol weir_module");
	unload();
}
END_TEST

START_TEST(a_file_of_another_machine_names_both)
{
	load("describe_good.so");
	Elf64_Ehdr h;
	memcpy(&h, scene.data, sizeof(h));
	h.e_machine = EM_MIPS;
	memcpy(scene.data, &h, sizeof(h));
	refused("built for mips, this daemon runs on ");
	h.e_machine = 60000;
	memcpy(scene.data, &h, sizeof(h));
	refused("built for machine number 60000");
	scene.data[EI_DATA] ^= 3;
	refused("byte order");
	scene.data[EI_CLASS] = ELFCLASS32;
	refused("64-bit");
	scene.data[0] = '#';
	refused("not an ELF");
	unload();
}
END_TEST

START_TEST(a_program_is_no_module)
{
	load("describe_good.so");
	Elf64_Ehdr h;
	memcpy(&h, scene.data, sizeof(h));
	h.e_type = ET_EXEC;
	memcpy(scene.data, &h, sizeof(h));
	refused("-shared");
	unload();
}
END_TEST

START_TEST(elements_may_be_longer_than_ours_but_not_shorter)
{
	load("describe_good.so");
	/* Every second one, then: there is an even number of them. */
	put16(FIELD(route_size), 2 * sizeof(struct weir_route));
	ck_assert_msg(describe() == 0, "%s", scene.why);
	ck_assert_uint_eq(scene.d.handler_count, 2);
	ck_assert_uint_eq(scene.d.handlers[1].flags, WEIR_INLINE);
	put16(FIELD(route_size), sizeof(struct weir_route) - 8);
	refused("smaller");
	put16(FIELD(route_size), sizeof(struct weir_route) + 1);
	refused("damaged");
	put16(FIELD(route_size), sizeof(struct weir_route));
	put16(FIELD(option_size), 0);
	refused("smaller");
	put16(FIELD(option_size), sizeof(struct weir_option));
	put32(scene.at + FIELD(size), sizeof(struct weir_module) + 8);
	refused("larger than its symbol");
	put32(scene.at + FIELD(size), sizeof(struct weir_module) - 8);
	refused("smaller");
	unload();
}
END_TEST

START_TEST(texts_must_be_printable_and_names_plain)
{
	load("describe_good.so");
	uint8_t *name = byte_at(target_of(FIELD(name)));
	uint8_t *version = byte_at(target_of(FIELD(version)));
	name[1] = ' ';
	refused("its name 'g od' must be");
	name[0] = '\0';
	refused("its name '' must be");
	memcpy(name, "good", 4);
	version[0] = '\n';
	refused("its version has bytes that are not printable");
	version[0] = 0xff;
	refused("not printable UTF-8");
	memcpy(version, "\xc2\x85", 2);
	refused("not printable UTF-8");
	memcpy(version, "\xc2\xa9", 2);
	ck_assert_int_eq(describe(), 0);
	unload();
}
END_TEST

START_TEST(routes_that_cannot_be_are_refused)
{
	load("describe_good.so");
	uint64_t routes = target_of(FIELD(routes)) - scene.at;
	put32(scene.at + routes + offsetof(struct weir_route, flags), 0x80);
	refused("handler 'list' has unknown flags 0x80");
	put32(scene.at + routes + offsetof(struct weir_route, flags), 0);
	uint8_t *pattern = byte_at(target_of(routes + offsetof(struct weir_route, pattern)));
	pattern[3] = '{';
	refused("handler 'list' has a bad pattern '/th{ngs'");
	pattern[3] = 'i';
	byte_at(target_of(routes + offsetof(struct weir_route, methods)))[0] = 'X';
	refused("bad methods");
	unload();
}
END_TEST

START_TEST(options_that_cannot_be_are_refused)
{
	load("describe_good.so");
	uint64_t options = target_of(FIELD(options));
	uint64_t second = options + sizeof(struct weir_option);
	put32(options + offsetof(struct weir_option, type), 99);
	refused("option 'greeting' is of an unknown type");
	put32(options + offsetof(struct weir_option, type), WEIR_CHOICE);
	refused("option 'greeting' is a choice without choices");
	put32(options + offsetof(struct weir_option, type), WEIR_STRING);
	put32(options + offsetof(struct weir_option, flags), 1u << 20);
	refused("unknown flags");
	put32(options + offsetof(struct weir_option, flags), WEIR_REPEATED);
	ck_assert_int_eq(describe(), 0);
	put32(second + offsetof(struct weir_option, flags), WEIR_REPEATED);
	refused("option 'size' is repeated");
	put32(second + offsetof(struct weir_option, flags), 0);
	put32(second + offsetof(struct weir_option, min), 1 << 30);
	refused("its min above its max");
	put32(second + offsetof(struct weir_option, min), 0);
	memcpy(byte_at(target_of(second - scene.at)), "mode", 5);
	refused("option 'mode' stands twice");
	unload();
}
END_TEST

/* Whatever was accepted can be walked to its end. */
static size_t weigh(const struct description *d)
{
	size_t n = strlen(d->name) + strlen(d->version) + strlen(d->summary) + strlen(d->build_id);
	for (size_t i = 0; i < d->handler_count; i++)
		n += strlen(d->handlers[i].name);
	for (size_t i = 0; d->options[i].name; i++)
		n += strlen(d->options[i].name) + strlen(d->options[i].help);
	return n;
}

/* Describes `len` bytes at the very end of an allocation. */
static int try(const uint8_t *data, size_t len)
{
	struct arena a;
	struct description d;
	const char *why = NULL;
	arena_init(&a);
	int rc = describe_image(data, len, &a, &d, &why);
	if (rc == 0)
		ck_assert_uint_gt(weigh(&d), 0);
	else
		ck_assert(rc == ERR_MODULE && why != NULL);
	arena_done(&a);
	return rc;
}

/* What comes behind the last segment (section headers, debug data) is not
 * read; a file cut within its segments is refused at any length. */
START_TEST(a_file_cut_anywhere_is_refused)
{
	load("describe_good.so");
	size_t needed = 0;
	for (size_t i = 0; i < scene.img.load_count; i++) {
		const Elf64_Phdr *p = &scene.img.loads[i];
		if (p->p_offset + p->p_filesz > needed)
			needed = p->p_offset + p->p_filesz;
	}
	for (size_t len = 0; len < needed; len += len < 1024 ? 1 : 7) {
		uint8_t *cut = malloc(len ? len : 1);
		ck_assert_ptr_nonnull(cut);
		memcpy(cut, scene.data, len);
		ck_assert_int_eq(try(cut, len), ERR_MODULE);
		free(cut);
	}
	unload();
}
END_TEST

START_TEST(a_file_with_any_byte_changed_is_read_or_refused)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	load("describe_good.so");
	for (size_t i = 0; i < scene.len; i++) {
		for (size_t f = 0; f < array_len(flips); f++) {
			scene.data[i] ^= flips[f];
			(void)try(scene.data, scene.len);
			scene.data[i] ^= flips[f];
		}
	}
	ck_assert_int_eq(try(scene.data, scene.len), 0);
	unload();
}
END_TEST

static void file_refused(const char *path, const char *reason)
{
	struct arena a;
	struct description d;
	const char *why = NULL;
	arena_init(&a);
	ck_assert_int_eq(describe_file(path, &a, &d, &why), ERR_MODULE);
	ck_assert_msg(strstr(why, reason) != NULL, "%s", why);
	arena_done(&a);
}

START_TEST(a_file_that_cannot_be_read_says_why)
{
	file_refused("/nonexistent/x.so", "cannot open the file: No such file");
	file_refused("/", "not a regular file");
	file_refused("/dev/null", "not a regular file");
	char path[] = "/tmp/describe-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	file_refused(path, "empty");
	ck_assert_int_eq(write(fd, "#!/bin/sh\n", 10), 10);
	file_refused(path, "not an ELF");
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(a_file_is_described_by_its_path)
{
	struct arena a;
	struct description d;
	const char *why = NULL;
	arena_init(&a);
	int rc = describe_file(DESCRIBE_FIXTURES "/describe_good.so", &a, &d, &why);
	ck_assert_msg(rc == 0, "%s", why);
	ck_assert_str_eq(d.name, "good");
	arena_done(&a);
}
END_TEST

UNIT_MAIN("describe", a_module_says_its_name_and_callbacks, a_module_says_its_routes_in_order,
	  a_module_says_its_options_in_order,
	  another_abi_is_refused_with_both_numbers_and_the_remedy, a_newer_minor_is_refused,
	  a_file_that_is_no_module_says_what_it_lacks, a_file_of_another_machine_names_both,
	  a_program_is_no_module, elements_may_be_longer_than_ours_but_not_shorter,
	  texts_must_be_printable_and_names_plain, routes_that_cannot_be_are_refused,
	  options_that_cannot_be_are_refused, a_file_cut_anywhere_is_refused,
	  a_file_with_any_byte_changed_is_read_or_refused, a_file_that_cannot_be_read_says_why,
	  a_file_is_described_by_its_path)
