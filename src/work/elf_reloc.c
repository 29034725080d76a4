/*
 * The relocations of an ELF image: which pointers the dynamic linker fills in,
 * and with what. The linker never runs; its arithmetic is done here.
 *
 * Thread: any; pure. Leaves relocations of calls (DT_JMPREL) aside: no
 * constant data has one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "work/elf_private.h"

/* A relocation type that does nothing has this number on every machine. */
enum { TYPE_NONE = 0 };

static int by_place(const void *x, const void *y)
{
	const struct elf_reloc *a = x, *b = y;
	return (a->place > b->place) - (a->place < b->place);
}

static int by_base(const void *x, const void *y)
{
	const struct elf_run *a = x, *b = y;
	return (a->base > b->base) - (a->base < b->base);
}

static void add(struct elf_image *img, uint64_t place, uint64_t info, uint64_t addend,
		bool is_addend_here)
{
	if (ELF64_R_TYPE(info) == TYPE_NONE)
		return;
	img->relocs[img->reloc_count++] = (struct elf_reloc){
		.place = place,
		.addend = addend,
		.symbol = (uint32_t)ELF64_R_SYM(info),
		.is_addend_here = is_addend_here,
	};
}

static void read_rela(struct elf_image *img, const uint8_t *at, uint64_t count)
{
	Elf64_Rela r;
	for (; count > 0; count--, at += sizeof(r)) {
		memcpy(&r, at, sizeof(r));
		add(img, r.r_offset, r.r_info, (uint64_t)r.r_addend, false);
	}
}

static void read_rel(struct elf_image *img, const uint8_t *at, uint64_t count)
{
	Elf64_Rel r;
	for (; count > 0; count--, at += sizeof(r)) {
		memcpy(&r, at, sizeof(r));
		add(img, r.r_offset, r.r_info, 0, true);
	}
}

/* An even word is the address of a place; each odd one behind it tells of the
 * next 63 places. */
static void read_relr(struct elf_image *img, const uint8_t *at, uint64_t count)
{
	uint64_t next = 0, word;
	for (; count > 0; count--, at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		struct elf_run *run = &img->runs[img->run_count++];
		if (word & 1) {
			*run = (struct elf_run){ .base = next, .bits = word >> 1 };
			next += 63 * sizeof(word);
		} else {
			*run = (struct elf_run){ .base = word, .bits = 1 };
			next = word + sizeof(word);
		}
	}
}

int elf_index_relocs(struct elf_image *img, struct arena *a, const char **ret_why)
{
	uint64_t rela_count = img->rela_len / sizeof(Elf64_Rela);
	uint64_t rel_count = img->rel_len / sizeof(Elf64_Rel);
	uint64_t relr_count = img->relr_len / sizeof(uint64_t);
	const uint8_t *rela = elf_bytes(img, img->rela, img->rela_len);
	const uint8_t *rel = elf_bytes(img, img->rel, img->rel_len);
	const uint8_t *relr = elf_bytes(img, img->relr, img->relr_len);
	if ((rela_count && !rela) || (rel_count && !rel) || (relr_count && !relr)) {
		*ret_why = "damaged: its relocations lie outside of the file";
		return ERR_MODULE;
	}
	/* Each entry stands in the file: memory is bounded by the file's length. */
	img->relocs = arena_alloc(a, (rela_count + rel_count) * sizeof(*img->relocs));
	img->runs = arena_alloc(a, relr_count * sizeof(*img->runs));
	if (!img->relocs || !img->runs)
		return ERR_NOMEM;
	read_rela(img, rela, rela_count);
	read_rel(img, rel, rel_count);
	read_relr(img, relr, relr_count);
	qsort(img->relocs, img->reloc_count, sizeof(*img->relocs), by_place);
	qsort(img->runs, img->run_count, sizeof(*img->runs), by_base);
	return 0;
}

/* Does a run tell the linker to add the load address to this place? */
static bool is_relative(const struct elf_image *img, uint64_t place)
{
	size_t low = 0, high = img->run_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (img->runs[middle].base <= place)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	uint64_t offset = place - img->runs[low - 1].base;
	return offset % 8 == 0 && offset / 8 < 64 && (img->runs[low - 1].bits >> (offset / 8) & 1);
}

static struct elf_pointer pointer_to(const struct elf_image *img, uint64_t address)
{
	struct elf_pointer p = { ELF_POINTER_BAD, address };
	if (elf_has_address(img, address))
		p.kind = ELF_POINTER_HERE;
	return p;
}

static struct elf_pointer apply(const struct elf_image *img, const struct elf_reloc *r,
				uint64_t content)
{
	uint64_t addend = r->is_addend_here ? content : r->addend;
	Elf64_Sym s;
	if (r->symbol == 0)
		return pointer_to(img, addend);
	if (!elf_symbol_at(img, r->symbol, &s))
		return (struct elf_pointer){ ELF_POINTER_BAD, 0 };
	if (s.st_shndx == SHN_UNDEF)
		return (struct elf_pointer){ ELF_POINTER_ELSEWHERE, 0 };
	return pointer_to(img, s.st_value + addend);
}

struct elf_pointer elf_pointer(const struct elf_image *img, uint64_t address)
{
	uint64_t content;
	if (!elf_read(img, address, &content, sizeof(content)))
		return (struct elf_pointer){ ELF_POINTER_BAD, 0 };
	struct elf_reloc key = { .place = address };
	const struct elf_reloc *r =
		bsearch(&key, img->relocs, img->reloc_count, sizeof(*img->relocs), by_place);
	if (r)
		return apply(img, r, content);
	if (is_relative(img, address))
		return pointer_to(img, content);
	/* A constant that nothing relocates is an address only when it is none. */
	return (struct elf_pointer){ content ? ELF_POINTER_BAD : ELF_POINTER_NULL, 0 };
}
