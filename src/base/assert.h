/*
 * Assertions that stay on in release builds, and the magic numbers by which an
 * object that came through a `void *` or from another thread is recognised.
 * They state what cannot be; trouble from input, network or memory is handled,
 * never asserted.
 *
 * Thread: any.
 */
#ifndef WEIR_BASE_ASSERT_H
#define WEIR_BASE_ASSERT_H

/* Puts where and what into the error log, and aborts. */
_Noreturn void assert_failed(const char *file, int line, const char *what);

#define must(cond) ((cond) ? (void)0 : assert_failed(__FILE__, __LINE__, #cond))

/* The object's first field is `unsigned magic`. */
#define must_be(ptr, number) must((ptr) != NULL && (ptr)->magic == (number))

/* pthread calls return an errno value; in our use each failure is a bug. */
#define must_pt(call) \
	do { \
		int must_pt_rc = (call); \
		if (must_pt_rc != 0) \
			assert_failed(__FILE__, __LINE__, #call); \
	} while (0)

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

#define array_len(a) (sizeof(a) / sizeof((a)[0]))

/* The object of type `type` whose member `member` `ptr` points to. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
