/*
 * The turn of an I/O thread.
 *
 * Thread: the loop's own, but for loop_init, loop_start, loop_done (main) and
 * loop_post (any).
 */
#include "net/loop.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "net/access.h"
#include "net/conn.h"
#include "net/listen.h"
#include "work/request.h"

static void on_mail(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	(void)fd;
	(void)what;
	mailbox_hear(&loop->mailbox); /* each turn takes what there is */
}

static void arm_timer(struct loop *loop)
{
	int64_t next = wheel_next(&loop->wheel);
	loop->timer_at = next;
	if (next == CLOCK_NEVER)
		return;
	int64_t wait = next > loop->now ? next - loop->now : 0;
	/* Rounded up: libevent would wake for the part of a millisecond. */
	int64_t us = (wait + 999999) / NS_PER_MS * 1000;
	struct timeval tv = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
	if (event_add(loop->timer_event, &tv) < 0)
		log_error("loop %d: cannot set its timer", loop->number);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list due;
	(void)fd;
	(void)what;
	loop->now = clock_now();
	list_init(&due);
	wheel_turn(&loop->wheel, loop->now, &due);
	struct wheel_timer *t;
	while ((t = list_first(&due, struct wheel_timer, link)) != NULL) {
		list_remove(&t->link);
		conn_on_timer(t);
	}
	arm_timer(loop);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct list now_due;
	(void)fd;
	(void)what;
	loop->now = clock_now();
	list_init(&now_due);
	list_move_all(&now_due, &loop->again);
	conns_go_on(&now_due);
}

static void loop_flush(struct loop *loop)
{
	/* Writing may let a connection parse on, which may submit; submitting may
	 * be refused, which writes. Both end: a turn is bounded per connection. */
	while (!list_is_empty(&loop->dirty) || !list_is_empty(&loop->submitter.calls)) {
		pool_flush(&loop->submitter, loop->now);
		conns_flush(&loop->dirty);
	}
	if (!list_is_empty(&loop->again))
		event_active(loop->again_event, EV_TIMEOUT, 0);
	memo_forget(&loop->memo);
	access_flush(loop);
}

static void check_drained(struct loop *loop)
{
	if (!loop->is_draining || loop->conn_count > 0 || !loop->drained)
		return;
	void (*drained)(struct loop * loop, void *ctx) = loop->drained;
	loop->drained = NULL;
	drained(loop, loop->drained_ctx);
}

void loop_turn(struct loop *loop, bool waits)
{
	waits = waits && mailbox_sleep(&loop->mailbox);
	loop->has_slept = true;
	if (event_base_loop(loop->base, EVLOOP_ONCE | (waits ? 0 : EVLOOP_NONBLOCK)) < 0) {
		log_last_words("an event loop failed");
		abort();
	}
	loop->now = clock_now();
	mailbox_take(&loop->mailbox);
	loop_flush(loop);
	check_drained(loop);
}

void loop_run(struct loop *loop)
{
	loop->now = clock_now();
	while (!loop->is_stopping)
		loop_turn(loop, true);
}

static void *loop_main(void *arg)
{
	struct loop *loop = arg;
	char name[16];
	thread_set_kind(THREAD_LOOP);
	snprintf(name, sizeof(name), "weir-io/%d", loop->number);
	thread_set_name(loop->thread_name ? loop->thread_name : name);
	loop_run(loop);
	return NULL;
}

static int make_events(struct loop *loop)
{
	struct event_config *config = event_config_new();
	if (!config)
		return -ENOMEM;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!loop->base)
		return -ENOMEM;
	loop->mail_event =
		event_new(loop->base, loop->mailbox.fd, EV_READ | EV_PERSIST, on_mail, loop);
	loop->timer_event = event_new(loop->base, -1, 0, on_timer, loop);
	loop->again_event = event_new(loop->base, -1, 0, on_again, loop);
	if (!loop->mail_event || !loop->timer_event || !loop->again_event)
		return -ENOMEM;
	return event_add(loop->mail_event, NULL) < 0 ? -ENOMEM : 0;
}

