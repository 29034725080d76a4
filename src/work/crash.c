/*
 * The note of a fault. All of it is async-signal-safe: no memory is asked for,
 * no lock taken, no printf used.
 *
 * Thread: see crash.h.
 */
#include "work/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "work/context.h"
#include "work/crash_map.h"
#include "work/module.h"
#include "work/pool.h"

enum { FRAMES_MAX = 48, NEAR_STACK = 128 * 1024, WAIT_MS = 5000, WAIT_STEP_MS = 10 };

static const struct fault {
	int number;
	const char *name;
} faults[] = {
	{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" },   { SIGFPE, "SIGFPE" },
	{ SIGILL, "SIGILL" },   { SIGABRT, "SIGABRT" },
};

static atomic_bool is_noted;

/* ---- writing ---- */

struct note {
	char text[1024];
	size_t len;
};

static void put(struct note *n, const char *text)
{
	size_t len = strlen(text), room = sizeof(n->text) - 1 - n->len;
	len = len < room ? len : room;
	memcpy(n->text + n->len, text, len);
	n->len += len;
	n->text[n->len] = '\0';
}

static void put_number(struct note *n, uint64_t number, unsigned base)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;
	digits[i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number);
	put(n, digits + i);
}

static void put_address(struct note *n, uintptr_t address)
{
	put(n, "0x");
	put_number(n, address, 16);
}

static void put_quoted(struct note *n, const char *what, const char *text)
{
	put(n, what);
	put(n, " \"");
	put(n, text);
	put(n, "\"");
}

/* ---- what is known ---- */

static const char *name_of(int number)
{
	for (size_t i = 0; i < array_len(faults); i++) {
		if (faults[i].number == number)
			return faults[i].name;
	}
	return "a signal";
}

static uintptr_t instruction_of(const ucontext_t *u)
{
#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.pc;
#else
	(void)u;
	return 0;
#endif
}

static uintptr_t stack_of(const ucontext_t *u)
{
#if defined(__x86_64__)
	return (uintptr_t)u->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	return (uintptr_t)u->uc_mcontext.sp;
#else
	(void)u;
	return 0;
#endif
}

/* An address around the stack's top can only be missing when the stack ends
 * there. */
static bool is_overflow(int number, const siginfo_t *info, const ucontext_t *u)
{
	uintptr_t address = (uintptr_t)info->si_addr, top = stack_of(u);
	if (number != SIGSEGV || info->si_code <= 0 || top == 0)
		return false;
	return address < top ? top - address < NEAR_STACK : address - top < NEAR_STACK;
}

static void say_signal(int number, const siginfo_t *info, const ucontext_t *u)
{
	struct note n = { .len = 0 };
	char thread[16] = "";
	(void)prctl(PR_GET_NAME, thread);
	put(&n, "crash: ");
	put(&n, name_of(number));
	put(&n, " (");
	put_number(&n, (uint64_t)number, 10);
	put(&n, ")");
	if (info->si_code > 0) {
		put(&n, " at address ");
		put_address(&n, (uintptr_t)info->si_addr);
	} else if (info->si_pid != getpid()) {
		put(&n, " sent by process ");
		put_number(&n, (uint64_t)info->si_pid, 10);
	}
	put_quoted(&n, ", thread", thread);
	put(&n, " (");
	put_number(&n, (uint64_t)gettid(), 10);
	put(&n, ")");
	if (is_overflow(number, info, u))
		put(&n, ": stack overflow");
	log_last_words(n.text);
}

static void put_module(struct note *n, const char *name, const char *of, const char *version,
		       const char *build_id, const char *file)
{
	put_quoted(n, " module", name);
	put(n, " (");
	put(n, of);
	put(n, " ");
	put(n, version);
	put(n, ", file ");
	put(n, file);
	put(n, ", build-id ");
	put(n, build_id[0] ? build_id : "none");
	put(n, ")");
}

/* The thread's own note of whose code it runs is known best; a thread that a
 * module made has none, but its code tells. */
