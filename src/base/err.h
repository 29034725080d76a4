/*
 * The project's error numbers. A function that can fail returns 0, or one of
 * these (all negative); functions that hand on an operating-system error
 * return a negative errno instead and say so.
 *
 * Thread: any.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

/* Far below any -errno, so that both can travel in one int. */
#define WEIR_ERR_BASE (-10000)

#define WEIR_ERRORS(X) \
	X(NOMEM, "out of memory") \
	X(SYNTAX, "not of the expected form") \
	X(RANGE, "out of range") \
	X(UNIT, "needs a unit") \
	X(TOO_LONG, "too long") \
	X(NOT_FOUND, "not found") \
	X(EXISTS, "exists already") \
	X(CONFIG, "configuration has errors") \
	X(MODULE, "module refused") \
	X(SYSTEM, "system call failed")

#define WEIR_ERR_INDEX(name, text) ERR_INDEX_##name,
enum weir_err_index { WEIR_ERRORS(WEIR_ERR_INDEX) ERR_COUNT };
#undef WEIR_ERR_INDEX

#define WEIR_ERR_ENUM(name, text) ERR_##name = WEIR_ERR_BASE - ERR_INDEX_##name,
enum weir_err { WEIR_ERRORS(WEIR_ERR_ENUM) };
#undef WEIR_ERR_ENUM

/* Static text for one of ours, for a negative errno, or for 0. */
const char *err_text(int err);

#endif