int loop_init(struct loop *loop, int number, struct generation *gen, uint32_t id_prefix)
{
	*loop = (struct loop){ .number = number };
	snprintf(loop->id, sizeof(loop->id), "%08x%02x%010x", id_prefix, (unsigned)number & 0xff,
		 0U);
	list_init(&loop->conns);
	list_init(&loop->idle);
	list_init(&loop->dirty);
	list_init(&loop->again);
	submitter_init(&loop->submitter);
	loop->now = clock_now();
	loop->timer_at = CLOCK_NEVER;
	wheel_init(&loop->wheel, loop->now);
	loop->gen = gen ? generation_ref(gen) : NULL;
	int rc = mailbox_init(&loop->mailbox);
	if (rc == 0)
		rc = make_events(loop);
	loop->read_buf = malloc(LOOP_READ_SIZE);
	return loop->read_buf ? rc : -ENOMEM;
}

int loop_start(struct loop *loop)
{
	return thread_start(&loop->thread, 0, loop_main, loop);
}

static void deliver_errand(struct mail *m)
{
	struct errand *e = container_of(m, struct errand, mail);
	e->fn(e->loop, e->arg);
}

void loop_post(struct loop *loop, struct errand *e, void (*fn)(struct loop *loop, void *arg),
	       void *arg)
{
	*e = (struct errand){ .loop = loop, .fn = fn, .arg = arg };
	e->mail.deliver = deliver_errand;
	mailbox_post(&loop->mailbox, &e->mail);
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

static void free_event(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

/* Its memory stays here, if there is room. */
static void keep_body(struct loop *loop, struct request_body *body)
{
	if (!body->data || body->size < LOOP_BODY_LEAST || loop->conn_count == 0 ||
	    loop->spare_body_count == LOOP_BODIES ||
	    loop->spare_body_bytes + body->size > LOOP_BODY_BYTES)
		return;
	loop->spare_bodies[loop->spare_body_count++] =
		(struct spare_body){ body->data, body->size };
	loop->spare_body_bytes += body->size;
	body->data = NULL;
}

void loop_take_body(struct loop *loop, struct request_body *body, uint64_t len)
{
	if (len < LOOP_BODY_LEAST || loop->spare_body_count == 0)
		return;
	struct spare_body *last = &loop->spare_bodies[loop->spare_body_count - 1];
	if (last->size <= len)
		return;
	body->data = last->data;
	body->size = last->size;
	loop->spare_body_bytes -= last->size;
	loop->spare_body_count--;
}

static void drop_bodies(struct loop *loop)
{
	while (loop->spare_body_count > 0)
		free(loop->spare_bodies[--loop->spare_body_count].data);
	loop->spare_body_bytes = 0;
}

/* Frees what is kept beyond `most`. */
static void keep_spares(struct loop *loop, int most)
{
	while (loop->spare_count > most)
		request_free(&loop->spare[--loop->spare_count]);
	while (loop->spare_buf_count > most) {
		struct buf *b = &loop->spare_bufs[--loop->spare_buf_count];
		loop->spare_bytes -= b->size;
		buf_done(b);
	}
}

void loop_done(struct loop *loop)
{
	must(loop->conn_count == 0);
	listeners_close(loop);
	free_event(&loop->mail_event);
	free_event(&loop->timer_event);
	free_event(&loop->again_event);
	if (loop->base)
		event_base_free(loop->base);
	keep_spares(loop, 0);
	drop_bodies(loop);
	memo_done(&loop->memo);
	if (loop->mailbox.fd >= 0)
		mailbox_done(&loop->mailbox);
	if (loop->gen)
		generation_unref(&loop->gen);
	free(loop->read_buf);
	*loop = (struct loop){ .mailbox.fd = -1 };
}

void loop_drain(struct loop *loop, void (*drained)(struct loop *loop, void *ctx), void *ctx)
{
	loop->now = clock_now();
	loop->is_draining = true;
	loop->drained = drained;
	loop->drained_ctx = ctx;
	listeners_finish(loop);
	conns_drain(&loop->conns);
}

void loop_set_timer(struct loop *loop, struct wheel_timer *t, int64_t when)
{
	if (wheel_set(&loop->wheel, t, when) && wheel_next(&loop->wheel) < loop->timer_at)
		arm_timer(loop);
}

const char *loop_library(void)
{
	return event_get_version();
}

const char *loop_date(struct loop *loop)
{
	struct timespec ts;
	if (loop->now < loop->date_until)
		return loop->date;
	clock_gettime(CLOCK_REALTIME, &ts);
	http_date_write(ts.tv_sec, loop->date);
	loop->date_until = loop->now + NS_PER_S - ts.tv_nsec;
	return loop->date;
}

struct request *loop_take_request(struct loop *loop)
{
	if (loop->spare_count > 0)
		return loop->spare[--loop->spare_count];
	struct request *req = request_new();
	if (req)
		req->gen = generation_ref(loop->gen);
	return req;
}

/* No more are kept than there are connections to use them: after a peak the
 * memory goes back. */
static int spares_wanted(const struct loop *loop)
{
	if (loop->conn_count >= LOOP_SPARES)
		return LOOP_SPARES;
	return loop->conn_count > LOOP_SPARES_LEAST ? (int)loop->conn_count : LOOP_SPARES_LEAST;
}

static void trim(struct keeper_job *job)
{
	struct loop *loop = container_of(job, struct loop, trim);
	atomic_store(&loop->is_trimming, false);
	malloc_trim(0);
}

/* The allocator keeps what connections had, and giving it back takes milliseconds. */
static void leave_peak(struct loop *loop)
{
	if (loop->conn_peak <= loop->conn_count)
		loop->conn_peak = loop->conn_count + 1;
	if (loop->conn_peak < LOOP_TRIM_FROM ||
	    loop->conn_count > loop->conn_peak / LOOP_TRIM_PART || loop->is_draining ||
	    !loop->keeper || atomic_exchange(&loop->is_trimming, true))
		return;
	loop->conn_peak = loop->conn_count;
	loop->trim.run = trim;
	keeper_do(loop->keeper, &loop->trim);
}

void loop_drop_spares(struct loop *loop)
{
	keep_spares(loop, spares_wanted(loop));
	if (loop->conn_count == 0)
		drop_bodies(loop);
	leave_peak(loop);
}

/* Those of the generation that serves keep their reference to it: it is counted by
 * all loops, and counting costs them more than anything else they share. */
void loop_give_request(struct loop *loop, struct request *req)
{
	keep_body(loop, &req->body);
	request_reset(req);
	if (req->gen == loop->gen && loop->spare_count < spares_wanted(loop))
		loop->spare[loop->spare_count++] = req;
	else
		request_free(&req);
}

void loop_take_buf(struct loop *loop, struct buf *b)
{
	if (b->data || loop->spare_buf_count == 0)
		return;
	*b = loop->spare_bufs[--loop->spare_buf_count];
	loop->spare_bytes -= b->size;
}

void loop_give_buf(struct loop *loop, struct buf *b)
{
	if (!b->data || loop->spare_buf_count >= spares_wanted(loop) ||
	    loop->spare_bytes + b->size > LOOP_SPARE_BYTES) {
		buf_done(b);
		return;
	}
	buf_drop(b, buf_len(b));
	loop->spare_bytes += b->size;
	loop->spare_bufs[loop->spare_buf_count++] = *b;
	*b = (struct buf){ 0 };
}

void loop_use(struct loop *loop, struct generation *gen)
{
	struct generation *old = loop->gen;
	while (loop->spare_count > 0)
		request_free(&loop->spare[--loop->spare_count]);
	memo_forget(&loop->memo);
	loop->gen = gen;
	generation_unref(&old);
}
