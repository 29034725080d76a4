/*
 * Answers with files: found for a site, sent piece by piece. Nothing here
 * waits for a disk: what is not in the kernel's memory is left to a reader,
 * and the connection waits for it in CONN_READ. Only where no reader can be
 * started the loop does it itself.
 *
 * Thread: the loop that accepted the connection; run_search and run_fetch on a
 * reader.
 */
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/log.h"
#include "net/conn_private.h"
#include "work/background.h"
#include "work/file.h"
#include "work/site.h"

enum { PIECE_MAX = 1 << 20 }; /* of one file in one go; others want their turn */

/* What was in memory is taken to be there still for so long. */
static const int64_t ready_time = NS_PER_S;

/* ---- through a reader ---- */

static void run_search(struct read_job *job)
{
	struct request *req = container_of(job, struct request, file.job);
	must(site_look(req->file.search, false) == 0);
}

static void run_fetch(struct read_job *job)
{
	struct request *req = container_of(job, struct request, file.job);
	file_fetch(req->res.fd, req->file.offset, req->file.len);
}

static bool is_search(const struct request *req)
{
	return req->file.job.run == run_search;
}

static void answer(struct conn *c)
{
	(void)site_answer(c->req, c->req->file.search);
	conn_respond(c);
}

/* The client has gone meanwhile. */
static void end_abandoned(struct request *req, struct loop *loop)
{
	if (is_search(req) && req->file.search->fd >= 0)
		close(req->file.search->fd);
	tasks_submit(tasks_take(req));
	loop_give_request(loop, req);
}

static void job_done(struct read_job *job)
{
	struct request *req = container_of(job, struct request, file.job);
	must_be(req, REQUEST_MAGIC);
	struct conn *c = req->owner;
	if (!c) {
		end_abandoned(req, container_of(req->home, struct loop, mailbox));
		return;
	}
	must(c->state == CONN_READ && c->req == req);
	if (is_search(req)) {
		answer(c);
		return;
	}
	c->state = CONN_REPLY;
	c->ready = req->file.len;
	c->ready_since = c->loop->now;
	conn_set_deadline(c, CLOCK_NEVER);
	conn_set_dirty(c);
}

/* 0, or as readers_submit. */
static int submit(struct conn *c, void (*run)(struct read_job *job))
{
	struct read_job *job = &c->req->file.job;
	job->run = run;
	job->done = job_done;
	job->home = c->req->home;
	int rc = readers_submit(c->loop->readers, job, run == run_search);
	if (rc < 0)
		return rc;
	c->state = CONN_READ;
	conn_set_write_deadline(c, CLOCK_NEVER);
	conn_set_deadline(c, clock_add(c->loop->now, c->req->gen->write_timeout));
	return 0;
}

bool conn_abandon_read(struct conn *c)
{
	if (readers_cancel(c->loop->readers, &c->req->file.job))
		return true;
	c->req->owner = NULL;
	return false;
}

void conn_read_timeout(struct conn *c)
{
	log_warn("request %s: a file of %s could not be read in time", c->req->id,
		 c->req->route->handler_name);
	if (!is_search(c->req))
		conn_lost(c);
	else if (readers_cancel(c->loop->readers, &c->req->file.job))
		conn_answer(c, 504, "The file could not be read in time.");
	else
		conn_answer_for(c, 504, "The file could not be read in time.");
}

/* ---- finding ---- */

/* Parts of a file are taken from the file itself. */
static const char *find_known(struct conn *c, struct site_search *s)
{
	const struct http_head *head = &c->req->head;
	return http_header_find(head->headers, head->header_count, "Range") ? NULL
									    : memo_find(c->loop, s);
}

static void answer_known(struct conn *c, const char *data)
{
	struct response *res = &c->req->res;
	(void)site_answer(c->req, c->req->file.search);
	if (res->kind == BODY_FILE) {
		res->kind = BODY_BYTES;
		res->data = data;
	}
	conn_respond(c);
}

void conn_serve(struct conn *c)
{
	struct site_search *s = site_begin(c->req);
	if (!s) {
		conn_answer(c, 500, NULL);
		return;
	}
	c->req->file.search = s;
	const char *known = find_known(c, s);
	if (known) {
		answer_known(c, known);
		return;
	}
	int rc = site_look(s, true);
	if (rc == -EAGAIN) {
		rc = submit(c, run_search);
		if (rc == 0)
			return;
		if (rc == -EBUSY)
			s->status = 503;
		else
			run_search(&c->req->file.job);
	}
	answer(c);
}

/* ---- sending ---- */

bool conn_takes_file(struct conn *c)
{
	const struct response *res = &c->req->res;
	if (res->kind != BODY_FILE || res->pieces || res->len > CONN_COPY_MAX)
		return false;
	char *to = buf_reserve(&c->out, res->len);
	if (!to || !file_read_now(res->fd, to, res->len, res->offset))
		return false;
	buf_added(&c->out, res->len);
	const struct site_search *s = c->req->file.search;
	if (s && (uint64_t)s->st.st_size == res->len)
		memo_keep(c->loop, s, to, res->len);
	return true;
}

bool conn_file_is_ready(struct conn *c)
{
	struct request *req = c->req;
	struct file_piece piece = file_piece_at(&req->res, c->sent);
	if (c->loop->now - c->ready_since > ready_time)
		c->ready = 0;
	if (piece.text || c->ready > 0)
		return true;
	c->ready_since = c->loop->now;
	uint64_t len = piece.len < PIECE_MAX ? piece.len : PIECE_MAX;
	c->ready = file_in_memory(req->res.fd, piece.offset, len);
	if (c->ready > 0)
		return true;
	req->file.offset = piece.offset;
	req->file.len = len;
	if (submit(c, run_fetch) == 0)
		return false;
	c->ready = len;
	return true;
}

static ssize_t send_text(struct conn *c, const struct file_piece *piece)
{
	bool is_last = c->sent + piece->len == c->req->res.len;
	return send(c->fd, piece->text, piece->len, MSG_NOSIGNAL | (is_last ? 0 : MSG_MORE));
}

ssize_t conn_send_file(struct conn *c)
{
	struct file_piece piece = file_piece_at(&c->req->res, c->sent);
	if (piece.text)
		return send_text(c, &piece);
	off_t at = (off_t)piece.offset;
	uint64_t len = piece.len < c->ready ? piece.len : c->ready;
	ssize_t n = sendfile(c->fd, c->req->res.fd, &at, (size_t)len);
	if (n > 0)
		c->ready -= (uint64_t)n;
	if (n == 0) {
		/* The file shrank below what was announced. */
		log_error("request %s: file became shorter while it was sent; connection closed",
			  c->req->id);
		errno = EIO;
		return -1;
	}
	if (n < 0 && errno == EIO)
		log_error("request %s: cannot read the file that is sent; connection closed",
			  c->req->id);
	return n;
}
