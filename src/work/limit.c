/*
 * The limiter's state machine: who gets a token, who stands in line, whose
 * time ran out.
 *
 * Thread: any; the pool that owns a limiter holds its lock around every call.
 * Leaves running, waking and telling anyone anything to the pool; shares are
 * in limit_share.c, measurements in limit_rate.c.
 */
#include "work/limit_private.h"

void limit_init(struct limit *l, int64_t total, int64_t waiting_max, int64_t now)
{
	must(total >= 0 && waiting_max >= 0);
	*l = (struct limit){ .window_at = now, .latest = now - 1 };
	limit_share_init(&l->root, now);
	l->root.set.max = total;
	l->root.set.waiting_max = waiting_max;
	list_init(&l->shares);
	list_init(&l->lines);
	list_init(&l->waiters);
	list_init(&l->returning);
	list_init(&l->granted);
	list_init(&l->expired);
}

void limit_waiter_init(struct limit_waiter *w)
{
	*w = (struct limit_waiter){ .state = LIMIT_IDLE, .expires = CLOCK_NEVER };
	list_init(&w->link);
	list_init(&w->in_line);
}

/* ---- lines ---- */

static struct limit_waiter *first_in_line(const struct limit_share *s)
{
	return list_first(&s->line, struct limit_waiter, in_line);
}

/* A line is calm until its first has waited the target: known ahead, so that it
 * does not matter how often anybody looks. */
static void note_calm(struct limit *l, struct limit_share *s, int64_t now)
{
	const struct limit_waiter *first = first_in_line(s);
	if (!first)
		s->calm_at = now;
	else if (limit_elapsed(first->since, now) <= l->target)
		s->calm_at = clock_add(first->since, l->target);
}

static void join_line(struct limit *l, struct limit_waiter *w, int64_t now)
{
	struct limit_share *s = limit_share_of(l, w);
	w->state = LIMIT_WAITING;
	list_add_last(&l->waiters, &w->link);
	if (w->is_returning) {
		list_add_last(&l->returning, &w->in_line);
	} else {
		if (s->in_line++ == 0)
			list_add_last(&l->lines, &s->waiting_link);
		list_add_last(&s->line, &w->in_line);
		note_calm(l, s, now);
	}
	limit_share_waiting(l, s, 1);
	if (l->root.waiting > l->stats.waiting_max)
		l->stats.waiting_max = l->root.waiting;
}

static void leave_line(struct limit *l, struct limit_waiter *w, int64_t now)
{
	struct limit_share *s = limit_share_of(l, w);
	must(l->root.waiting > 0);
	list_remove(&w->link);
	list_remove(&w->in_line);
	if (!w->is_returning) {
		if (--s->in_line == 0)
			list_remove(&s->waiting_link);
		note_calm(l, s, now);
	}
	limit_share_waiting(l, s, -1);
}

static void set_expired(struct limit *l, struct limit_waiter *w)
{
	w->state = LIMIT_EXPIRED;
	w->was_shed = false;
	l->stats.rejected_expired++;
	list_add_last(&l->expired, &w->link);
}

/* ---- overload ---- */

bool limit_is_overloaded(const struct limit *l, const struct limit_share *s, int64_t now)
{
	s = s ? s : &l->root;
	const struct limit_waiter *first = first_in_line(s);
	return l->target > 0 && first && limit_elapsed(first->since, now) > l->target &&
	       limit_elapsed(s->calm_at, now) >= LIMIT_OVERLOAD_AFTER * l->target;
}

/* False: the first in line was promised its turn. */
static bool shed_first(struct limit *l, struct limit_share *s, int64_t now)
{
	struct limit_waiter *w = first_in_line(s);
	if (w->is_promised)
		return false;
	leave_line(l, w, now);
	w->state = LIMIT_EXPIRED;
	w->was_shed = true;
	l->stats.rejected_shed++;
	list_add_last(&l->expired, &w->link);
	return true;
}

