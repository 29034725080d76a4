/*
 * One value of an option: from text, checked against its definition, with
 * errors that say what would be right; and back to text.
 *
 * Thread: boot and reload.
 */
#include "conf/options.h"
#include "conf/cred.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/near.h"
#include "base/parse.h"

/* A hundred years: far from what overflows when counted in nanoseconds. */
#define DURATION_MAX (36500 * INT64_C(86400000))

/* Numbers next to WEIR_AUTO, WEIR_OFF and WEIR_INF must not be taken for them. */
#define NUMBER_MIN (WEIR_OFF + 1)
#define NUMBER_MAX (WEIR_INF - 1)

enum { SHOWN_BYTES = 64 };

static const struct {
	const char *word;
	uint32_t flag;
	int64_t num;
} words[] = {
	{ "auto", WEIR_OR_AUTO, WEIR_AUTO },
	{ "inf", WEIR_OR_INF, WEIR_INF },
	{ "off", WEIR_OR_OFF, WEIR_OFF },
};

static bool is_number(const struct weir_option *def)
{
	return def->type == WEIR_INT || def->type == WEIR_SIZE || def->type == WEIR_DURATION;
}

static int64_t most(const struct weir_option *def)
{
	return def->type == WEIR_DURATION ? DURATION_MAX : NUMBER_MAX;
}

void option_range(const struct weir_option *def, int64_t *ret_min, int64_t *ret_max)
{
	bool is_open = def->min == 0 && def->max == 0;
	*ret_min = def->min < NUMBER_MIN ? NUMBER_MIN : def->min;
	*ret_max = is_open || def->max > most(def) ? most(def) : def->max;
}

const char *option_number_text(const struct weir_option *def, int64_t num, struct arena *a)
{
	char unit[UNIT_TEXT_SIZE];
	for (size_t i = 0; i < array_len(words); i++) {
		if (num == words[i].num)
			return words[i].word;
	}
	switch (def->type) {
	case WEIR_SIZE:
		return arena_strdup(a, size_text(num, unit));
	case WEIR_DURATION:
		return arena_strdup(a, duration_text(num, unit));
	case WEIR_BOOL:
		return num ? "yes" : "no";
	default:
		return arena_printf(a, "%" PRId64, num);
	}
}

