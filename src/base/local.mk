noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/addr.c src/base/addr.h \
	src/base/arena.c src/base/arena.h \
	src/base/assert.c src/base/assert.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.h \
	src/base/err.c src/base/err.h \
	src/base/list.h \
	src/base/log.c src/base/log.h \
	src/base/near.c src/base/near.h \
	src/base/pace.h \
	src/base/parse.c src/base/parse.h \
	src/base/sys.h \
	src/base/ring.c src/base/ring.h \
	src/base/sink.c src/base/sink.h \
	src/base/thread.c src/base/thread.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/wheel.c src/base/wheel.h \
	src/base/writer.c src/base/writer.h

BASE_TESTS = \
	tests/unit/test_addr tests/unit/test_err tests/unit/test_list tests/unit/test_arena tests/unit/test_buf \
	tests/unit/test_parse tests/unit/test_near tests/unit/test_pace tests/unit/test_ring tests/unit/test_sink \
	tests/unit/test_thread tests/unit/test_wheel
check_PROGRAMS += $(BASE_TESTS)
tests_unit_test_pace_SOURCES = tests/unit/test_pace.c
tests_unit_test_pace_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_addr_SOURCES = tests/unit/test_addr.c
tests_unit_test_addr_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_err_SOURCES = tests/unit/test_err.c
tests_unit_test_err_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_list_SOURCES = tests/unit/test_list.c
tests_unit_test_list_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c
tests_unit_test_arena_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_parse_SOURCES = tests/unit/test_parse.c
tests_unit_test_parse_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_near_SOURCES = tests/unit/test_near.c
tests_unit_test_near_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c
tests_unit_test_wheel_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_thread_SOURCES = tests/unit/test_thread.c
tests_unit_test_thread_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_ring_SOURCES = tests/unit/test_ring.c
tests_unit_test_ring_LDADD = src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_sink_SOURCES = tests/unit/test_sink.c
tests_unit_test_sink_LDADD = src/base/libbase.a $(CHECK_LIBS)
CHECKS += $(BASE_TESTS)