/* The tokens a line could get at once. */
static int64_t tokens_of(const struct limit_share *s)
{
	int64_t least = s->set.max;
	for (s = s->parent; s; s = s->parent)
		least = s->set.max < least ? s->set.max : least;
	return least;
}

/* Sends away who has waited too long to be served soon. As many stay as there
 * are tokens: whatever is given back, nobody fresh need be there to take it. */
static void shed(struct limit *l, struct limit_share *s, int64_t now)
{
	if (l->target == 0)
		return;
	int64_t keep = tokens_of(s);
	while (s->in_line > keep && limit_is_overloaded(l, s, now) &&
	       limit_elapsed(first_in_line(s)->since, now) > LIMIT_SHED_AFTER * l->target) {
		if (!shed_first(l, s, now))
			break;
	}
}

static void start_calm(struct limit *l, struct limit_share *s, int64_t now)
{
	s->calm_at = now;
	note_calm(l, s, now);
}

void limit_set_target(struct limit *l, int64_t target, int64_t now)
{
	must(target >= 0);
	l->target = target;
	start_calm(l, &l->root, now);
	list_each (&l->shares, struct limit_share, link, s)
		start_calm(l, s, now);
}

/* ---- tokens ---- */

static void track(struct limit_share *s, int64_t now)
{
	for (; s; s = s->parent)
		limit_rate_track(s, now);
}

int64_t limit_busy(const struct limit *l, int64_t now)
{
	return l->stats.busy_ns + l->root.borrowed * limit_elapsed(l->stats.busy_at, now);
}

/* Before `borrowed` changes. */
static void count_busy(struct limit *l, int64_t now)
{
	l->stats.busy_ns = limit_busy(l, now);
	if (now > l->stats.busy_at)
		l->stats.busy_at = now;
}

static void assign(struct limit *l, struct limit_waiter *w, int64_t now)
{
	struct limit_share *s = limit_share_of(l, w);
	count_busy(l, now);
	limit_share_borrowed(l, s, 1);
	track(s, now);
	l->stats.grants++;
	l->stats.returns += w->is_returning;
	if (l->root.borrowed > l->stats.borrowed_max)
		l->stats.borrowed_max = l->root.borrowed;
	limit_histogram_add(&l->stats.wait, limit_elapsed(w->since, now));
}

/* Newest first, but for one that can neither be shed nor be left for good. */
static bool is_last_next(const struct limit *l, const struct limit_share *s, int64_t now)
{
	return !first_in_line(s)->is_promised && limit_is_overloaded(l, s, now);
}

/* The moment by which lines take turns: when the first came. One that passes
 * its first over would be before all others for good: it counts from its last
 * turn. */
static int64_t turn_of(const struct limit *l, const struct limit_share *s, int64_t now)
{
	int64_t since = first_in_line(s)->since;
	if (is_last_next(l, s, now) && s->served_at > since)
		since = s->served_at;
	return since - s->set.priority * LIMIT_PRIORITY_STEP;
}

static struct limit_waiter *pick_returning(struct limit *l)
{
	list_each (&l->returning, struct limit_waiter, in_line, w) {
		if (limit_share_admits(limit_share_of(l, w)))
			return w;
	}
	return NULL;
}

/* Among the lines that may have a token now the one whose turn it is; of an
 * overloaded one its last. */
static struct limit_waiter *pick(struct limit *l, int64_t now)
{
	struct limit_waiter *w = pick_returning(l);
	if (w)
		return w;
	struct limit_share *best = NULL;
	int64_t best_turn = INT64_MAX;
	list_each (&l->lines, struct limit_share, waiting_link, s) {
		int64_t turn = turn_of(l, s, now);
		if (turn < best_turn && limit_share_admits(s)) {
			best = s;
			best_turn = turn;
		}
	}
	if (!best)
		return NULL;
	if (is_last_next(l, best, now))
		return list_last(&best->line, struct limit_waiter, in_line);
	return first_in_line(best);
}

