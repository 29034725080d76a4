/*
 * Reading an ELF shared object: headers, segments, the dynamic section, the
 * symbol table's hash. Relocations are elf_reloc.c's.
 *
 * Thread: any; pure. Nothing of the file is executed or trusted.
 */
#include "work/elf.h"

#include <string.h>

#include "base/err.h"
#include "work/elf_private.h"

static const struct {
	uint16_t number;
	const char *name;
} machines[] = {
	{ EM_386, "i386" },        { EM_X86_64, "x86-64" }, { EM_ARM, "arm" },
	{ EM_AARCH64, "aarch64" }, { EM_RISCV, "riscv" },   { EM_PPC64, "ppc64" },
	{ EM_S390, "s390" },       { EM_MIPS, "mips" },     { EM_LOONGARCH, "loongarch" },
};

#if defined(__x86_64__)
enum { OUR_MACHINE = EM_X86_64 };
#elif defined(__aarch64__)
enum { OUR_MACHINE = EM_AARCH64 };
#elif defined(__riscv)
enum { OUR_MACHINE = EM_RISCV };
#elif defined(__powerpc64__)
enum { OUR_MACHINE = EM_PPC64 };
#elif defined(__s390x__)
enum { OUR_MACHINE = EM_S390 };
#elif defined(__loongarch64)
enum { OUR_MACHINE = EM_LOONGARCH };
#else
#error "name this machine's ELF number here"
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { OUR_ORDER = ELFDATA2LSB };
#else
enum { OUR_ORDER = ELFDATA2MSB };
#endif

enum { BUILD_ID_BYTES_MAX = 64 };

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return why ? ERR_MODULE : ERR_NOMEM;
}

static const char *machine_name(unsigned number, struct arena *a)
{
	for (size_t i = 0; i < array_len(machines); i++) {
		if (machines[i].number == number)
			return machines[i].name;
	}
	return arena_printf(a, "machine number %u", number);
}

static int wrong_machine(const Elf64_Ehdr *h, struct arena *a, const char **ret_why)
{
	const char *theirs = machine_name(h->e_machine, a);
	const char *ours = machine_name(OUR_MACHINE, a);
	if (!theirs || !ours)
		return ERR_NOMEM;
	return refuse(ret_why,
		      arena_printf(a, "built for %s, this daemon runs on %s", theirs, ours));
}

static int check_header(const struct elf_image *img, struct arena *a, const char **ret_why)
{
	Elf64_Ehdr h;
	if (img->len < EI_NIDENT || memcmp(img->data, ELFMAG, SELFMAG) != 0)
		return refuse(ret_why, "not an ELF shared object");
	if (img->data[EI_CLASS] != ELFCLASS64)
		return refuse(ret_why, "not a 64-bit ELF file: build it for this machine");
	if (img->data[EI_DATA] != OUR_ORDER)
		return refuse(ret_why, "built for a machine of the other byte order");
	if (img->len < sizeof(h))
		return refuse(ret_why, "damaged: the file ends within its ELF header");
	memcpy(&h, img->data, sizeof(h));
	if (h.e_machine != OUR_MACHINE)
		return wrong_machine(&h, a, ret_why);
	if (h.e_type != ET_DYN)
		return refuse(ret_why, "not a shared object: link it with -shared");
	return 0;
}

static bool is_in_file(const struct elf_image *img, uint64_t offset, uint64_t len)
{
	return offset <= img->len && len <= img->len - offset;
}

/* ---- addresses ---- */

/* Bytes of the file from an address to the end of what its segment has there;
 * zeros that follow are counted apart. NULL: no segment has the address. */
static const uint8_t *locate(const struct elf_image *img, uint64_t address, uint64_t *ret_len,
			     uint64_t *ret_zeros)
{
	for (size_t i = 0; i < img->load_count; i++) {
		const Elf64_Phdr *p = &img->loads[i];
		if (address < p->p_vaddr || address - p->p_vaddr >= p->p_memsz)
			continue;
		uint64_t skip = address - p->p_vaddr;
		uint64_t here = skip < p->p_filesz ? p->p_filesz - skip : 0;
		*ret_len = here;
		*ret_zeros = p->p_memsz - skip - here;
		return img->data + p->p_offset + (here > 0 ? skip : 0);
	}
	return NULL;
}

const uint8_t *elf_bytes(const struct elf_image *img, uint64_t address, uint64_t len)
{
	uint64_t here, zeros;
	const uint8_t *at = locate(img, address, &here, &zeros);
	return at && len <= here ? at : NULL;
}

bool elf_has_address(const struct elf_image *img, uint64_t address)
{
	uint64_t here, zeros;
	return locate(img, address, &here, &zeros) != NULL;
}

