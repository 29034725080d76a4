/*
 * The life of the control plane: its loop, its sockets, who may use it.
 *
 * Thread: main starts and stops; the rest as admin_private.h says.
 */
#include "admin/admin.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin_private.h"
#include "base/log.h"
#include "base/utf8.h"
#include "net/census.h"
#include "net/conn.h"
#include "net/listen.h"
#include "work/request.h"

struct admin_sockets {
	struct list link;
	struct sockets *sockets;
};

/* ---- who is it ---- */

static bool get_peer(struct weir_request *req, struct ucred *ret)
{
	socklen_t len = sizeof(*ret);
	int fd = conn_fd((struct request *)(void *)req);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &len) == 0 && ret->uid != (uid_t)-1;
}

bool admin_is_local(struct weir_request *req)
{
	struct ucred peer;
	return get_peer(req, &peer);
}

int64_t admin_peer_uid(struct weir_request *req)
{
	struct ucred peer;
	return get_peer(req, &peer) ? (int64_t)peer.uid : -1;
}

static bool is_in_group(struct weir_request *req, gid_t primary, gid_t group)
{
	gid_t groups[256];
	socklen_t len = sizeof(groups);
	int fd = conn_fd((struct request *)(void *)req);
	if (group == (gid_t)-1)
		return false;
	if (primary == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool admin_may_change(struct weir_request *req)
{
	struct ucred peer;
	if (!get_peer(req, &peer))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() ||
	       is_in_group(req, peer.gid, admin_of(req)->group);
}

/* ---- answers ---- */

json_t *admin_text(const char *text)
{
	json_t *o = text ? json_string(text) : json_null();
	char *copy = o ? NULL : strdup(text);
	if (o || !copy)
		return o;
	utf8_mask(copy, strlen(copy));
	o = json_string(copy);
	free(copy);
	return o;
}

int admin_json(struct weir_response *res, int status, json_t *what)
{
	char *text = what ? json_dumps(what, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
	json_decref(what);
	if (!text)
		return -ENOMEM;
	size_t len = strlen(text);
	text[len] = '\n'; /* over its NUL: it has a length */
	return weir_bytes_take(res, status, "application/json", text, len + 1, free);
}

int admin_refuse(struct weir_response *res, int status, const char *text)
{
	return admin_json(res, status, json_pack("{s:o}", "error", admin_text(text)));
}

/* ---- numbers ---- */

struct admin_totals admin_totals(const struct admin *a)
{
	struct admin_totals t = { 0 };
	for (int i = 0; i < a->view.loop_count; i++) {
		const struct tally *one = &a->view.loops[i].tally;
		t.accepted += counted(&one->accepted);
		t.closed += counted(&one->closed);
		t.bytes_in += counted(&one->bytes_in);
		t.bytes_out += counted(&one->bytes_out);
	}
	return t;
}

void admin_set_state(struct admin *a, enum admin_state state)
{
	if (a)
		atomic_store(&a->state, (int)state);
}

/* ---- start ---- */

static const struct weir_module descriptor = {
	.route_size = sizeof(struct weir_route),
	.name = "weir",
	.routes = WEIR_ROUTES(
		WEIR_GET_INLINE("/healthz", admin_healthz),
		WEIR_GET_INLINE("/readyz", admin_readyz),
		WEIR_GET_INLINE("/metrics", admin_metrics),
		WEIR_GET_INLINE("/status", admin_status), WEIR_GET_INLINE("/calls", admin_calls),
		WEIR_GET_INLINE("/modules", admin_modules),
		WEIR_GET_INLINE("/config", admin_config), WEIR_GET_INLINE("/diff", admin_diff),
		WEIR_GET_INLINE("/reload", admin_reload_get),
		WEIR_ROUTE("POST", "/reload", admin_reload_post, WEIR_INLINE),
		WEIR_ROUTE("POST", "/drain", admin_drain, WEIR_INLINE),
		WEIR_ROUTE("POST,PUT", "/log/level", admin_log_level, WEIR_INLINE),
		WEIR_ROUTE("PUT", "/pools/{pool}/{option}", admin_set_option, WEIR_INLINE)),
};

/* One client of its TCP address cannot take the room of the control socket's, to
 * which connections_per_client does not apply. */
static const char own_conf[] =
	"[server]\nbody_max = 64K\nheader_timeout = 5s\n"
	"body_timeout = 5s\nwrite_timeout = 5s\nkeepalive_timeout = 60s\n"
	"connections_max = 256\nconnections_per_client = 32\n[module weir]\n";

static int make_loop(struct admin *a, struct conf_errors *errs)
{
	struct conf *conf = NULL;
	int rc = conf_load_text("control plane", own_conf, &conf, errs);
	struct generation *gen = rc == 0 ? generation_builtin(conf, &descriptor, a, errs) : NULL;
	if (!gen)
		return -ENOMEM;
	rc = loop_init(&a->loop, 0, gen, 0xad000000U);
	generation_unref(&gen);
	a->loop.readers = a->view.readers;
	a->loop.census = a->census;
	a->loop.thread_name = "weir-control";
	return rc;
}

/* The group of the file can use it; systemd's folder may let others in. */
static int give_to_group(const struct option_text *value, gid_t group, struct conf_errors *errs)
{
	const char *path = value->text + strlen("unix:");
	if (group == (gid_t)-1 || strncmp(value->text, "unix:", 5) != 0)
		return 0;
	if (chown(path, (uid_t)-1, group) == 0)
		return 0;
	conf_error(errs, value->place, "cannot give %s to its group: %s", value->text,
		   strerror(errno));
	return -errno;
}

static int open_one(struct admin *a, const struct option_text *value, struct conf_errors *errs)
{
	struct admin_sockets *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->sockets = sockets_open(value, 1, 0660, errs);
	if (!s->sockets) {
		free(s);
		return -EADDRNOTAVAIL;
	}
	list_add_last(&a->sockets, &s->link);
	sockets_attach(s->sockets, 0, &a->loop);
	return give_to_group(value, a->group, errs);
}

static int open_all(struct admin *a, const struct option_value *listen, struct conf_errors *errs)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	char text[sizeof("unix:/control.sock") + 256];
	struct option_text otherwise = { .text = text };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < listen->count; i++)
		rc = open_one(a, &listen->texts[i], errs);
	if (listen->count > 0 || !folder)
		return rc;
	/* systemd may name several. */
	snprintf(text, sizeof(text), "unix:%.*s/control.sock", (int)strcspn(folder, ":"), folder);
	return open_one(a, &otherwise, errs);
}

static int find_group(struct admin *a, const struct conf_section *section, struct conf_errors *errs)
{
	const char *name = conf_text(section, ADMIN_GROUP);
	a->group = (gid_t)-1;
	if (!name[0])
		return 0;
	const struct group *group = getgrnam(name);
	if (group) {
		a->group = group->gr_gid;
		return 0;
	}
	conf_error(errs, section->set.values[ADMIN_GROUP].place, "group: there is no group '%.64s'",
		   name);
	return -ENOENT;
}

static struct admin *make(const struct admin_view *view)
{
	struct admin *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->pulse = pulse_new(view->loops, view->loop_count);
	a->census = census_new();
	if (!a->pulse || !a->census) {
		census_free(&a->census);
		pulse_free(&a->pulse);
		free(a);
		return NULL;
	}
	a->view = *view;
	a->began = time(NULL);
	a->loop.mailbox.fd = -1;
	list_init(&a->sockets);
	mutex_init(&a->lock, LOCK_ADMIN);
	return a;
}

static void free_sockets(struct admin *a)
{
	struct admin_sockets *s;
	while ((s = list_first(&a->sockets, struct admin_sockets, link)) != NULL) {
		list_remove(&s->link);
		sockets_free(&s->sockets);
		free(s);
	}
}

static void drop(struct admin *a)
{
	if (a->loop.base)
		loop_done(&a->loop);
	free_sockets(a);
	free(a->last_reload);
	mutex_done(&a->lock);
	census_free(&a->census);
	pulse_free(&a->pulse);
	free(a);
}

int admin_start(const struct admin_view *view, const struct conf *conf, struct admin **ret_admin,
		struct conf_errors *errs)
{
	const struct option_value *listen = &conf->admin.set.values[ADMIN_LISTEN];
	*ret_admin = NULL;
	if (listen->count == 0 && !getenv("RUNTIME_DIRECTORY"))
		return 0;
	struct admin *a = make(view);
	if (!a)
		return -ENOMEM;
	int rc = find_group(a, &conf->admin, errs);
	if (rc == 0)
		rc = make_loop(a, errs);
	if (rc == 0)
		rc = open_all(a, listen, errs);
	if (rc == 0)
		rc = loop_start(&a->loop);
	if (rc < 0) {
		drop(a);
		return rc;
	}
	*ret_admin = a;
	return 0;
}

/* ---- stop ---- */

/* Answers under way are written already, or their reader is too slow. */
static void end(struct loop *loop, void *arg)
{
	(void)arg;
	loop->now = clock_now();
	listeners_close(loop);
	conns_close(&loop->conns);
	loop_stop(loop);
}

void admin_stop(struct admin **admin)
{
	struct admin *a = *admin;
	if (!a)
		return;
	loop_post(&a->loop, &a->end, end, NULL);
	must_pt(pthread_join(a->loop.thread, NULL));
	drop(a);
	*admin = NULL;
}