/* By comparison, never by counting what was freed: tokens lowered and raised
 * again while they are out must not be given out twice. */
static void grant_some(struct limit *l, int64_t now)
{
	while (l->root.waiting > 0 && l->root.borrowed < l->root.set.max) {
		struct limit_waiter *w = pick(l, now);
		if (!w)
			break;
		leave_line(l, w, now);
		if (w->expires <= now) {
			set_expired(l, w);
			continue;
		}
		w->state = LIMIT_GRANTED;
		list_add_last(&l->granted, &w->link);
		assign(l, w, now);
		if (!w->is_returning)
			limit_share_of(l, w)->served_at = now;
		shed(l, limit_share_of(l, w), now);
	}
}

static inline void grant_waiters(struct limit *l, int64_t now)
{
	if (l->root.waiting > 0) /* mostly none is */
		grant_some(l, now);
}

/* Moments of coming only rise, so that they tell who came first. */
static void arrive(struct limit *l, struct limit_waiter *w, int64_t now)
{
	must(w->state == LIMIT_IDLE);
	l->latest = now > l->latest ? now : l->latest + 1;
	w->since = l->latest;
}

static bool take_free(struct limit *l, struct limit_waiter *w, int64_t now)
{
	/* Those before it are first: time may have passed since they came, and
	 * what one more wants may be kept for them as well. */
	limit_share_want(l, limit_share_of(l, w));
	grant_waiters(l, now);
	if (!limit_share_admits(limit_share_of(l, w)))
		return false;
	w->state = LIMIT_HOLDING;
	assign(l, w, now);
	return true;
}

bool limit_try_borrow(struct limit *l, struct limit_waiter *w, int64_t now)
{
	w->is_returning = false;
	arrive(l, w, now);
	return take_free(l, w, now);
}

static void expire(struct limit *l, struct limit_waiter *w, int64_t now)
{
	leave_line(l, w, now);
	set_expired(l, w);
}

/* Places that nobody needs any more, as far as the front of all and of the
 * line of `s` show them: most lines expire in order. */
static void expire_front(struct limit *l, const struct limit_share *s, int64_t now)
{
	struct limit_waiter *w;
	while ((w = list_first(&l->waiters, struct limit_waiter, link)) && w->expires <= now)
		expire(l, w, now);
	while ((w = first_in_line(s)) && w->expires <= now)
		expire(l, w, now);
}

/* Would a line be full even if `leaving` of its waiters left it? */
static bool is_any_full(const struct limit_share *s, int64_t leaving)
{
	for (; s; s = s->parent) {
		if (s->waiting - leaving >= s->set.waiting_max)
			return true;
	}
	return false;
}

static bool is_line_full(struct limit *l, struct limit_share *s, int64_t now)
{
	if (!is_any_full(s, 0))
		return false;
	expire_front(l, s, now);
	if (!is_any_full(s, 0))
		return false;
	/* Newest first: the oldest makes room, where that is enough. */
	if (is_any_full(s, 1) || !limit_is_overloaded(l, s, now))
		return true;
	return !shed_first(l, s, now);
}

bool limit_turns_away(struct limit *l, const struct limit_share *share, int64_t now)
{
	const struct limit_share *s = share ? share : &l->root;
	bool has_room = limit_share_admits(s) || !is_any_full(s, 0) ||
			(!is_any_full(s, 1) && limit_is_overloaded(l, share, now));
	l->stats.rejected_full += !has_room;
	return !has_room;
}

enum limit_answer limit_borrow(struct limit *l, struct limit_waiter *w, int64_t now,
			       int64_t expires)
{
	if (limit_try_borrow(l, w, now))
		return LIMIT_YES;
	struct limit_share *s = limit_share_of(l, w);
	if (is_line_full(l, s, now) && !w->is_promised) {
		l->stats.rejected_full++;
		return LIMIT_FULL;
	}
	w->expires = expires;
	if (expires <= now) {
		set_expired(l, w);
		return LIMIT_WAIT;
	}
	join_line(l, w, now);
	shed(l, s, now);
	return LIMIT_WAIT;
}