bool elf_read(const struct elf_image *img, uint64_t address, void *to, size_t len)
{
	uint64_t here, zeros;
	const uint8_t *at = locate(img, address, &here, &zeros);
	if (!at || len > here + zeros)
		return false;
	size_t copied = len < here ? len : (size_t)here;
	memcpy(to, at, copied);
	memset((char *)to + copied, 0, len - copied);
	return true;
}

long elf_text(const struct elf_image *img, uint64_t address, size_t max, const char **ret_text)
{
	uint64_t here, zeros;
	const uint8_t *at = locate(img, address, &here, &zeros);
	if (!at)
		return -1;
	size_t len = strnlen((const char *)at, here < max + 1 ? (size_t)here : max + 1);
	if (len > max || (len == here && zeros == 0))
		return -1;
	*ret_text = (const char *)at;
	return (long)len;
}

/* ---- program headers ---- */

/* A segment that the file or the address space cannot hold is damage. */
static bool is_sound(const struct elf_image *img, const Elf64_Phdr *p)
{
	return is_in_file(img, p->p_offset, p->p_filesz) && p->p_filesz <= p->p_memsz &&
	       p->p_memsz <= UINT64_MAX - p->p_vaddr;
}

static void note_build_id(struct elf_image *img, const uint8_t *id, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	if (len > BUILD_ID_BYTES_MAX)
		return;
	for (size_t i = 0; i < len; i++) {
		img->build_id[2 * i] = hex[id[i] >> 4];
		img->build_id[2 * i + 1] = hex[id[i] & 15];
	}
	img->build_id[2 * len] = '\0';
}

static uint64_t round_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) / align * align;
}

/* Notes follow each other at multiples of 4 or 8 bytes. */
static void read_notes(struct elf_image *img, const Elf64_Phdr *p)
{
	uint64_t align = p->p_align == 8 ? 8 : 4;
	uint64_t at = p->p_offset, end = p->p_offset + p->p_filesz;
	Elf64_Nhdr n;
	while (at <= end && end - at >= sizeof(n)) {
		memcpy(&n, img->data + at, sizeof(n));
		uint64_t name = at + sizeof(n);
		uint64_t desc = round_up(name + n.n_namesz, align);
		uint64_t next = round_up(desc + n.n_descsz, align);
		if (desc > end || n.n_descsz > end - desc)
			return;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(img->data + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0)
			note_build_id(img, img->data + desc, n.n_descsz);
		at = next;
	}
}

static int add_segment(struct elf_image *img, const Elf64_Phdr *p, const char **ret_why)
{
	if (p->p_type != PT_LOAD && p->p_type != PT_DYNAMIC && p->p_type != PT_NOTE)
		return 0;
	if (!is_sound(img, p))
		return refuse(ret_why, "damaged: a segment lies outside of the file");
	if (p->p_type == PT_LOAD) {
		if (img->load_count == ELF_SEGMENTS_MAX)
			return refuse(ret_why, "damaged: it has too many segments");
		img->loads[img->load_count++] = *p;
	} else if (p->p_type == PT_DYNAMIC) {
		img->dynamic = *p;
	} else {
		read_notes(img, p);
	}
	return 0;
}

