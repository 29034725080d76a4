noinst_LIBRARIES += src/conf/libconf.a
src_conf_libconf_a_SOURCES = \
	src/conf/address.c src/conf/address.h \
	src/conf/conf.c src/conf/conf.h src/conf/conf_private.h \
	src/conf/cred.c src/conf/cred.h \
	src/conf/conf_check.c src/conf/conf_diff.c src/conf/conf_diff.h src/conf/conf_dump.c src/conf/conf_section.c src/conf/conf_source.c \
	src/conf/expand.c src/conf/expand.h \
	src/conf/ini.c src/conf/ini.h \
	src/conf/options.c src/conf/options.h src/conf/options.def \
	src/conf/option_value.c src/conf/options_ini.c src/conf/options_json.c \
	src/conf/options_man.c \
	src/conf/place.c src/conf/place.h

CONF_TEST_LIBS = src/conf/libconf.a src/base/libbase.a $(INIH_LIBS)

check_PROGRAMS += tests/unit/test_options tests/unit/test_ini tests/unit/test_conf
tests_unit_test_options_SOURCES = tests/unit/test_options.c
tests_unit_test_options_LDADD = $(CONF_TEST_LIBS) $(CHECK_LIBS)
tests_unit_test_ini_SOURCES = tests/unit/test_ini.c
tests_unit_test_ini_LDADD = $(CONF_TEST_LIBS) $(CHECK_LIBS)
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_LDADD = $(CONF_TEST_LIBS) $(CHECK_LIBS)
# The test lets each allocation fail in turn.
tests_unit_test_conf_LDFLAGS = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc
CHECKS += tests/unit/test_options tests/unit/test_ini tests/unit/test_conf

check_PROGRAMS += tests/fuzz/fuzz_ini
tests_fuzz_fuzz_ini_SOURCES = tests/fuzz/fuzz_ini.c tests/fuzz/replay.c
tests_fuzz_fuzz_ini_LDADD = $(CONF_TEST_LIBS)
FUZZERS += tests/fuzz/fuzz_ini