static void say_whose(const struct crash_module *m)
{
	struct note n = { .len = 0 };
	struct context who = context_now();
	const struct call *call = worker_current_call();
	put(&n, "crash: in");
	if (who.inst) {
		const struct description *about = instance_description(who.inst);
		put_module(&n, instance_name(who.inst), about->name, about->version,
			   about->build_id, instance_path(who.inst));
	} else if (m) {
		put_module(&n, m->name, m->name, m->version, m->build_id, m->file);
		put(&n, ", outside of its handlers");
	} else {
		put(&n, " the daemon itself");
	}
	if (who.what)
		put_quoted(&n, ", running", who.what);
	if (who.id || call)
		put_quoted(&n, ", request", who.id ? who.id : call->id);
	if (call)
		put_quoted(&n, ", pool", pool_name(call->pool));
	log_last_words(n.text);
}

static void say_frame(size_t number, uintptr_t address)
{
	struct note n = { .len = 0 };
	const struct crash_place *p = crash_find(address);
	put(&n, "crash: #");
	put_number(&n, number, 10);
	put(&n, " ");
	if (p) {
		put(&n, p->file);
		put(&n, "+");
	}
	put_address(&n, p ? address - p->base : address);
	log_last_words(n.text);
}

/* The innermost code of a module among the frames; NULL: none. */
static const struct crash_module *innermost(void *const *frames, int from, int count)
{
	for (int i = from; i < count; i++) {
		const struct crash_place *p = crash_find((uintptr_t)frames[i]);
		if (p && p->module)
			return p->module;
	}
	return NULL;
}

/* Frames of this handler come first: those of the fault begin at its
 * instruction. A stack that cannot be walked shows that one alone. */
static void say_where(const ucontext_t *u)
{
	void *frames[FRAMES_MAX];
	uintptr_t at = instruction_of(u);
	size_t number = 0;
	int count = backtrace(frames, FRAMES_MAX), from = 0;
	while (from < count && at && (uintptr_t)frames[from] != at)
		from++;
	if (from == count)
		frames[--from] = (void *)at;
	say_whose(innermost(frames, from, count));
	for (; from < count; from++)
		say_frame(number++, (uintptr_t)frames[from]);
}

/* ---- the signal ---- */

/* Once the handler returns, it does what it does to any process. */
static void go_on_dying(int number)
{
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

/* Not SA_RESETHAND: a second thread's fault would end the process in the middle
 * of the first one's note. It waits here; a fault in the note itself finds all
 * signals blocked, and the kernel ends the process. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	const struct timespec step = { .tv_nsec = WAIT_STEP_MS * NS_PER_MS };
	if (atomic_exchange(&is_noted, true)) {
		for (int i = 0; i < WAIT_MS / WAIT_STEP_MS; i++)
			(void)nanosleep(&step, NULL);
		go_on_dying(number);
		return;
	}
	struct note n = { .len = 0 };
	say_signal(number, info, context);
	say_where(context);
	put(&n, "crash: weir " WEIR_VERSION " ends by ");
	put(&n, name_of(number));
	log_last_words(n.text);
	go_on_dying(number);
}

static void handle(int number)
{
	struct sigaction was, action = { .sa_flags = SA_SIGINFO | SA_ONSTACK };
	action.sa_sigaction = on_fault;
	sigfillset(&action.sa_mask);
	if (sigaction(number, NULL, &was) == 0 && !(was.sa_flags & SA_SIGINFO) &&
	    was.sa_handler == SIG_DFL)
		(void)sigaction(number, &action, NULL);
}

void crash_start(void)
{
	static char stack[THREAD_FAULT_STACK];
	const stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	void *frame[1];
	(void)backtrace(frame, 1); /* loads what it needs */
	(void)sigaltstack(&own, NULL);
	crash_map_update();
	for (size_t i = 0; i < array_len(faults); i++)
		handle(faults[i].number);
}
