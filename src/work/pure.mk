src_work_libwork_a_SOURCES += \
	src/work/describe.c src/work/describe.h \
	src/work/elf.c src/work/elf.h src/work/elf_private.h src/work/elf_reloc.c \
	src/work/limit.c src/work/limit.h src/work/limit_private.h src/work/limit_rate.c \
	src/work/limit_share.c \
	src/work/pattern.c src/work/pattern.h src/work/pattern_private.h \
	src/work/redirect.c src/work/redirect.h src/work/router.c

LIMIT_MODEL = tests/fuzz/limit_model.h tests/fuzz/limit_model_check.h tests/fuzz/limit_naive.h \
	tests/fuzz/limit_naive_ops.h
PURE_LIBS = src/work/libwork.a src/http/libhttp.a src/base/libbase.a

check_PROGRAMS += tests/unit/test_limit tests/unit/test_limit_share tests/unit/test_limit_overload \
	tests/unit/test_pattern tests/unit/test_redirect tests/unit/test_describe
tests_unit_test_redirect_SOURCES = tests/unit/test_redirect.c
tests_unit_test_redirect_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
tests_unit_test_limit_share_SOURCES = tests/unit/test_limit_share.c tests/unit/limit_scene.h
tests_unit_test_limit_share_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
tests_unit_test_limit_overload_SOURCES = tests/unit/test_limit_overload.c tests/unit/limit_scene.h
tests_unit_test_limit_overload_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
tests_unit_test_limit_SOURCES = tests/unit/test_limit.c $(LIMIT_MODEL)
tests_unit_test_limit_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
tests_unit_test_pattern_SOURCES = tests/unit/test_pattern.c
tests_unit_test_pattern_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
tests_unit_test_describe_SOURCES = tests/unit/test_describe.c
tests_unit_test_describe_CPPFLAGS = $(AM_CPPFLAGS) \
	-DDESCRIBE_FIXTURES='"$(abs_top_builddir)/tests/unit"'
tests_unit_test_describe_LDADD = $(PURE_LIBS) $(CHECK_LIBS)
EXTRA_tests_unit_test_describe_DEPENDENCIES = $(DESCRIBE_FIXTURES)
CHECKS += tests/unit/test_limit tests/unit/test_limit_share tests/unit/test_limit_overload \
	tests/unit/test_pattern tests/unit/test_redirect tests/unit/test_describe

# Modules that test_describe reads and nobody loads.
DESCRIBE_FIXTURES = tests/unit/describe_good.so tests/unit/describe_old.so
DESCRIBE_LINK = $(CC) -std=gnu17 -O2 -shared -fPIC -I$(top_srcdir)/src/include
EXTRA_DIST += tests/unit/describe_good.c tests/unit/describe_old.c
CLEANFILES += $(DESCRIBE_FIXTURES)

tests/unit/describe_good.so: tests/unit/describe_good.c src/include/weir/module.h
	$(AM_V_at)$(MKDIR_P) tests/unit
	$(AM_V_CCLD)$(DESCRIBE_LINK) $(srcdir)/tests/unit/describe_good.c -o $@

tests/unit/describe_old.so: tests/unit/describe_old.c src/include/weir/module.h
	$(AM_V_at)$(MKDIR_P) tests/unit
	$(AM_V_CCLD)$(DESCRIBE_LINK) $(srcdir)/tests/unit/describe_old.c -o $@

check_PROGRAMS += tests/fuzz/fuzz_limit tests/fuzz/fuzz_routes tests/fuzz/fuzz_describe
tests_fuzz_fuzz_limit_SOURCES = tests/fuzz/fuzz_limit.c tests/fuzz/replay.c $(LIMIT_MODEL)
tests_fuzz_fuzz_limit_LDADD = $(PURE_LIBS)
tests_fuzz_fuzz_routes_SOURCES = tests/fuzz/fuzz_routes.c tests/fuzz/replay.c
tests_fuzz_fuzz_routes_LDADD = $(PURE_LIBS)
tests_fuzz_fuzz_describe_SOURCES = tests/fuzz/fuzz_describe.c tests/fuzz/replay.c
tests_fuzz_fuzz_describe_LDADD = $(PURE_LIBS)
FUZZERS += tests/fuzz/fuzz_limit tests/fuzz/fuzz_routes tests/fuzz/fuzz_describe
