/*
 * What pool.c and worker.c share: the inside of a pool and of its threads.
 *
 * Thread: any; everything here is guarded by the pool's lock unless a field
 * says otherwise.
 */
#ifndef WEIR_WORK_POOL_PRIVATE_H
#define WEIR_WORK_POOL_PRIVATE_H

#include "work/pool.h"

/* What a worker keeps for one module instance. */
struct worker_state {
	struct instance *inst;
	void *data;    /* what thread_init left */
	bool ready;    /* thread_init succeeded */
	int err;       /* else: what it failed with */
	int64_t pause; /* until the next try, growing */
	int64_t retry_at;
};

/* A thread of a pool. Stays allocated after its thread ended, for the next
 * one, so that a wake-up that comes late signals nothing freed. */
struct worker {
	struct pool *pool;
	int number;       /* in the pool, for the thread's name; constant */
	pthread_t thread; /* the spawner's, then its joiner's */
	pid_t tid;
	struct cond wake;
	bool woken;        /* a call was queued for it */
	uint64_t call_ins; /* of the pool's: those it has followed */
	uint64_t runs;     /* calls so far, the running one included */
	int64_t pause_end; /* while idle: until then others first, a thread_init failed */
	struct list link;  /* idle, ended or spare list */
	/* The worker's own: */
	struct worker_state *states;
	size_t state_count;
	bool named_for_call; /* the thread's name is a call's */
	bool is_seen;        /* its call is likely to last */
	int64_t ran_for;     /* ns: the last call, without what came before its handler */
	char last_name[16];  /* as far as the kernel keeps it */
};

enum { WORKER_BLOCK = 16 };

struct worker_block {
	struct list link;
	struct worker workers[WORKER_BLOCK];
};

struct named_share {
	struct list link;
	struct limit_share share;
	bool is_stale; /* between pool_shares_begin and pool_shares_end: not set since */
	char name[];
};

struct pool {
	char *name;                    /* constant */
	_Atomic int64_t queue_timeout; /* any thread */
	struct watch *watch;           /* constant once I/O threads run; NULL: none */
	struct mutex lock;
	struct pool_settings settings GUARDED_BY(lock);
	struct limit limit GUARDED_BY(lock);
	struct list shares GUARDED_BY(lock);   /* named; only ever added to */
	struct list ready GUARDED_BY(lock);    /* calls with a token and without a worker */
	struct list running GUARDED_BY(lock);  /* calls, first begun first */
	struct list promises GUARDED_BY(lock); /* calls that will come or have come */
	struct list idle GUARDED_BY(lock);     /* workers, last in first */
	struct list ended GUARDED_BY(lock);    /* workers whose thread is to be joined */
	struct list spare GUARDED_BY(lock);    /* workers without a thread */
	struct list blocks GUARDED_BY(lock);   /* what workers are in */
	int workers GUARDED_BY(lock);          /* allocated: the next number */
	int64_t threads GUARDED_BY(lock);      /* alive, the starting ones included */
	int64_t threads_peak GUARDED_BY(lock); /* since memory was last given back */
	int64_t leaving GUARDED_BY(lock);      /* on their last steps */
	int64_t idle_count GUARDED_BY(lock);
	int64_t running_count GUARDED_BY(lock);
	int64_t lent GUARDED_BY(lock);       /* of the running ones */
	int64_t returning GUARDED_BY(lock);  /* of the lent ones */
	int64_t abandoned GUARDED_BY(lock);  /* of the running ones */
	uint64_t no_thread GUARDED_BY(lock); /* calls refused for want of one */
	int64_t promised GUARDED_BY(lock);
	uint64_t call_ins GUARDED_BY(lock);   /* pool_call_in so far */
	bool waking GUARDED_BY(lock);         /* a wake-up is in flight */
	bool spares GUARDED_BY(lock);         /* wake-ups, while the watch looks often */
	bool has_run GUARDED_BY(lock);        /* a call, since the watch looked */
	unsigned quick_runs GUARDED_BY(lock); /* calls in a row that were quick */
	bool stopping GUARDED_BY(lock);
	bool watched GUARDED_BY(lock); /* someone waits for `quiet` */
	struct cond quiet;             /* nothing waits or runs; a thread has left */
};

/* Calls that are over sooner than a thread wakes up are better run one after
 * another by the thread that is awake. */
enum {
	QUICK_RUN = 20000,  /* ns, at most: as much may an interrupt take */
	QUICK_RUNS = 256,   /* in a row: it is likely to go on so */
	QUICK_WAIT = 50000, /* ns: whoever has waited so long has a thread woken */
};

/* Whom to wake once the lock is free. */
struct wakeup {
	struct worker *idle; /* signal this one */
	bool spawn;          /* or start a thread */
};

/* Calls that wait or run, with or without a token. */
static inline int64_t pool_count_busy(const struct pool *p)
{
	return p->limit.root.borrowed + p->limit.root.waiting + p->lent - p->returning;
}

static inline int64_t pool_threads_max(const struct pool *p)
{
	int64_t tokens = p->settings.tokens;
	int64_t max = p->settings.threads_max;
	if (max == POOL_AUTO)
		max = clock_add(tokens, tokens);
	return max > tokens ? max : tokens;
}

/* After a change: whoever may run now is started. */
void pool_settle(struct pool *p) RELEASES(p->lock);

/* Takes what the limiter decided: granted calls become ready, expired ones go
 * to `ended`, to be finished without the lock. */
void pool_collect(struct pool *p, struct list *ended) REQUIRES(p->lock);

/* Chooses whom to wake for the ready calls, if nobody is on the way. */
struct wakeup pool_plan_wakeup(struct pool *p) REQUIRES(p->lock);

/* Carries it out. Without the lock. */
void pool_wake(struct pool *p, struct wakeup wakeup);

/* Sends a call home. Without the lock. */
void call_finish(struct call *call);
void calls_finish(struct list *calls);

/* Starts a thread for the pool (counted in `threads` already). Without the
 * lock. 0, or a negative errno. */
must_check int worker_start(struct pool *p);

/* Joins threads that have ended. Without the lock; not on a worker. */
void workers_reap(struct pool *p);

#endif
