/*
 * A pool: worker threads, the limiter that says how many of them may run a
 * call, and the line of those that wait. The door from a loop to a worker.
 *
 * Thread: stated for each function. "Loop" is any event loop's thread.
 *
 * What it keeps:
 *  1. Running calls ≤ tokens, abandoned ones included, or the number falls.
 *  2. A call that was cancelled or has expired before a worker took it never
 *     runs.
 *  3. Every submitted call ends in exactly one of: pool_cancel returned true,
 *     or its done() was called.
 *  4. At most one wake-up is in flight; a woken worker that sees more calls
 *     wakes the next before it runs its own, unless all calls are quick: then
 *     when one has waited for some 50 us.
 *  5. A promised call is never refused: it waits until a thread can take it.
 *  6. Idle workers are reused last in, first out, and end after thread_idle.
 *  7. Threads ≤ threads_max, calls that have lent their token included.
 */
#ifndef WEIR_WORK_POOL_H
#define WEIR_WORK_POOL_H

#include "base/thread.h"
#include "work/call.h"

struct pool;
struct worker;
struct instance;
struct watch;

struct pool_settings {
	int64_t tokens; /* LIMIT_INF: no bound */
	int64_t queue_max;
	int64_t queue_timeout; /* ns, CLOCK_NEVER */
	int64_t queue_target;  /* ns: adaptive discipline; 0: first in, first out */
	int64_t threads_min;
	int64_t threads_max; /* POOL_AUTO: twice the tokens; never below the tokens */
	int64_t thread_idle; /* ns, CLOCK_NEVER */
	int64_t background_max;
	size_t stack_size; /* bytes; 0: the system's default */
};

#define POOL_AUTO INT64_MIN

struct pool_stats {
	int64_t total, borrowed, waiting, oldest_wait;
	int64_t threads, idle, running, abandoned;
	int64_t lent;      /* of the running: without a token, the returning included */
	int64_t returning; /* of the lent: wait for a token to go on */
	int64_t promised;
	int64_t busy_ns;    /* tokens held, times how long */
	uint64_t no_thread; /* calls that were refused as none could be started */
	bool is_overloaded; /* its own line is served newest first */
	struct limit_stats limit;
};

/* The calls that one loop submits in one turn. Its loop's alone. */
struct submitter {
	struct list calls;
};

/* Boot. NULL when memory is out. `name` is copied. */
must_check struct pool *pool_new(const char *name, const struct pool_settings *settings);

/* Boot, after pool_stop said that nothing runs. */
void pool_free(struct pool **pool);

/* Before anything is submitted to it, and after the last call. */
void pool_set_watch(struct pool *pool, struct watch *watch);

/* Any thread. */
const char *pool_name(const struct pool *pool);
int64_t pool_queue_timeout(const struct pool *pool);

/* Any thread: changes the pool; nothing that waits or runs is dropped. */
void pool_get_settings(struct pool *pool, struct pool_settings *ret);
void pool_set_settings(struct pool *pool, const struct pool_settings *settings);

/* Boot, keeper: the share of that name below `parent` (NULL: the whole pool), a
 * new one without bounds when there is none. It stays as long as the pool.
 * NULL when memory is out. */
must_check struct limit_share *pool_share(struct pool *pool, const char *name,
					  struct limit_share *parent);

/* Any thread. */
void pool_set_share(struct pool *pool, struct limit_share *share,
		    const struct limit_share_settings *set);

/* Keeper: each thread gives back what it keeps for instances of ended
 * generations, at once or behind its call. */
void pool_call_in(struct pool *pool);

/* Main: shares not set between the two have no bounds or reserves any more. */
void pool_shares_begin(struct pool *pool);
void pool_shares_end(struct pool *pool);

/* Loop: hands `call` to its pool with the turn's others. */
void submitter_init(struct submitter *s);
void pool_submit(struct submitter *s, struct call *call);

/* Loop, at the end of a turn: everything submitted goes to its pool. done()
 * of those refused at once (CALL_FULL, CALL_NO_THREAD) runs in here. */
