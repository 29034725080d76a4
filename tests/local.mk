# Style tests, the replay of fuzz inputs, and what the folders of tests share.
STYLE_TESTS = tests/style/format tests/style/generated tests/style/headers tests/style/layers \
	tests/style/manuals tests/style/purpose tests/style/runner tests/style/size_report \
	tests/style/symbols tests/style/threads
CHECKS += $(STYLE_TESTS) tests/fuzz/fuzz_replay
EXTRA_DIST += $(STYLE_TESTS) tests/style/tree.py tests/style/exceptions tests/style/jansson.cfg tests/fuzz/fuzz_replay \
	tests/README.md

# Fails on purpose, so it is not in CHECKS: tests/style/runner runs it.
check_PROGRAMS += tests/style/must_fail
tests_style_must_fail_SOURCES = tests/style/must_fail.c tests/unit/unit.h
tests_style_must_fail_LDADD = $(CHECK_LIBS)
