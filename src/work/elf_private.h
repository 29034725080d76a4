/*
 * What elf.c and elf_reloc.c share.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_WORK_ELF_PRIVATE_H
#define WEIR_WORK_ELF_PRIVATE_H

#include "work/elf.h"

/* `len` bytes of the file at an address; NULL when the file has them not. */
const uint8_t *elf_bytes(const struct elf_image *img, uint64_t address, uint64_t len);

bool elf_has_address(const struct elf_image *img, uint64_t address);
bool elf_symbol_at(const struct elf_image *img, uint32_t index, Elf64_Sym *ret);

/* Reads and sorts the relocations. As elf_open. */
must_check int elf_index_relocs(struct elf_image *img, struct arena *a, const char **ret_why);

#endif
