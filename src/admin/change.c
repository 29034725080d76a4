/*
 * What changes the running daemon.
 *
 * Thread: the control loop's; admin_reloaded main's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/admin_private.h"
#include "base/log.h"

static bool is_allowed(struct weir_request *req, struct weir_response *res, int *ret_status)
{
	if (!admin_is_local(req))
		*ret_status = weir_error(res, 404, "There is no such thing on this address.");
	else if (!admin_may_change(req))
		*ret_status = admin_refuse(
			res, 403, "only root, the daemon's own user and the group of [admin] may");
	else
		return true;
	return false;
}

/* The body without white space around it, and without what an INI file would
 * not have. NULL: it cannot be a value. */
static const char *value_of(struct weir_request *req)
{
	size_t len;
	const char *body = weir_body(req, &len);
	if (!body || memchr(body, '\0', len))
		return NULL;
	while (len > 0 && strchr(" \t\r\n", body[len - 1]))
		len--;
	while (len > 0 && strchr(" \t", *body)) {
		body++;
		len--;
	}
	return len > 0 && len < 256 ? weir_printf(req, "%.*s", (int)len, body) : NULL;
}

int admin_set_option(struct weir_request *req, struct weir_response *res)
{
	int status;
	if (!is_allowed(req, res, &status))
		return status;
	struct admin *a = admin_of(req);
	const char *pool = weir_param(req, "pool"), *option = weir_param(req, "option");
	const char *value = value_of(req);
	char why[256] = "the body is the value, as it would stand in the file";
	struct generation *gen = generation_current(a->view.host);
	int rc = !gen    ? -EAGAIN
		 : value ? pools_set_option(a->view.host->pools, gen->conf, pool, option, value,
					    why, sizeof(why))
			 : -EINVAL;
	generation_unref(&gen);
	if (rc == -ENOENT)
		return admin_refuse(res, 404, why);
	if (rc == -EAGAIN)
		return admin_refuse(res, 503, "the daemon is still starting");
	if (rc < 0)
		return admin_refuse(res, rc == -ENOMEM ? 500 : 422, why);
	log_notice("[pool %s] %s = %s, until the next reload (set by uid %lld)", pool, option,
		   value, (long long)admin_peer_uid(req));
	return admin_json(res, 200,
			  json_pack("{s:s, s:s, s:o}", "pool", pool, "option", option, "value",
				    admin_text(value)));
}

int admin_log_level(struct weir_request *req, struct weir_response *res)
{
	int status;
	if (!is_allowed(req, res, &status))
		return status;
	const char *value = value_of(req);
	int level = value ? log_level_of(value) : -1;
	if (level < 0)
		return admin_refuse(res, 422,
				    "the body is one of error, warning, notice, info, debug");
	log_set_level((enum log_level)level);
	log_notice("log_level = %s, until the next reload", value);
	return admin_json(res, 200, json_pack("{s:s}", "log_level", value));
}

int admin_drain(struct weir_request *req, struct weir_response *res)
{
	int status;
	if (!is_allowed(req, res, &status))
		return status;
	struct admin *a = admin_of(req);
	a->view.drain(a->view.ctx);
	return admin_json(res, 202, json_pack("{s:s}", "state", "draining"));
}

/* ---- reload ---- */

int admin_reload_post(struct weir_request *req, struct weir_response *res)
{
	int status;
	if (!is_allowed(req, res, &status))
		return status;
	struct admin *a = admin_of(req);
	uint64_t ticket = a->view.reload(a->view.ctx);
	return admin_json(res, 202, json_pack("{s:I}", "ticket", (json_int_t)ticket));
}

int admin_reload_get(struct weir_request *req, struct weir_response *res)
{
	if (!admin_is_local(req))
		return weir_error(res, 404, "There is no such thing on this address.");
	struct admin *a = admin_of(req);
	mutex_lock(&a->lock);
	int rc = weir_json(res, 200, a->last_reload ? a->last_reload : "{}\n");
	mutex_unlock(&a->lock);
	return rc;
}

static json_t *place_of(struct conf_place place)
{
	char *text = NULL;
	if (!place.file || place.line == 0) /* the file as a whole */
		return admin_text(place.file);
	if (asprintf(&text, "%s:%u:%u", place.file, place.line, place.column) < 0)
		return NULL;
	json_t *o = admin_text(text);
	free(text);
	return o;
}

static json_t *errors_of(const struct conf_errors *errs)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < errs->count; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "place",
						      place_of(errs->list[i].place), "message",
						      admin_text(errs->list[i].message)));
	return list;
}

json_t *admin_changes(const struct conf_changes *changes)
{
	json_t *list = json_array();
	for (size_t i = 0; list && i < changes->count; i++) {
		const struct conf_change *c = &changes->list[i];
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:o, s:o, s:b, s:o}", "section",
						admin_text(c->section), "key", admin_text(c->key),
						"was", admin_text(c->was), "is", admin_text(c->is),
						"needs_restart", (int)c->needs_restart, "place",
						place_of(c->place)));
	}
	return list;
}

int admin_diff(struct weir_request *req, struct weir_response *res)
{
	if (!admin_is_local(req))
		return weir_error(res, 404, "There is no such thing on this address.");
	struct generation *gen = generation_current(admin_of(req)->view.host);
	struct conf *conf = NULL;
	struct conf_errors errs;
	struct conf_changes changes = { .count = 0 };
	if (!gen)
		return admin_refuse(res, 503, "the daemon is still starting");
	conf_errors_init(&errs);
	int rc = conf_load_again(gen->conf, &conf, &errs);
	if (rc == 0) {
		conf_diff(&changes, gen->conf, NULL, NULL, conf, NULL, NULL);
		pools_add_overrides(gen->host->pools, gen->conf, conf, &changes);
	}
	json_t *o = json_pack("{s:o, s:o}", "errors", errors_of(&errs), "changes",
			      admin_changes(&changes));
	conf_changes_done(&changes);
	conf_errors_done(&errs);
	conf_free(&conf);
	generation_unref(&gen);
	return admin_json(res, 200, o);
}

void admin_reloaded(struct admin *a, const struct admin_reload *how)
{
	if (!a)
		return;
	atomic_fetch_add(how->is_good ? &a->reloads_good : &a->reloads_bad, 1);
	json_t *report =
		json_pack("{s:I, s:b, s:I, s:o, s:o, s:o}", "ticket", (json_int_t)how->ticket,
			  "good", (int)how->is_good, "generation", (json_int_t)how->generation,
			  "message", admin_text(how->message), "errors", errors_of(how->errs),
			  "changes", admin_changes(how->changes));
	char *text = report ? json_dumps(report, JSON_INDENT(2)) : NULL;
	json_decref(report);
	/* Who waits for it must not wait for ever. */
	if (!text && asprintf(&text, "{\"ticket\": %llu, \"good\": %s}\n",
			      (unsigned long long)how->ticket, how->is_good ? "true" : "false") < 0)
		text = NULL;
	mutex_lock(&a->lock);
	free(a->last_reload);
	a->last_reload = text;
	mutex_unlock(&a->lock);
}