/* A value as an error shows it: not endless, not a secret. */
static const char *shown(const struct weir_option *def, const char *text, char *to)
{
	if (def->flags & WEIR_SECRET)
		return "the value";
	size_t len = strlen(text);
	const char *dots = "";
	if (len > SHOWN_BYTES - 8) {
		dots = "…";
		len = SHOWN_BYTES - 8;
		while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	snprintf(to, SHOWN_BYTES, "'%.*s%s'", (int)len, text, dots);
	return to;
}

static const char *range_text(const struct weir_option *def, struct arena *a)
{
	int64_t min, max;
	option_range(def, &min, &max);
	const char *low = option_number_text(def, min, a);
	const char *high = option_number_text(def, max, a);
	if (!low || !high)
		return NULL;
	return max == NUMBER_MAX ? arena_printf(a, "%s or more", low)
				 : arena_printf(a, "%s to %s", low, high);
}

const char *option_wanted(const struct weir_option *def, struct arena *a)
{
	const char *text = is_number(def)             ? range_text(def, a)
			   : def->type == WEIR_BOOL   ? "yes or no"
			   : def->type == WEIR_PATH   ? "a path"
			   : def->type != WEIR_CHOICE ? "text"
			   : def->choices             ? arena_printf(a, "one of %s", def->choices)
						      : "nothing";
	for (size_t i = 0; i < array_len(words) && text; i++) {
		if (def->flags & words[i].flag)
			text = arena_printf(a, "%s, or %s", text, words[i].word);
	}
	return text;
}

static void bad_number(const struct weir_option *def, int rc, const char *text,
		       struct conf_place place, struct conf_errors *errs)
{
	char value[SHOWN_BYTES];
	const char *what = shown(def, text, value);
	if (rc == ERR_UNIT) {
		conf_error(errs, place, "%s: %s needs a unit, one of %s", def->name, what,
			   def->type == WEIR_SIZE ? PARSE_SIZE_UNITS : PARSE_DURATION_UNITS);
		return;
	}
	struct arena a;
	arena_init(&a);
	const char *wanted = option_wanted(def, &a);
	const char *why = rc == ERR_RANGE          ? "is out of range"
			  : def->type == WEIR_INT  ? "is not a whole number"
			  : def->type == WEIR_SIZE ? "is not a size"
						   : "is not a duration";
	conf_error(errs, place, "%s: %s %s; give %s", def->name, what, why,
		   wanted ? wanted : "another one");
	arena_done(&a);
}

/* A word that other options know and this one does not. */
static void bad_word(const struct weir_option *def, const char *word, struct conf_place place,
		     struct conf_errors *errs)
{
	const char *noun = def->type == WEIR_INT    ? "a number"
			   : def->type == WEIR_SIZE ? "a size"
						    : "a duration";
	const char *other = "", *joint = "";
	for (size_t i = 0; i < array_len(words); i++) {
		if (def->flags & words[i].flag) {
			other = words[i].word;
			joint = " or ";
		}
	}
	conf_error(errs, place, "%s: %s is not available; give %s%s%s", def->name, word, noun,
		   joint, other);
}

static int number(const struct weir_option *def, const char *text, int64_t *ret_num)
{
	int64_t num = 0, min, max;
	int rc = def->type == WEIR_INT    ? parse_int(text, &num)
		 : def->type == WEIR_SIZE ? parse_size(text, &num)
					  : parse_duration(text, &num);
	option_range(def, &min, &max);
	if (rc == 0 && (num < min || num > max))
		rc = ERR_RANGE;
	if (rc == 0)
		*ret_num = num;
	return rc;
}

static void set_number(struct option_value *v, const struct weir_option *def, const char *text,
		       struct conf_place place, struct conf_errors *errs)
{
	for (size_t i = 0; i < array_len(words); i++) {
		if (strcmp(text, words[i].word) == 0) {
			bad_word(def, text, place, errs);
			return;
		}
	}
	int rc = number(def, text, &v->num);
	if (rc < 0)
		bad_number(def, rc, text, place, errs);
}

static void set_bool(struct option_value *v, const struct weir_option *def, const char *text,
		     struct conf_place place, struct conf_errors *errs)
{
	char value[SHOWN_BYTES];
	bool flag;
	if (parse_bool(text, &flag) < 0)
		conf_error(errs, place, "%s: %s is neither yes nor no", def->name,
			   shown(def, text, value));
	else
		v->num = flag;
}

static int set_choice(struct option_value *v, const struct weir_option *def, const char *text,
		      struct conf_place place, struct arena *a, struct conf_errors *errs)
{
	char *list = arena_strdup(a, def->choices ? def->choices : "");
	char *rest, value[SHOWN_BYTES];
	if (!list)
		return ERR_NOMEM;
	struct near near;
	near_init(&near, text);
	int64_t index = 0;
	for (char *w = strtok_r(list, " ", &rest); w; w = strtok_r(NULL, " ", &rest), index++) {
		if (strcmp(w, text) == 0) {
			v->num = index;
			v->text = w;
			return 0;
		}
		near_offer(&near, w);
	}
	conf_error(errs, place, "%s: %s is none of %s%s%s%s", def->name, shown(def, text, value),
		   def->choices ? def->choices : "no choices", near.best ? "; did you mean '" : "",
		   near.best ? near.best : "", near.best ? "'?" : "");
	return 0;
}

/* What a text or path is kept as; NULL when memory is out. */
static const char *kept_text(const struct weir_option *def, const char *text, const char *folder,
			     struct arena *a)
{
	if (def->type != WEIR_PATH || text[0] == '/' || text[0] == '\0' || folder[0] == '\0')
		return arena_strdup(a, text);
	const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
	return arena_printf(a, "%s%s%s", folder, slash, text);
}

static int add_text(struct option_value *v, const char *text, struct conf_place place,
		    struct arena *a)
{
	/* Grows by doubling: at each power of two the list is full. */
	if ((v->count & (v->count - 1)) == 0) {
		size_t room = v->count ? v->count * 2 : 1;
		struct option_text *texts = arena_alloc(a, room * sizeof(*texts));
		if (!texts)
			return ERR_NOMEM;
		if (v->count)
			memcpy(texts, v->texts, v->count * sizeof(*texts));
		v->texts = texts;
	}
	v->texts[v->count++] = (struct option_text){ .text = text, .place = place };
	v->text = v->texts[0].text;
	return 0;
}

static int set_text(struct option_value *v, const struct weir_option *def, const char *text,
		    struct conf_place place, const char *folder, struct arena *a,
		    struct conf_errors *errs)
{
	const char *kept = kept_text(def, text, folder, a);
	if (!kept)
		return ERR_NOMEM;
	if (def->type == WEIR_PATH && strlen(kept) >= PATH_MAX)
		conf_error(errs, place, "%s: the path is too long", def->name);
	else if (def->flags & WEIR_REPEATED)
		return add_text(v, kept, place, a);
	else
		v->text = kept;
	return 0;
}

/* True when `text` is a word that the option allows beside its type. */
static bool set_word(struct option_value *v, const struct weir_option *def, const char *text)
{
	for (size_t i = 0; i < array_len(words); i++) {
		if ((def->flags & words[i].flag) && strcmp(text, words[i].word) == 0) {
			v->num = words[i].num;
			v->text = is_number(def) || def->type == WEIR_BOOL ? "" : words[i].word;
			return true;
		}
	}
	return false;
}

static int set_typed(struct option_value *v, const struct weir_option *def, const char *text,
		     struct conf_place place, const char *folder, struct arena *a,
		     struct conf_errors *errs)
{
	if (is_number(def)) {
		set_number(v, def, text, place, errs);
		return 0;
	}
	if (def->type == WEIR_BOOL) {
		set_bool(v, def, text, place, errs);
		return 0;
	}
	if (def->type == WEIR_CHOICE)
		return set_choice(v, def, text, place, a, errs);
	v->num = 0;
	return set_text(v, def, text, place, folder, a, errs);
}

static int set_value(struct option_set *set, size_t index, const char *text,
		     struct conf_place place, const char *folder, struct arena *a,
		     struct conf_errors *errs)
{
	const struct weir_option *def = &set->defs[index];
	struct option_value *v = &set->values[index];
	if (!(def->flags & WEIR_REPEATED) && set_word(v, def, text))
		return 0;
	return set_typed(v, def, text, place, folder, a, errs);
}

/* What stands in the credential takes the place of its name, but nobody shows it:
 * an error that quotes it is told in other words. */
static int set_credential(struct option_set *set, size_t index, const char *name,
			  struct conf_place place, const char *folder, struct arena *a,
			  struct conf_errors *errs)
{
	const struct weir_option *def = &set->defs[index];
	struct option_value *v = &set->values[index];
	struct conf_errors hidden;
	const char *text = NULL, *why = NULL;
	int rc = cred_read(name + strlen(CRED_MARK), a, &text, &why);
	if (rc == ERR_NOMEM)
		return rc;
	if (rc < 0) {
		conf_error(errs, place, "%s: %s: %s", def->name, name, why);
		return 0;
	}
	conf_errors_hide(errs, text, name);
	conf_errors_init(&hidden);
	rc = set_value(set, index, text, place, folder, a, &hidden);
	if (hidden.count > 0 || hidden.lost > 0)
		conf_error(errs, place, "%s: what %s holds cannot be its value", def->name, name);
	conf_errors_done(&hidden);
	char *cred = arena_strdup(a, name);
	if (def->flags & WEIR_REPEATED && v->count > 0)
		v->texts[v->count - 1].cred = cred;
	else
		v->cred = cred;
	return cred ? rc : ERR_NOMEM;
}

int option_set_value(struct option_set *set, size_t index, const char *text,
		     struct conf_place value_place, const char *folder, struct arena *a,
		     struct conf_errors *errs)
{
	must(index < set->count);
	const struct weir_option *def = &set->defs[index];
	struct option_value *v = &set->values[index];
	bool is_repeated = def->flags & WEIR_REPEATED;
	if (v->place.file && !is_repeated) {
		struct conf_place key = value_place;
		key.column = 1;
		conf_error(errs, key, "key '%s' stands here a second time; the first is at %s:%u",
			   def->name, v->place.file, v->place.line);
		return 0;
	}
	if (!v->place.file) {
		v->count = 0; /* of the default */
		v->place = value_place;
		v->cred = NULL;
	}
	if (strncmp(text, CRED_MARK, strlen(CRED_MARK)) == 0)
		return set_credential(set, index, text, value_place, folder, a, errs);
	return set_value(set, index, text, value_place, folder, a, errs);
}

const char *option_text(const struct option_set *set, size_t index, size_t i, struct arena *a)
{
	must(index < set->count);
	const struct weir_option *def = &set->defs[index];
	const struct option_value *v = &set->values[index];
	bool is_set = v->place.file || def->value;
	if (!is_set)
		return "";
	if (v->cred)
		return v->cred;
	if (def->flags & WEIR_REPEATED && i < v->count && v->texts[i].cred)
		return v->texts[i].cred;
	if (def->flags & WEIR_SECRET)
		return "********";
	if (def->flags & WEIR_REPEATED)
		return i < v->count ? v->texts[i].text : "";
	if (is_number(def) || def->type == WEIR_BOOL)
		return option_number_text(def, v->num, a);
	return v->text;
}