static int read_segments(struct elf_image *img, const char **ret_why)
{
	Elf64_Ehdr h;
	Elf64_Phdr p;
	memcpy(&h, img->data, sizeof(h));
	if (h.e_phentsize != sizeof(p) ||
	    !is_in_file(img, h.e_phoff, (uint64_t)h.e_phnum * sizeof(p)))
		return refuse(ret_why, "damaged: its program headers lie outside of the file");
	for (size_t i = 0; i < h.e_phnum; i++) {
		memcpy(&p, img->data + h.e_phoff + i * sizeof(p), sizeof(p));
		int rc = add_segment(img, &p, ret_why);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- the dynamic section ---- */

/* Not in every <elf.h> yet. */
enum { TAG_RELRSZ = 35, TAG_RELR = 36 };

static void note_tag(struct elf_image *img, const Elf64_Dyn *d)
{
	uint64_t value = d->d_un.d_val;
	switch (d->d_tag) {
	case DT_SYMTAB:
		img->symbols = value;
		break;
	case DT_STRTAB:
		img->strings = value;
		break;
	case DT_STRSZ:
		img->strings_len = value;
		break;
	case DT_GNU_HASH:
		img->gnu_hash = value;
		break;
	case DT_HASH:
		img->hash = value;
		break;
	case DT_RELA:
		img->rela = value;
		break;
	case DT_RELASZ:
		img->rela_len = value;
		break;
	case DT_REL:
		img->rel = value;
		break;
	case DT_RELSZ:
		img->rel_len = value;
		break;
	case TAG_RELR:
		img->relr = value;
		break;
	case TAG_RELRSZ:
		img->relr_len = value;
		break;
	default:
		break;
	}
}

static int read_dynamic(struct elf_image *img, const char **ret_why)
{
	Elf64_Dyn d;
	if (img->dynamic.p_type != PT_DYNAMIC)
		return refuse(ret_why, "it has no dynamic section: link it with -shared");
	const uint8_t *at = img->data + img->dynamic.p_offset;
	for (uint64_t left = img->dynamic.p_filesz; left >= sizeof(d); left -= sizeof(d)) {
		memcpy(&d, at, sizeof(d));
		at += sizeof(d);
		if (d.d_tag == DT_NULL)
			break;
		note_tag(img, &d);
	}
	if (!elf_bytes(img, img->strings, img->strings_len) ||
	    !elf_bytes(img, img->symbols, sizeof(Elf64_Sym)))
		return refuse(ret_why, "damaged: its symbol table lies outside of the file");
	return 0;
}

int elf_open(struct elf_image *img, const void *data, size_t len, struct arena *a,
	     const char **ret_why)
{
	*img = (struct elf_image){ .data = data, .len = len };
	int rc = check_header(img, a, ret_why);
	if (rc == 0)
		rc = read_segments(img, ret_why);
	if (rc == 0)
		rc = read_dynamic(img, ret_why);
	if (rc == 0)
		rc = elf_index_relocs(img, a, ret_why);
	return rc;
}

/* ---- symbols ---- */

/* Out of the file alone: its length then bounds every walk through a table,
 * which zeros up to a segment's claimed size would not. */
static bool read_table(const struct elf_image *img, uint64_t base, uint64_t offset, void *to,
		       size_t len)
{
	const uint8_t *at = offset <= UINT64_MAX - base ? elf_bytes(img, base + offset, len) : NULL;
	if (at)
		memcpy(to, at, len);
	return at != NULL;
}

bool elf_symbol_at(const struct elf_image *img, uint32_t index, Elf64_Sym *ret)
{
	return read_table(img, img->symbols, (uint64_t)index * sizeof(*ret), ret, sizeof(*ret));
}

/* Is it defined here under this name? */
static bool is_symbol(const struct elf_image *img, uint32_t index, const char *name, Elf64_Sym *ret)
{
	size_t len = strlen(name) + 1;
	if (!elf_symbol_at(img, index, ret) || ret->st_shndx == SHN_UNDEF ||
	    ret->st_name >= img->strings_len || len > img->strings_len - ret->st_name)
		return false;
	/* The whole table was found in the file when the image was opened. */
	const uint8_t *strings = elf_bytes(img, img->strings, img->strings_len);
	return memcmp(strings + ret->st_name, name, len) == 0;
}

static bool read_word(const struct elf_image *img, uint64_t base, uint64_t index, uint32_t *ret)
{
	return read_table(img, base, index * sizeof(*ret), ret, sizeof(*ret));
}

/* Words: buckets, first symbol, words of the filter (8 bytes each), shift; the
 * filter, the buckets, then one word for each symbol from the first on. */
static bool find_by_gnu_hash(const struct elf_image *img, const char *name, Elf64_Sym *ret)
{
	uint32_t buckets, first, filter, index, hash = 5381, word;
	for (const char *c = name; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	if (!read_word(img, img->gnu_hash, 0, &buckets) || buckets == 0 ||
	    !read_word(img, img->gnu_hash, 1, &first) || !read_word(img, img->gnu_hash, 2, &filter))
		return false;
	uint64_t bucket_at = 4 + (uint64_t)filter * 2;
	uint64_t chain_at = bucket_at + buckets;
	if (!read_word(img, img->gnu_hash, bucket_at + hash % buckets, &index) || index < first)
		return false;
	for (;; index++) {
		if (!read_word(img, img->gnu_hash, chain_at + (index - first), &word))
			return false;
		if ((word | 1) == (hash | 1) && is_symbol(img, index, name, ret))
			return true;
		/* The lowest bit ends a bucket's chain. */
		if ((word & 1) || index == UINT32_MAX)
			return false;
	}
}

/* Words: buckets, symbols; the older table is only asked for their number. */
static bool find_by_count(const struct elf_image *img, const char *name, Elf64_Sym *ret)
{
	uint32_t symbols;
	if (!read_word(img, img->hash, 1, &symbols))
		return false;
	for (uint32_t i = 0; i < symbols && elf_symbol_at(img, i, ret); i++) {
		if (is_symbol(img, i, name, ret))
			return true;
	}
	return false;
}

bool elf_symbol(const struct elf_image *img, const char *name, uint64_t *ret_address,
		uint64_t *ret_size)
{
	Elf64_Sym s;
	bool found = img->gnu_hash ? find_by_gnu_hash(img, name, &s)
				   : img->hash && find_by_count(img, name, &s);
	if (!found)
		return false;
	*ret_address = s.st_value;
	*ret_size = s.st_size;
	return true;
}