enum limit_answer limit_return(struct limit *l, struct limit_waiter *w, int64_t now)
{
	arrive(l, w, now);
	w->is_returning = true;
	w->expires = CLOCK_NEVER;
	if (take_free(l, w, now))
		return LIMIT_YES;
	join_line(l, w, now);
	return LIMIT_WAIT;
}

static void take_back(struct limit *l, struct limit_waiter *w, int64_t now)
{
	struct limit_share *s = limit_share_of(l, w);
	must(s->borrowed > 0);
	count_busy(l, now);
	limit_share_borrowed(l, s, -1);
	track(s, now);
	grant_waiters(l, now);
}

void limit_give(struct limit *l, struct limit_waiter *w, int64_t now)
{
	must(w->state == LIMIT_HOLDING);
	w->state = LIMIT_IDLE;
	for (struct limit_share *s = limit_share_of(l, w); s; s = s->parent)
		limit_rate_count(s);
	take_back(l, w, now);
}

bool limit_cancel(struct limit *l, struct limit_waiter *w, int64_t now)
{
	enum limit_state was = w->state;
	if (was == LIMIT_IDLE || was == LIMIT_HOLDING)
		return false;
	w->state = LIMIT_IDLE;
	if (was == LIMIT_WAITING)
		leave_line(l, w, now);
	else
		list_remove(&w->link);
	if (was != LIMIT_EXPIRED)
		l->stats.cancelled++;
	if (was == LIMIT_GRANTED)
		take_back(l, w, now);
	else if (was == LIMIT_WAITING)
		grant_waiters(l, now); /* what was kept for it may be another's */
	return true;
}

/* ---- changes ---- */

void limit_resize(struct limit *l, int64_t total, int64_t now)
{
	must(total >= 0);
	l->root.set.max = total;
	limit_reserves_fit(l);
	limit_rate_track(&l->root, now);
	grant_waiters(l, now);
}

void limit_share_set(struct limit *l, struct limit_share *s, const struct limit_share_settings *set,
		     int64_t now)
{
	must(set->max >= 0 && set->reserve >= 0 && set->waiting_max >= 0);
	s->set = *set;
	limit_reserves_fit(l);
	limit_rate_track(s, now);
	grant_waiters(l, now);
}

void limit_set_waiting_max(struct limit *l, int64_t waiting_max)
{
	must(waiting_max >= 0);
	l->root.set.waiting_max = waiting_max;
}

void limit_expire(struct limit *l, int64_t now)
{
	list_each (&l->waiters, struct limit_waiter, link, w) {
		if (w->expires <= now)
			expire(l, w, now);
	}
	grant_waiters(l, now);
}

void limit_tick(struct limit *l, int64_t now)
{
	limit_reserves_turn(l, now);
	list_each (&l->lines, struct limit_share, waiting_link, s)
		shed(l, s, now);
	grant_waiters(l, now);
}

/* ---- telling ---- */

static struct limit_waiter *take_first(struct list *from, enum limit_state state)
{
	struct limit_waiter *w = list_first(from, struct limit_waiter, link);
	if (w) {
		list_remove(&w->link);
		w->state = state;
	}
	return w;
}

struct limit_waiter *limit_next_granted(struct limit *l)
{
	return take_first(&l->granted, LIMIT_HOLDING);
}

struct limit_waiter *limit_next_expired(struct limit *l)
{
	return take_first(&l->expired, LIMIT_IDLE);
}

int64_t limit_available(const struct limit *l)
{
	return l->root.set.max == LIMIT_INF ? LIMIT_INF : l->root.set.max - l->root.borrowed;
}

int64_t limit_oldest(const struct limit *l, int64_t now)
{
	const struct limit_waiter *w = list_first(&l->waiters, struct limit_waiter, link);
	return w ? limit_elapsed(w->since, now) : 0;
}
