/*
 * A call: one piece of work for a pool, from its owner's hands through the line
 * and a worker back home.
 *
 * Thread: as `state` says.
 */
#ifndef WEIR_WORK_CALL_H
#define WEIR_WORK_CALL_H

#include <stdatomic.h>

#include "base/list.h"
#include "work/limit.h"
#include "work/mailbox.h"

struct pool;
struct worker;

/* How a call ended. */
enum call_end {
	CALL_RAN,       /* run() returned */
	CALL_FULL,      /* the line was full */
	CALL_EXPIRED,   /* its time in line ran out */
	CALL_SHED,      /* it stood in the way of newer ones, see limit.h */
	CALL_NO_THREAD, /* the pool has no thread and could start none */
};

enum call_state {
	CALL_IDLE,      /* its owner's */
	CALL_SUBMITTED, /* in a loop's batch: that loop's */
	CALL_WAITING,   /* the pool's: in line for a token */
	CALL_READY,     /* the pool's: has its token, waits for a worker */
	CALL_RUNNING,   /* a worker's */
	CALL_LENT,      /* a worker's, which waits for something and has lent its token */
	CALL_RETURNING, /* a worker's, which waits for a token to go on */
	CALL_ENDED,     /* on its way home, or there */
};

#define CALL_MAGIC 0x57ca1100U

/*
 * One piece of work. Set by its owner before pool_submit: run, done, home,
 * pool, share, expires, slow_after, name, id. Owner until submit and after
 * done; in between as `state` says, guarded by the pool's lock where the
 * pool's.
 */
struct call {
	unsigned magic;
	enum call_state state;
	enum call_end end;
	struct pool *pool;
	void (*run)(struct call *call, struct worker *w); /* on a worker */
	void (*done)(struct call *call); /* on home's loop; home NULL: on a worker */
	/* NULL, or called in pool_flush when it must wait; takes no lock. */
	void (*waits)(struct call *call);
	struct mailbox *home;
	struct mail mail;
	struct limit_waiter waiter;
	struct limit_share *share; /* of the pool's tokens; NULL: all */
	struct list link;          /* batch, ready or running list */
	struct list promise;       /* of the pool's promised calls */
	struct worker *worker;     /* that runs it */
	int lends;                 /* its worker's: pool_lend without pool_take_back */
	int64_t expires;           /* of waiting for a token; CLOCK_NEVER */
	int64_t slow_after;        /* when running for longer is logged; CLOCK_NEVER */
	int64_t submitted;         /* moments; 0: not reached */
	int64_t started;
	int64_t ended;
	int retry_after;        /* seconds; with CALL_FULL, CALL_EXPIRED, CALL_SHED */
	const char *name;       /* what it runs: the thread's name while it does */
	const char *id;         /* request id, for logs and lists */
	bool is_promised;       /* has its place already (pool_promise): never refused */
	bool was_slow;          /* the pool's: it was logged, and so will be its end */
	_Atomic bool cancelled; /* any thread: nobody waits for it any more */
};

/* Owner, of one that is all zeros. */
void call_init(struct call *call);

#endif
