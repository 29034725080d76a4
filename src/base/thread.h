/*
 * Threads, locks and conditions with their checks built in: pthread errors are
 * bugs, clang's -Wthread-safety sees who holds what, and every lock has a rank
 * in one table, so that taking two in the wrong order stops a test at once.
 *
 * Thread: any, unless said otherwise.
 */
#ifndef WEIR_BASE_THREAD_H
#define WEIR_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"

#if defined(__clang__)
#define THREAD_ATTR(x) __attribute__((x))
#else
#define THREAD_ATTR(x)
#endif

#define CAPABILITY(name) THREAD_ATTR(capability(name))
/* In C a field cannot name its sibling yet (clang 14): this one is for readers;
 * REQUIRES on the functions is what the compiler checks. */
#define GUARDED_BY(lock)
#define REQUIRES(...) THREAD_ATTR(requires_capability(__VA_ARGS__))
#define ACQUIRES(...) THREAD_ATTR(acquire_capability(__VA_ARGS__))
#define RELEASES(...) THREAD_ATTR(release_capability(__VA_ARGS__))
#define NO_LOCK_ANALYSIS THREAD_ATTR(no_thread_safety_analysis)

/*
 * Every lock of the project, outermost first. A thread may only take a lock
 * that stands below all those it holds.
 */
#define LOCK_TABLE(X) \
	X(INSTANCE, "module instance") \
	X(ADMIN, "control plane") \
	X(WATCH, "watch") \
	X(POOL, "pool") \
	X(READERS, "readers") \
	X(KEEPER, "jobs of the keeper") \
	X(GENERATIONS, "list of generations") \
	X(STATS, "list of what is counted") \
	X(ON_LOOP, "answer of a function run on a loop") \
	X(STREAM, "streams of a request") \
	X(CENSUS, "clients of all loops") \
	X(MAILBOX, "mailbox") \
	X(LOG, "lines of the error log")

#define LOCK_RANK(name, text) LOCK_##name,
enum lock_rank { LOCK_TABLE(LOCK_RANK) LOCK_COUNT };
#undef LOCK_RANK

struct CAPABILITY("mutex") mutex {
	pthread_mutex_t m;
	enum lock_rank rank;
};

void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_done(struct mutex *m);
void mutex_lock(struct mutex *m) ACQUIRES(m);
void mutex_unlock(struct mutex *m) RELEASES(m);

/* A condition whose deadlines are moments of base/clock.h. */
struct cond {
	pthread_cond_t c;
};

void cond_init(struct cond *c);
void cond_done(struct cond *c);
void cond_signal(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m) REQUIRES(m);

/* False when `when` passed without a signal. CLOCK_NEVER waits for good. */
bool cond_wait_until(struct cond *c, struct mutex *m, int64_t when) REQUIRES(m);

/* What a thread is for; the doors between threads assert it. */
enum thread_kind {
	THREAD_MAIN,   /* boot, stop, signals; every thread before it says more */
	THREAD_LOOP,   /* runs an event loop and never blocks */
	THREAD_WORKER, /* may block: runs handlers, or waits for disks */
	THREAD_KEEPER, /* builds and ends generations; may block */
	THREAD_WATCH,  /* looks after what nothing else would move */
	THREAD_LOG,    /* writes logs; may block */
};

/* Starts a joinable thread with all signals but faults blocked and `stack_size` bytes of
 * stack (0: the system's default). 0, or a negative errno (-EAGAIN when the
 * system has no room for one more thread). */
must_check int thread_start(pthread_t *ret_thread, size_t stack_size, void *(*fn)(void *),
			    void *arg);

/* Bytes of the stack that a thread has for handlers of faults, so that an
 * overflow of its own can be told. Memory only once there is one. */
enum { THREAD_FAULT_STACK = 32 * 1024 };

/* Declares what the calling thread is. */
void thread_set_kind(enum thread_kind kind);
enum thread_kind thread_kind(void);

#define assert_on_loop() must(thread_kind() != THREAD_WORKER)
#define assert_on_worker() must(thread_kind() == THREAD_WORKER)

/* The calling thread's timeouts end when they are over, not up to 50 us later together
 * with those of others: a crowd that wakes at once waits for the processor. */
void thread_be_punctual(void);

/* Names the calling thread for `top -H` and /proc; cut to 15 bytes. */
void thread_set_name(const char *name);

#endif
