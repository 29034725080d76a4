/*
 * Thin checked wrappers over pthreads, and the order of locks.
 *
 * Thread: any.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/clock.h"

static _Thread_local enum thread_kind kind = THREAD_MAIN;

/* One bit a rank that the thread holds: two comparisons a lock are cheap
 * enough to stay on in release builds. */
static _Thread_local unsigned held;

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	must_pt(pthread_mutex_init(&m->m, NULL));
	m->rank = rank;
}

void mutex_done(struct mutex *m)
{
	must_pt(pthread_mutex_destroy(&m->m));
}

void mutex_lock(struct mutex *m) NO_LOCK_ANALYSIS
{
	must(held >> m->rank == 0);
	must_pt(pthread_mutex_lock(&m->m));
	held |= 1U << m->rank;
}

void mutex_unlock(struct mutex *m) NO_LOCK_ANALYSIS
{
	held &= ~(1U << m->rank);
	must_pt(pthread_mutex_unlock(&m->m));
}

void cond_init(struct cond *c)
{
	pthread_condattr_t attr;
	must_pt(pthread_condattr_init(&attr));
	must_pt(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	must_pt(pthread_cond_init(&c->c, &attr));
	must_pt(pthread_condattr_destroy(&attr));
}

void cond_done(struct cond *c)
{
	must_pt(pthread_cond_destroy(&c->c));
}

void cond_signal(struct cond *c)
{
	must_pt(pthread_cond_signal(&c->c));
}

void cond_wait(struct cond *c, struct mutex *m) NO_LOCK_ANALYSIS
{
	must_pt(pthread_cond_wait(&c->c, &m->m));
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t when) NO_LOCK_ANALYSIS
{
	if (when == CLOCK_NEVER) {
		cond_wait(c, m);
		return true;
	}
	struct timespec ts = clock_timespec(when);
	int rc = pthread_cond_timedwait(&c->c, &m->m, &ts);
	must(rc == 0 || rc == ETIMEDOUT);
	return rc == 0;
}

/* A fault belongs to the thread that made it; blocked, it could not be handled. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };

struct beginning {
	void *(*fn)(void *arg);
	void *arg;
};

/* Without one the thread runs all the same. A sanitizer may have given it one,
 * which it wants back at the end. */
static void *begin_fault_stack(stack_t *ret_was)
{
	void *at = mmap(NULL, THREAD_FAULT_STACK, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	stack_t own = { .ss_sp = at, .ss_size = THREAD_FAULT_STACK };
	if (at == MAP_FAILED)
		return NULL;
	if (sigaltstack(&own, ret_was) == 0)
		return at;
	munmap(at, THREAD_FAULT_STACK);
	return NULL;
}

static void *run(void *arg)
{
	struct beginning b = *(struct beginning *)arg;
	stack_t was;
	free(arg);
	void *fault_stack = begin_fault_stack(&was);
	void *ret = b.fn(b.arg);
	if (fault_stack) {
		(void)sigaltstack(&was, NULL);
		munmap(fault_stack, THREAD_FAULT_STACK);
	}
	return ret;
}

int thread_start(pthread_t *ret_thread, size_t stack_size, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	struct beginning *b = malloc(sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct beginning){ .fn = fn, .arg = arg };
	must_pt(pthread_attr_init(&attr));
	int rc = stack_size ? pthread_attr_setstacksize(&attr, stack_size) : 0;
	if (rc == 0) {
		sigfillset(&all);
		for (size_t i = 0; i < array_len(faults); i++)
			sigdelset(&all, faults[i]);
		must_pt(pthread_sigmask(SIG_SETMASK, &all, &old));
		rc = pthread_create(ret_thread, &attr, run, b);
		must_pt(pthread_sigmask(SIG_SETMASK, &old, NULL));
	}
	must_pt(pthread_attr_destroy(&attr));
	if (rc != 0)
		free(b);
	return -rc;
}

void thread_set_kind(enum thread_kind new_kind)
{
	kind = new_kind;
}

enum thread_kind thread_kind(void)
{
	return kind;
}

void thread_be_punctual(void)
{
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
}

void thread_set_name(const char *name)
{
	char cut[16];
	snprintf(cut, sizeof(cut), "%s", name);
	must_pt(pthread_setname_np(pthread_self(), cut));
}