void pool_flush(struct submitter *s, int64_t now);

/* Worker or main: one call at once, without a loop. */
void pool_submit_now(struct call *call);

/*
 * Any thread: a place for a call that will be submitted later, come what may;
 * it is listed from now on. 0, or -EAGAIN when background_max calls are
 * promised. pool_keep_promise gives the place back when the call has ended.
 */
must_check int pool_promise(struct pool *pool, struct call *call);
void pool_keep_promise(struct call *call);

/* Worker, inside run(): the call that runs here. NULL elsewhere. */
struct call *worker_current_call(void);

/* Worker, inside run(): the call only waits from here on and lends its token;
 * pairs with pool_take_back and may nest: the outermost pair counts. 0; -EAGAIN
 * when threads_max leaves no thread for another call: it keeps its token. */
int pool_lend(struct call *call);

/* Worker, inside run(): waits, as long as it takes, for a token to go on. The
 * wait is first in line, and its call's deadline is watched by its loop. */
void pool_take_back(struct call *call);

/* Loop that submitted it: takes back a call that no worker has taken yet.
 * True: the call is the caller's again and done() will not be called. False:
 * it runs or has run; with `abandon` it is marked as cancelled, done() comes
 * later. */
bool pool_cancel(struct call *call, bool abandon);

/* Loop that submitted it: has no worker taken it yet? */
bool pool_is_waiting(struct call *call);

/* Any thread: would a call that comes now through `share` be refused (CALL_FULL)? Then
 * it counts as one that was. */
bool pool_turns_away(struct pool *pool, const struct limit_share *share);

/* Any thread: seconds after which a refused client of `share` may try again. */
int pool_retry_after(struct pool *pool, const struct limit_share *share);

/* A call that has run for its slow_after. */
struct slow_call {
	char id[72];
	char name[64];
	char thread[16];
	pid_t tid;
	int64_t age;           /* ns */
	struct worker *worker; /* for pool_still_runs */
	uint64_t run;
};

/* How soon the watch is to look again. */
enum pool_pace {
	POOL_QUIET, /* when something is submitted: nothing waits, runs or has run */
	POOL_BUSY,
	POOL_QUICK, /* soon: wake-ups are spared, and this is what makes up for one too few */
};

/*
 * Watch: what must happen although nothing else does: lends reserves, sheds,
 * tries again to start threads, wakes for what waits. Up to `size` calls that
 * have become slow are noted in `slow`; returns how many.
 */
int pool_tick(struct pool *pool, struct slow_call *slow, int size, enum pool_pace *ret_pace);

/* Any thread: is the call of that note still running? */
bool pool_still_runs(struct pool *pool, const struct slow_call *slow);

/* Any thread. */
void pool_get_stats(struct pool *pool, struct pool_stats *ret);

/* Any thread: calls `fn` for each call that runs, then each that waits, then
 * each that is promised and not submitted, oldest first, under the pool's
 * lock: it must be short and take no lock. */
void pool_each_call(struct pool *pool, void (*fn)(void *ctx, const struct call *call), void *ctx);

/* Within pool_each_call: the thread that runs the call and its name; 0: none. */
pid_t call_thread(const struct call *call, char ret_name[16]);

/* Main: waits until nothing waits or runs, at most until `deadline`. True when
 * it is so. */
must_check bool pool_drain(struct pool *pool, int64_t deadline);

/* Main, after pool_drain returned true and when nothing is submitted any more:
 * ends all threads and joins them. */
void pool_stop(struct pool *pool);

/* Any thread: calls that wait or run. */
int64_t pool_busy(struct pool *pool);

/*
 * The calling worker's data for an instance: the first time, the instance's
 * thread_init runs. 0, or what thread_init failed with; after a failure the
 * next tries on this thread answer at once until a growing pause is over.
 * Worker.
 */
must_check int worker_enter(struct worker *w, struct instance *inst, void **ret_thread_data);

#endif
