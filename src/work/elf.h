/*
 * A shared object as its bytes: where an address lies in the file, what a
 * symbol's address is, what a pointer will be once the file is loaded.
 *
 * Thread: any; pure. The file is hostile: every offset and count in it is
 * checked against its length. It must stay mapped while the image is used.
 */
#ifndef WEIR_WORK_ELF_H
#define WEIR_WORK_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { ELF_SEGMENTS_MAX = 64 };

/* A relocation that names the place it changes. */
struct elf_reloc {
	uint64_t place;
	uint64_t addend;
	uint32_t symbol;     /* 0: none, the addend is the address */
	bool is_addend_here; /* the addend stands at the place (DT_REL) */
};

/* Up to 64 places that become what stands in them plus the load address
 * (DT_RELR): bit i is the place base + 8 * i. */
struct elf_run {
	uint64_t base;
	uint64_t bits;
};

struct elf_image {
	const uint8_t *data;
	size_t len;
	Elf64_Phdr loads[ELF_SEGMENTS_MAX]; /* PT_LOAD */
	size_t load_count;
	Elf64_Phdr dynamic;
	uint64_t symbols, strings, strings_len; /* addresses */
	uint64_t gnu_hash, hash;
	uint64_t rela, rela_len, rel, rel_len, relr, relr_len;
	struct elf_reloc *relocs; /* by place */
	size_t reloc_count;
	struct elf_run *runs; /* by base */
	size_t run_count;
	char build_id[129]; /* hex; "" for none */
};

enum elf_pointer_kind {
	ELF_POINTER_NULL,
	ELF_POINTER_HERE,      /* an address in this object */
	ELF_POINTER_ELSEWHERE, /* another object's symbol */
	ELF_POINTER_BAD,       /* outside of the image, or not relocated */
};

struct elf_pointer {
	enum elf_pointer_kind kind;
	uint64_t address; /* of ELF_POINTER_HERE */
};

/* Opens an image for a 64-bit shared object of the running machine. 0 with
 * relocations in `a`, ERR_NOMEM, or ERR_MODULE with *ret_why in `a`. */
must_check int elf_open(struct elf_image *img, const void *data, size_t len, struct arena *a,
			const char **ret_why);

/* Copies bytes of the loaded image, as they are before relocation. False when
 * they are not all part of one segment. */
must_check bool elf_read(const struct elf_image *img, uint64_t address, void *to, size_t len);

/* The text at an address, not ended by a NUL: its length, or -1 when it is not
 * in the file or longer than `max`. */
must_check long elf_text(const struct elf_image *img, uint64_t address, size_t max,
			 const char **ret_text);

/* Address and size of a symbol that this object defines and exports. */
must_check bool elf_symbol(const struct elf_image *img, const char *name, uint64_t *ret_address,
			   uint64_t *ret_size);

/* What the pointer at an address will be. */
struct elf_pointer elf_pointer(const struct elf_image *img, uint64_t address);

#endif
