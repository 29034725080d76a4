/*
 * From options of [server] to what the front end asks for.
 *
 * Thread: main builds, any reads.
 */
#include "work/front.h"

#include "base/err.h"

static int read_trusted(struct cidr_list *ret, const struct option_value *v, struct arena *a)
{
	ret->list = arena_alloc(a, (v->count + 1) * sizeof(*ret->list));
	if (!ret->list)
		return ERR_NOMEM;
	for (size_t i = 0; i < v->count; i++) {
		if (cidr_parse(v->texts[i].text, &ret->list[ret->count]) == 0)
			ret->count++; /* else conf_check has complained of it */
	}
	return 0;
}

int front_read(struct front *f, const struct conf_section *server, struct arena *a)
{
	*f = (struct front){ .believed = (enum http_forwarded)conf_int(server, SERVER_FORWARDED) };
	return read_trusted(&f->trusted, &server->set.values[SERVER_TRUSTED], a);
}
