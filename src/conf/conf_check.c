/*
 * What must hold beyond single values: addresses, values that limit each other,
 * names that must exist. One function a kind of section.
 *
 * Thread: boot and reload; reads only.
 */
#include <string.h>

#include "base/addr.h"
#include "base/err.h"
#include "base/near.h"
#include "base/parse.h"
#include "conf/address.h"
#include "conf/conf_private.h"

static void check_listen(const struct conf_section *server, struct conf_errors *errs)
{
	const struct option_value *v = &server->set.values[SERVER_LISTEN];
	bool has_trusted = server->set.values[SERVER_TRUSTED].count > 0;
	for (size_t i = 0; i < v->count; i++) {
		const struct option_text *t = &v->texts[i];
		struct address a = address_read(t->text), other;
		if (a.error)
			conf_error(errs, t->place, "listen: '%.128s' %s", t->text, a.error);
		else if (a.announces && !a.is_unix && !has_trusted)
			conf_error(errs, t->place,
				   "listen: nobody may send the PROXY protocol here; name the "
				   "addresses of proxies with trusted");
		for (size_t j = 0; j < i; j++) {
			other = address_read(v->texts[j].text);
			if (strcmp(a.text, other.text) == 0)
				conf_error(errs, t->place,
					   "listen: '%.128s' stands here a second time; the first "
					   "is at "
					   "%s:%u",
					   t->text, v->texts[j].place.file, v->texts[j].place.line);
		}
	}
}

static void check_admin(const struct conf_section *admin, struct conf_errors *errs)
{
	const struct option_value *v = &admin->set.values[ADMIN_LISTEN];
	for (size_t i = 0; i < v->count; i++) {
		struct address a = address_read(v->texts[i].text);
		if (a.error)
			conf_error(errs, v->texts[i].place, "listen: '%.128s' %s", v->texts[i].text,
				   a.error);
		else if (a.announces || a.is_passed)
			conf_error(errs, v->texts[i].place,
				   "listen: the control plane takes HOST:PORT, [IPV6]:PORT and "
				   "unix:/PATH");
	}
}

static void check_ranges(const char *name, const struct option_value *v, struct conf_errors *errs)
{
	for (size_t i = 0; i < v->count; i++) {
		const struct option_text *t = &v->texts[i];
		struct cidr ignored;
		int rc = cidr_parse(t->text, &ignored);
		if (rc == ERR_RANGE)
			conf_error(errs, t->place,
				   "%s: '%.64s' has more bits than its prefix, or a prefix "
				   "that is too long",
				   name, t->text);
		else if (rc < 0)
			conf_error(errs, t->place,
				   "%s: '%.64s' is no address, no ADDRESS/BITS and not unix", name,
				   t->text);
	}
}

/* SCHEME://HOST or SCHEME://HOST:PORT as browsers write it; what is wrong, or
 * NULL. */
static const char *check_origin(const char *text)
{
	static const char schemes[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
	size_t scheme = strspn(text, schemes);
	const char *host = text + scheme + 3;
	if (strcmp(text, "*") == 0)
		return NULL;
	if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0 || *host == '\0')
		return "is no origin: write SCHEME://HOST, SCHEME://HOST:PORT or *";
	if (host[strcspn(host, "/?#@*\\ \t")] != '\0')
		return "has more than a host and a port";
	for (const char *c = host; *c; c++) {
		if (*c <= ' ' || *c >= 0x7f || (*c >= 'A' && *c <= 'Z'))
			return "has characters that browsers write in another way; use lower case "
			       "and, of other alphabets, xn--";
	}
	const char *port = strrchr(host, ':');
	if (port && ((strncmp(text, "https:", 6) == 0 && strcmp(port, ":443") == 0) ||
		     (strncmp(text, "http:", 5) == 0 && strcmp(port, ":80") == 0)))
		return "has the usual port, which browsers leave out";
	return NULL;
}

static void check_rules(const struct conf_section *s, size_t allow, size_t cors,
			struct conf_errors *errs)
{
	const struct option_value *v = &s->set.values[cors];
	check_ranges("allow", &s->set.values[allow], errs);
	for (size_t i = 0; i < v->count; i++) {
		const char *why = check_origin(v->texts[i].text);
		if (why)
			conf_error(errs, v->texts[i].place, "cors_origin: '%.128s' %s",
				   v->texts[i].text, why);
	}
}

static void check_server(const struct conf_section *s, struct conf_errors *errs)
{
	check_listen(s, errs);
	check_ranges("trusted", &s->set.values[SERVER_TRUSTED], errs);
	check_rules(s, SERVER_ALLOW, SERVER_CORS_ORIGIN, errs);
	int64_t head = conf_int(s, SERVER_HEAD_MAX), target = conf_int(s, SERVER_TARGET_MAX);
	char head_text[UNIT_TEXT_SIZE], target_text[UNIT_TEXT_SIZE];
	if (target > head) {
		size_t given =
			conf_is_given(s, SERVER_TARGET_MAX) ? SERVER_TARGET_MAX : SERVER_HEAD_MAX;
		conf_error(errs, s->set.values[given].place,
			   "target_max, %s, is above head_max, %s", size_text(target, target_text),
			   size_text(head, head_text));
	}
}

