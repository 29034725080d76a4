noinst_LIBRARIES += src/work/libwork.a
src_work_libwork_a_SOURCES = \
	src/work/background.c src/work/background.h \
	src/work/body.c src/work/body.h src/work/call.h \
	src/work/context.c src/work/context.h \
	src/work/crash.c src/work/crash.h src/work/crash_map.c src/work/crash_map.h \
	src/work/file.c src/work/file.h \
	src/work/form.c src/work/form.h \
	src/work/front.c src/work/front.h \
	src/work/generation.c src/work/generation_life.c src/work/headers.c src/work/route.h \
	src/work/keeper.c src/work/keeper.h \
	src/work/mailbox.c src/work/mailbox.h \
	src/work/module.c src/work/module.h \
	src/work/packing.c src/work/packing.h \
	src/work/peek.c src/work/peek.h \
	src/work/pool.c src/work/pool.h src/work/pool_private.h src/work/pool_state.c \
	src/work/pools.c \
	src/work/reader.c src/work/reader.h \
	src/work/request.c src/work/request.h src/work/rules.c src/work/rules.h \
	src/work/shares.c \
	src/work/site.c src/work/site.h \
	src/work/stats.c src/work/stats.h \
	src/work/stream.c src/work/stream.h \
	src/work/watch.c src/work/watch.h src/work/worker.c

# Names of system calls, from the header of the machine that is built for.
src/work/syscalls.inc: Makefile
	$(AM_V_at)$(MKDIR_P) src/work
	$(AM_V_GEN)echo '#include <asm/unistd.h>' | $(CC) $(CPPFLAGS) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{ \2, "\1" },/p' | sort > $@
src/work/peek.$(OBJEXT): src/work/syscalls.inc
CLEANFILES += src/work/syscalls.inc

include src/work/pure.mk

WORK_TEST_LIBS = src/work/libwork.a src/http/libhttp.a src/conf/libconf.a src/base/libbase.a \
	$(ZLIB_LIBS) $(INIH_LIBS) $(CHECK_LIBS)
WORK_TESTS = tests/unit/test_mailbox tests/unit/test_peek tests/unit/test_pool \
	tests/unit/test_body tests/unit/test_request tests/unit/test_reader \
	tests/unit/test_stream tests/unit/test_form tests/unit/test_rules
check_PROGRAMS += $(WORK_TESTS)
tests_unit_test_mailbox_SOURCES = tests/unit/test_mailbox.c
tests_unit_test_mailbox_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_peek_SOURCES = tests/unit/test_peek.c
tests_unit_test_peek_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_body_SOURCES = tests/unit/test_body.c
tests_unit_test_body_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_request_SOURCES = tests/unit/test_request.c
tests_unit_test_request_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_rules_SOURCES = tests/unit/test_rules.c
tests_unit_test_rules_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_form_SOURCES = tests/unit/test_form.c
tests_unit_test_form_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_stream_SOURCES = tests/unit/test_stream.c
tests_unit_test_stream_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_reader_SOURCES = tests/unit/test_reader.c
tests_unit_test_reader_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_reader_LDFLAGS = -Wl,--wrap=thread_start
CHECKS += $(WORK_TESTS)
