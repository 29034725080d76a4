noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES = \
	src/http/chunked.c src/http/chunked.h \
	src/http/cond.c src/http/cond.h \
	src/http/encoding.c src/http/encoding.h src/http/gunzip.c src/http/gunzip.h \
	src/http/date.c src/http/date.h \
	src/http/form.c src/http/form.h \
	src/http/forwarded.c src/http/forwarded.h \
	src/http/http.c src/http/http.h \
	src/http/mime.c src/http/mime.h \
	src/http/multipart.c src/http/multipart.h \
	src/http/negotiate.c src/http/negotiate.h \
	src/http/find.h src/http/parse.c src/http/parse.h src/http/scan.c \
	src/http/proxy.c src/http/proxy.h \
	src/http/range.c src/http/range.h \
	src/http/target.c src/http/target.h \
	src/http/trace.c src/http/trace.h \
	src/http/uri.c src/http/uri.h

HTTP_LIBS = src/http/libhttp.a src/base/libbase.a

HTTP_TESTS = \
	tests/unit/test_http_head tests/unit/test_http_chunked tests/unit/test_http_uri \
	tests/unit/test_http_date tests/unit/test_http_cond tests/unit/test_http_negotiate \
	tests/unit/test_http_form tests/unit/test_http_words tests/unit/test_http_range \
	tests/unit/test_http_mime tests/unit/test_http_proxy \
	tests/unit/test_http_forwarded tests/unit/test_http_multipart \
	tests/unit/test_http_encoding tests/unit/test_http_gunzip tests/unit/test_http_trace
check_PROGRAMS += $(HTTP_TESTS)
tests_unit_test_http_encoding_SOURCES = tests/unit/test_http_encoding.c
tests_unit_test_http_encoding_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_gunzip_SOURCES = tests/unit/test_http_gunzip.c
tests_unit_test_http_gunzip_LDADD = $(HTTP_LIBS) $(ZLIB_LIBS) $(CHECK_LIBS)
check_PROGRAMS += tests/fuzz/fuzz_gunzip
tests_fuzz_fuzz_gunzip_SOURCES = tests/fuzz/fuzz_gunzip.c tests/fuzz/replay.c
tests_fuzz_fuzz_gunzip_LDADD = $(HTTP_LIBS) $(ZLIB_LIBS)
FUZZERS += tests/fuzz/fuzz_gunzip
tests_unit_test_http_trace_SOURCES = tests/unit/test_http_trace.c
tests_unit_test_http_trace_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_head_SOURCES = tests/unit/test_http_head.c tests/unit/guard.h
tests_unit_test_http_head_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_chunked_SOURCES = tests/unit/test_http_chunked.c tests/unit/guard.h
tests_unit_test_http_chunked_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_uri_SOURCES = tests/unit/test_http_uri.c tests/unit/guard.h
tests_unit_test_http_uri_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_date_SOURCES = tests/unit/test_http_date.c tests/unit/guard.h
tests_unit_test_http_date_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_cond_SOURCES = tests/unit/test_http_cond.c
tests_unit_test_http_cond_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_negotiate_SOURCES = tests/unit/test_http_negotiate.c tests/unit/guard.h
tests_unit_test_http_negotiate_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_form_SOURCES = tests/unit/test_http_form.c tests/unit/guard.h
tests_unit_test_http_form_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_words_SOURCES = tests/unit/test_http_words.c tests/unit/guard.h
tests_unit_test_http_words_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_range_SOURCES = tests/unit/test_http_range.c
tests_unit_test_http_range_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_mime_SOURCES = tests/unit/test_http_mime.c
tests_unit_test_http_mime_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_proxy_SOURCES = tests/unit/test_http_proxy.c tests/unit/guard.h
tests_unit_test_http_proxy_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_forwarded_SOURCES = tests/unit/test_http_forwarded.c tests/unit/guard.h
tests_unit_test_http_forwarded_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
tests_unit_test_http_multipart_SOURCES = tests/unit/test_http_multipart.c tests/unit/guard.h
tests_unit_test_http_multipart_LDADD = $(HTTP_LIBS) $(CHECK_LIBS)
CHECKS += $(HTTP_TESTS)

HTTP_FUZZERS = \
	tests/fuzz/fuzz_head tests/fuzz/fuzz_chunked tests/fuzz/fuzz_uri tests/fuzz/fuzz_part \
	tests/fuzz/fuzz_range tests/fuzz/fuzz_proxy \
	tests/fuzz/fuzz_forwarded
check_PROGRAMS += $(HTTP_FUZZERS)
tests_fuzz_fuzz_head_SOURCES = tests/fuzz/fuzz_head.c tests/fuzz/replay.c
tests_fuzz_fuzz_head_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_chunked_SOURCES = tests/fuzz/fuzz_chunked.c tests/fuzz/replay.c
tests_fuzz_fuzz_chunked_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_uri_SOURCES = tests/fuzz/fuzz_uri.c tests/fuzz/replay.c
tests_fuzz_fuzz_uri_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_part_SOURCES = tests/fuzz/fuzz_part.c tests/fuzz/replay.c
tests_fuzz_fuzz_part_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_range_SOURCES = tests/fuzz/fuzz_range.c tests/fuzz/replay.c
tests_fuzz_fuzz_range_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_proxy_SOURCES = tests/fuzz/fuzz_proxy.c tests/fuzz/replay.c
tests_fuzz_fuzz_proxy_LDADD = $(HTTP_LIBS)
tests_fuzz_fuzz_forwarded_SOURCES = tests/fuzz/fuzz_forwarded.c tests/fuzz/replay.c
tests_fuzz_fuzz_forwarded_LDADD = $(HTTP_LIBS)
FUZZERS += $(HTTP_FUZZERS)