/* An empty name stands for another section's choice. */
static void check_pool_name(const struct conf *conf, const struct conf_section *s, size_t index,
			    struct conf_errors *errs)
{
	const char *name = conf_text(s, index);
	if (!conf_is_given(s, index) || (s->kind == SECTION_ROUTE && name[0] == '\0') ||
	    conf_pool(conf, name))
		return;
	struct near near;
	near_init(&near, name);
	for (size_t i = 0; i < conf->pool_count; i++)
		near_offer(&near, conf->pools[i].name);
	conf_error(errs, s->set.values[index].place, "%s: there is no section [pool %.64s]%s%s%s",
		   s->set.defs[index].name, name, near.best ? "; did you mean '" : "",
		   near.best ? near.best : "", near.best ? "'?" : "");
}

static void check_pool(const struct conf_section *s, struct conf_errors *errs)
{
	int64_t tokens = conf_int(s, POOL_THREAD_TOKENS), max = conf_int(s, POOL_THREADS_MAX);
	if (max == WEIR_AUTO || max >= tokens)
		return;
	conf_error(errs, s->set.values[POOL_THREADS_MAX].place,
		   "threads_max, %lld, is below thread_tokens, %lld; every token needs a thread",
		   (long long)max, (long long)tokens);
}

/* A reserve above the bound could never be used. */
static void check_share(const struct conf_section *s, size_t max, size_t reserve,
			struct conf_errors *errs)
{
	if (!conf_is_given(s, max) || !conf_is_given(s, reserve) ||
	    conf_int(s, reserve) <= conf_int(s, max))
		return;
	conf_error(errs, s->set.values[reserve].place,
		   "tokens_reserve, %lld, is above tokens_max, %lld",
		   (long long)conf_int(s, reserve), (long long)conf_int(s, max));
}

static void check_module(const struct conf *conf, const struct conf_section *s,
			 struct conf_errors *errs)
{
	if (conf_text(s, MODULE_MOUNT)[0] != '/')
		conf_error(errs, s->set.values[MODULE_MOUNT].place, "mount: must begin with '/'");
	check_pool_name(conf, s, MODULE_POOL, errs);
	check_pool_name(conf, s, MODULE_BACKGROUND_POOL, errs);
	check_share(s, MODULE_TOKENS_MAX, MODULE_TOKENS_RESERVE, errs);
}

static void check_route(const struct conf *conf, const struct conf_section *s,
			struct conf_errors *errs)
{
	check_pool_name(conf, s, ROUTE_POOL, errs);
	check_pool_name(conf, s, ROUTE_BACKGROUND_POOL, errs);
	check_share(s, ROUTE_TOKENS_MAX, ROUTE_TOKENS_RESERVE, errs);
	check_rules(s, ROUTE_ALLOW, ROUTE_CORS_ORIGIN, errs);
	if (conf_is_given(s, ROUTE_REDIRECT) && conf_is_given(s, ROUTE_HANDLER))
		conf_error(errs, s->set.values[ROUTE_REDIRECT].place,
			   "redirect: the route has a handler, too; leave one of them out");
}

static void check_static(const struct conf_section *s, struct conf_errors *errs)
{
	const char *index = conf_text(s, STATIC_INDEX), *fallback = conf_text(s, STATIC_FALLBACK);
	option_set_require(&s->set, s->place, errs);
	check_rules(s, STATIC_ALLOW, STATIC_CORS_ORIGIN, errs);
	if (index[0] == '\0' || strchr(index, '/'))
		conf_error(errs, s->set.values[STATIC_INDEX].place,
			   "index: give the name of a file, without a slash");
	if (fallback[0] == '/')
		conf_error(errs, s->set.values[STATIC_FALLBACK].place,
			   "fallback: the path is below root and does not begin with '/'");
}

void conf_check(const struct conf *conf, struct conf_errors *errs)
{
	check_server(&conf->server, errs);
	check_admin(&conf->admin, errs);
	for (size_t i = 0; i < conf->pool_count; i++)
		check_pool(&conf->pools[i], errs);
	for (size_t i = 0; i < conf->module_count; i++)
		check_module(conf, &conf->modules[i], errs);
	for (size_t i = 0; i < conf->route_count; i++)
		check_route(conf, &conf->routes[i], errs);
	for (size_t i = 0; i < conf->static_count; i++)
		check_static(&conf->statics[i], errs);
}
