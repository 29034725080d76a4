/*
 * From options of [server] to what the front end asks for.
 *
 * Thread: main builds, any reads.
 */
#include "work/front.h"

#include "base/err.h"

static int read_trusted(struct front *f, const struct option_value *v, struct arena *a)
{
	f->trusted = arena_alloc(a, (v->count + 1) * sizeof(*f->trusted));
	if (!f->trusted)
		return ERR_NOMEM;
	for (size_t i = 0; i < v->count; i++) {
		if (cidr_parse(v->texts[i].text, &f->trusted[f->trusted_count]) == 0)
			f->trusted_count++; /* else conf_check has complained of it */
	}
	return 0;
}

int front_read(struct front *f, const struct conf_section *server, struct arena *a)
{
	*f = (struct front){ 0 };
	return read_trusted(f, &server->set.values[SERVER_TRUSTED], a);
}

bool front_trusts(const struct front *f, const struct addr *a)
{
	for (size_t i = 0; i < f->trusted_count; i++) {
		if (cidr_holds(&f->trusted[i], a))
			return true;
	}
	return false;
}
