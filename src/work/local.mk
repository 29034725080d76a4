noinst_LIBRARIES += src/work/libwork.a
src_work_libwork_a_SOURCES = \
	src/work/background.c src/work/background.h \
	src/work/body.c src/work/body.h \
	src/work/context.c src/work/context.h \
	src/work/generation.c src/work/route.h \
	src/work/mailbox.c src/work/mailbox.h \
	src/work/module.c src/work/module.h \
	src/work/pool.c src/work/pool.h src/work/pool_private.h src/work/pools.c \
	src/work/request.c src/work/request.h \
	src/work/worker.c

include src/work/pure.mk

WORK_TEST_LIBS = src/work/libwork.a src/http/libhttp.a src/conf/libconf.a src/base/libbase.a \
	$(INIH_LIBS) $(CHECK_LIBS)
WORK_TESTS = tests/unit/test_mailbox tests/unit/test_pool tests/unit/test_body \
	tests/unit/test_request
check_PROGRAMS += $(WORK_TESTS)
tests_unit_test_mailbox_SOURCES = tests/unit/test_mailbox.c
tests_unit_test_mailbox_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_body_SOURCES = tests/unit/test_body.c
tests_unit_test_body_LDADD = $(WORK_TEST_LIBS)
tests_unit_test_request_SOURCES = tests/unit/test_request.c
tests_unit_test_request_LDADD = $(WORK_TEST_LIBS)
CHECKS += $(WORK_TESTS)
