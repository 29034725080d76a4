noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/accept.c src/net/accept.h \
	src/net/access.c src/net/access.h src/net/access_line.c src/net/access_line.h \
	src/net/bind.c src/net/bind.h \
	src/net/census.c src/net/census.h \
	src/net/conn.c src/net/conn.h src/net/conn_private.h \
	src/net/conn_call.c src/net/conn_file.c src/net/conn_in.c src/net/conn_out.c \
	src/net/conn_client.c src/net/conn_shed.c \
	src/net/conn_stream.c \
	src/net/listen.c src/net/listen.h src/net/listen_private.h \
	src/net/loop.c src/net/loop.h src/net/memo.c src/net/memo.h \
	src/net/notify.c src/net/notify.h \
	src/net/pulse.c src/net/pulse.h \
	src/net/reply.c src/net/reply.h \
	src/net/signals.c src/net/signals.h \
	src/net/tally.c src/net/tally.h

# Whole connections on a socketpair.
CONN_TEST_LIBS = src/net/libnet.a $(WORK_TEST_LIBS) $(EVENT_LIBS) $(SYSTEMD_LIBS)
check_PROGRAMS += tests/unit/test_access_line tests/unit/test_census tests/unit/test_conn_cases
tests_unit_test_access_line_SOURCES = tests/unit/test_access_line.c
tests_unit_test_access_line_LDADD = $(CONN_TEST_LIBS)
tests_unit_test_census_SOURCES = tests/unit/test_census.c
tests_unit_test_census_LDADD = src/net/libnet.a src/base/libbase.a $(CHECK_LIBS)
tests_unit_test_conn_cases_SOURCES = tests/unit/test_conn_cases.c tests/fuzz/conn_rig.c \
	tests/fuzz/conn_rig.h
tests_unit_test_conn_cases_LDADD = $(CONN_TEST_LIBS)
CHECKS += tests/unit/test_access_line tests/unit/test_census tests/unit/test_conn_cases
EXTRA_DIST += tests/cases/http.cases
check_PROGRAMS += tests/fuzz/fuzz_conn
tests_fuzz_fuzz_conn_SOURCES = tests/fuzz/fuzz_conn.c tests/fuzz/replay.c tests/fuzz/conn_rig.c \
	tests/fuzz/conn_rig.h
tests_fuzz_fuzz_conn_LDADD = $(CONN_TEST_LIBS)
FUZZERS += tests/fuzz/fuzz_conn
