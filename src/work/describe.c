/*
 * Reading a module's descriptor out of its file and checking everything it
 * says. What the description holds is copied; nothing points into the file.
 *
 * Thread: any; pure but for describe_file. Leaves the ELF format to elf.c and
 * the defaults of options to conf/options.
 */
#include "work/describe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "work/elf.h"
#include "work/pattern.h"

/* What a descriptor may hold at most; far more than any module has. */
enum {
	ROUTES_MAX = 4096,
	OPTIONS_MAX = 1024,
	TEXT_MAX = 4096,
	NAME_MAX_LEN = 64,
};

struct reader {
	struct elf_image img;
	struct arena *a;        /* what the description keeps */
	struct arena scratch;   /* freed at the end */
	struct weir_module mod; /* its numbers; the pointers are not filled in yet */
	uint64_t at;            /* its address */
	struct description out;
	const char *why;
};

/* `why` NULL: there was no memory to say it. */
static int refuse(struct reader *r, const char *why)
{
	r->why = why;
	return why ? ERR_MODULE : ERR_NOMEM;
}

/* ---- texts ---- */

/* Length of the character at `s`, 0 when it is not well-formed UTF-8. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
	static const struct {
		unsigned char mask, lead;
		unsigned min;
	} forms[] = {
		{ 0x80, 0, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
	};
	for (size_t n = 1; n <= array_len(forms); n++) {
		if ((s[0] & forms[n - 1].mask) != forms[n - 1].lead)
			continue;
		unsigned point = s[0] & (unsigned char)~forms[n - 1].mask;
		if (n > len)
			return 0;
		for (size_t i = 1; i < n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (s[i] & 0x3fU);
		}
		bool is_surrogate = point >= 0xd800 && point <= 0xdfff;
		return point < forms[n - 1].min || point > 0x10ffff || is_surrogate ? 0 : n;
	}
	return 0;
}

/* Goes to terminals, logs and JSON as it is. */
static bool is_printable(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	while (len > 0) {
		size_t n = utf8_length(s, len);
		bool is_control =
			s[0] < 0x20 || s[0] == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
		if (n == 0 || is_control)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

static bool is_name(const char *text)
{
	size_t len = strlen(text);
	return len > 0 && len <= NAME_MAX_LEN &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		       len;
}

/* The text a pointer leads to, copied; NULL for a null pointer. `what` names
 * it in the message. */
static int read_text(struct reader *r, uint64_t address, const char *what, const char **ret)
{
	struct elf_pointer p = elf_pointer(&r->img, address);
	if (p.kind == ELF_POINTER_NULL) {
		*ret = NULL;
		return 0;
	}
	if (p.kind == ELF_POINTER_ELSEWHERE)
		return refuse(r, arena_printf(r->a, "%s is a text of another library", what));
	const char *text = NULL;
	long len = p.kind == ELF_POINTER_HERE ? elf_text(&r->img, p.address, TEXT_MAX, &text) : -1;
	if (len < 0)
		return refuse(r, arena_printf(r->a,
					      "damaged: %s is no text within the file, or longer "
					      "than 4096 bytes",
					      what));
	if (!is_printable(text, (size_t)len))
		return refuse(
			r, arena_printf(r->a, "%s has bytes that are not printable UTF-8", what));
	*ret = arena_strndup(r->a, text, (size_t)len);
	return *ret ? 0 : ERR_NOMEM;
}

/* As read_text; "" for a null pointer. */
static int read_text_or_empty(struct reader *r, uint64_t address, const char *what,
			      const char **ret)
{
	int rc = read_text(r, address, what, ret);
	if (rc == 0 && !*ret)
		*ret = "";
	return rc;
}

static int read_name(struct reader *r, uint64_t address, const char *what, const char **ret)
{
	const char *name;
	int rc = read_text(r, address, what, &name);
	if (rc < 0)
		return rc;
	if (name && !is_name(name))
		return refuse(r, arena_printf(r->a,
					      "%s '%.80s' must be 1 to 64 letters, digits, - or _",
					      what, name));
	*ret = name;
	return 0;
}

/* ---- the descriptor itself ---- */

static int check_abi(struct reader *r)
{
	const struct weir_module *m = &r->mod;
	if (m->magic != WEIR_MODULE_MAGIC)
		return refuse(r,
			      "its symbol weir_module is not a module descriptor; define it with "
			      "WEIR_MODULE()");
	if (m->abi_major != WEIR_ABI_MAJOR || m->abi_minor > WEIR_ABI_MINOR)
		return refuse(r,
			      arena_printf(r->a,
					   "built for ABI %u.%u, this daemon has %d.%d: rebuild it "
					   "against this daemon's <weir/module.h>",
					   m->abi_major, m->abi_minor, WEIR_ABI_MAJOR,
					   WEIR_ABI_MINOR));
	return 0;
}

static int check_sizes(struct reader *r, uint64_t symbol_size)
{
	const struct weir_module *m = &r->mod;
	if (symbol_size && symbol_size < m->size)
		return refuse(r, "damaged: its descriptor is larger than its symbol");
	if (m->size < sizeof(struct weir_module) || m->route_size < sizeof(struct weir_route) ||
	    m->option_size < sizeof(struct weir_option) || m->route_size % sizeof(void *) != 0 ||
	    m->option_size % sizeof(void *) != 0)
		return refuse(r, "damaged: its descriptor is smaller than that of its ABI");
	return 0;
}

static int find_descriptor(struct reader *r)
{
	uint64_t size;
	if (!elf_symbol(&r->img, "weir_module", &r->at, &size))
		return refuse(r,
			      "not a Weir module: it exports no symbol weir_module; define it with "
			      "WEIR_MODULE()");
	/* The ABI comes first: of another one, nothing else is known. */
	size_t head = offsetof(struct weir_module, size);
	if (!elf_read(&r->img, r->at, &r->mod, head))
		return refuse(r, "damaged: its descriptor lies outside of the file");
	int rc = check_abi(r);
	if (rc < 0)
		return rc;
	if (!elf_read(&r->img, r->at, &r->mod, sizeof(r->mod)))
		return refuse(r, "damaged: its descriptor lies outside of the file");
	return check_sizes(r, size);
}

static int read_callbacks(struct reader *r)
{
	struct description *d = &r->out;
	const struct {
		size_t offset;
		bool *ret_has;
	} callbacks[] = {
		{ offsetof(struct weir_module, init), &d->has_init },
		{ offsetof(struct weir_module, fini), &d->has_fini },
		{ offsetof(struct weir_module, thread_init), &d->has_thread_init },
		{ offsetof(struct weir_module, thread_fini), &d->has_thread_fini },
		{ offsetof(struct weir_module, check), &d->has_check },
	};
	for (size_t i = 0; i < array_len(callbacks); i++) {
		struct elf_pointer p = elf_pointer(&r->img, r->at + callbacks[i].offset);
		if (p.kind == ELF_POINTER_BAD)
			return refuse(r, "damaged: a callback lies outside of the file");
		*callbacks[i].ret_has = p.kind != ELF_POINTER_NULL;
	}
	return 0;
}

static int read_head(struct reader *r)
{
	struct description *d = &r->out;
	d->abi_major = r->mod.abi_major;
	d->abi_minor = r->mod.abi_minor;
	d->build_id = arena_strdup(r->a, r->img.build_id);
	if (!d->build_id)
		return ERR_NOMEM;
	int rc = read_callbacks(r);
	if (rc == 0)
		rc = read_name(r, r->at + offsetof(struct weir_module, name), "its name", &d->name);
	if (rc == 0 && !d->name)
		return refuse(r, "it has no name: set .name in WEIR_MODULE()");
	if (rc == 0)
		rc = read_text_or_empty(r, r->at + offsetof(struct weir_module, version),
					"its version", &d->version);
	if (rc == 0)
		rc = read_text_or_empty(r, r->at + offsetof(struct weir_module, summary),
					"its summary", &d->summary);
	return rc;
}

/* The elements before the one whose name is NULL. Both kinds of element begin
 * with their name. */
static int count_elements(struct reader *r, uint64_t pointer_at, uint64_t stride, size_t max,
			  const char *what, uint64_t *ret_address, size_t *ret_count)
{
	struct elf_pointer p = elf_pointer(&r->img, pointer_at);
	size_t n = 0;
	if (p.kind == ELF_POINTER_NULL) {
		*ret_count = 0;
		return 0;
	}
	if (p.kind != ELF_POINTER_HERE || p.address > UINT64_MAX - stride * (max + 1))
		return refuse(r,
			      arena_printf(r->a, "damaged: its %s lie outside of the file", what));
	while (n <= max && elf_pointer(&r->img, p.address + n * stride).kind != ELF_POINTER_NULL)
		n++;
	if (n > max)
		return refuse(r, arena_printf(r->a,
					      "damaged: its %s have no end, or are more than %zu",
					      what, max));
	*ret_address = p.address;
	*ret_count = n;
	return 0;
}

/* ---- routes ---- */

static int check_route(struct reader *r, const struct describe_handler *h)
{
	const char *why = NULL;
	struct pattern p;
	if (!h->methods != !h->pattern)
		return refuse(r, arena_printf(r->a, "handler '%s' has %s", h->name,
					      h->methods ? "methods but no pattern"
							 : "a pattern but no methods"));
	if (h->flags & ~(uint32_t)(WEIR_INLINE | WEIR_LIVE_BODY | WEIR_GUNZIP))
		return refuse(r, arena_printf(r->a, "handler '%s' has unknown flags 0x%x", h->name,
					      h->flags));
	if ((h->flags & WEIR_INLINE) && (h->flags & WEIR_LIVE_BODY))
		return refuse(r, arena_printf(r->a,
					      "handler '%s' is inline and has a live body, which "
					      "only a blocking one can wait for",
					      h->name));
	if (!h->methods)
		return 0;
	if (http_methods_parse(h->methods) == 0)
		return refuse(r, arena_printf(r->a, "handler '%s' has bad methods '%.80s'", h->name,
					      h->methods));
	int rc = pattern_parse(&p, "", h->pattern, &r->scratch, &why);
	if (rc == ERR_SYNTAX)
		return refuse(r, arena_printf(r->a, "handler '%s' has a bad pattern '%.80s': %s",
					      h->name, h->pattern, why));
	return rc;
}

static int read_route(struct reader *r, uint64_t at, struct describe_handler *ret)
{
	struct describe_handler h = { 0 };
	int rc = read_name(r, at + offsetof(struct weir_route, name), "a handler's name", &h.name);
	if (rc == 0)
		rc = read_text(r, at + offsetof(struct weir_route, methods), "a route's methods",
			       &h.methods);
	if (rc == 0)
		rc = read_text(r, at + offsetof(struct weir_route, pattern), "a route's pattern",
			       &h.pattern);
	if (rc < 0)
		return rc;
	enum elf_pointer_kind fn =
		elf_pointer(&r->img, at + offsetof(struct weir_route, handler)).kind;
	if (fn == ELF_POINTER_NULL || fn == ELF_POINTER_BAD)
		return refuse(r, arena_printf(r->a, "handler '%s' has no function", h.name));
	if (!elf_read(&r->img, at + offsetof(struct weir_route, flags), &h.flags, sizeof(h.flags)))
		return refuse(r, "damaged: its routes lie outside of the file");
	rc = check_route(r, &h);
	if (rc == 0)
		*ret = h;
	return rc;
}

static int read_routes(struct reader *r)
{
	uint64_t at = 0;
	size_t count;
	int rc = count_elements(r, r->at + offsetof(struct weir_module, routes), r->mod.route_size,
				ROUTES_MAX, "routes", &at, &count);
	if (rc < 0)
		return rc;
	r->out.handlers = arena_zalloc(r->a, count * sizeof(*r->out.handlers));
	if (!r->out.handlers)
		return ERR_NOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = read_route(r, at + i * r->mod.route_size, &r->out.handlers[i]);
	r->out.handler_count = count;
	return rc;
}

/* ---- options ---- */

static const uint32_t option_flags =
	WEIR_REQUIRED | WEIR_SECRET | WEIR_REPEATED | WEIR_OR_AUTO | WEIR_OR_INF | WEIR_OR_OFF;

/* What is wrong with an option, NULL for nothing. */
static const char *fault(const struct weir_option *o)
{
	bool is_text = o->type == WEIR_STRING || o->type == WEIR_PATH;
	if (o->type < WEIR_STRING || o->type > WEIR_CHOICE)
		return "is of an unknown type";
	if (o->flags & ~option_flags)
		return "has unknown flags";
	if ((o->flags & WEIR_REPEATED) && !is_text)
		return "is repeated, which only strings and paths can be";
	if (o->min > o->max)
		return "has its min above its max";
	if (o->type == WEIR_CHOICE && (!o->choices || !*o->choices))
		return "is a choice without choices";
	return NULL;
}

static int check_option(struct reader *r, const struct weir_option *o, size_t index)
{
	const char *why = fault(o);
	for (size_t i = 0; i < index && !why; i++) {
		if (strcmp(r->out.options[i].name, o->name) == 0)
			why = "stands twice";
	}
	return why ? refuse(r, arena_printf(r->a, "option '%s' %s", o->name, why)) : 0;
}

static int read_option(struct reader *r, uint64_t at, size_t index)
{
	struct weir_option o;
	if (!elf_read(&r->img, at, &o, sizeof(o)))
		return refuse(r, "damaged: its options lie outside of the file");
	o.name = o.value = o.choices = o.help = NULL;
	int rc = read_name(r, at + offsetof(struct weir_option, name), "an option's name", &o.name);
	if (rc == 0)
		rc = read_text(r, at + offsetof(struct weir_option, value), "an option's default",
			       &o.value);
	if (rc == 0)
		rc = read_text(r, at + offsetof(struct weir_option, choices), "an option's choices",
			       &o.choices);
	if (rc == 0)
		rc = read_text_or_empty(r, at + offsetof(struct weir_option, help),
					"an option's help", &o.help);
	if (rc == 0)
		rc = check_option(r, &o, index);
	if (rc == 0)
		r->out.options[index] = o;
	return rc;
}

static int read_options(struct reader *r)
{
	uint64_t at = 0;
	size_t count;
	int rc = count_elements(r, r->at + offsetof(struct weir_module, options),
				r->mod.option_size, OPTIONS_MAX, "options", &at, &count);
	if (rc < 0)
		return rc;
	r->out.options = arena_zalloc(r->a, (count + 1) * sizeof(*r->out.options));
	if (!r->out.options)
		return ERR_NOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = read_option(r, at + i * r->mod.option_size, i);
	r->out.option_count = count;
	return rc;
}

/* ---- all of it ---- */

int describe_image(const void *data, size_t len, struct arena *a, struct description *ret,
		   const char **ret_why)
{
	struct reader r = { .a = a };
	arena_init(&r.scratch);
	int rc = elf_open(&r.img, data, len, &r.scratch, &r.why);
	if (rc == ERR_MODULE)
		rc = refuse(&r, arena_strdup(a, r.why));
	if (rc == 0)
		rc = find_descriptor(&r);
	if (rc == 0)
		rc = read_head(&r);
	if (rc == 0)
		rc = read_routes(&r);
	if (rc == 0)
		rc = read_options(&r);
	arena_done(&r.scratch);
	if (rc == 0)
		*ret = r.out;
	else if (rc == ERR_MODULE)
		*ret_why = r.why;
	return rc;
}

static int no_file(struct arena *a, const char *what, int err, const char **ret_why)
{
	const char *why = arena_printf(a, "%s: %s", what, strerror(err));
	if (!why)
		return ERR_NOMEM;
	*ret_why = why;
	return ERR_MODULE;
}

int describe_fd(int fd, struct arena *a, struct description *ret, const char **ret_why)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return no_file(a, "cannot look at the file", errno, ret_why);
	if (!S_ISREG(st.st_mode)) {
		*ret_why = "not a regular file";
		return ERR_MODULE;
	}
	if (st.st_size == 0) {
		*ret_why = "the file is empty";
		return ERR_MODULE;
	}
	size_t len = (size_t)st.st_size;
	void *data = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return no_file(a, "cannot map the file", errno, ret_why);
	int rc = describe_image(data, len, a, ret, ret_why);
	munmap(data, len);
	return rc;
}

int describe_file(const char *path, struct arena *a, struct description *ret, const char **ret_why)
{
	/* Without waiting: the path may name a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return no_file(a, "cannot open the file", errno, ret_why);
	int rc = describe_fd(fd, a, ret, ret_why);
	close(fd);
	return rc;
}
