/*
 * The main() of a unit test program: one suite, one case, its tests by name.
 *
 * Thread: one; Check forks a process for each test.
 */
#ifndef WEIR_TESTS_UNIT_H
#define WEIR_TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

/* UNIT_MAIN("limit", test1, test2, …) */
#define UNIT_MAIN(name, ...) \
	int main(void) \
	{ \
		const TTest *const tests[] = { __VA_ARGS__ }; \
		Suite *suite = suite_create(name); \
		TCase *tc = tcase_create(name); \
		const char *slow = getenv("WEIR_SLOW"); /* a sanitizer's build */ \
		tcase_set_timeout(tc, slow ? 30 * atof(slow) : 30); \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
			tcase_add_test(tc, tests[i]); \
		suite_add_tcase(suite, tc); \
		SRunner *runner = srunner_create(suite); \
		srunner_run_all(runner, CK_NORMAL); \
		int failed = srunner_ntests_failed(runner); \
		srunner_free(runner); \
		return failed != 0; \
	}

#endif
