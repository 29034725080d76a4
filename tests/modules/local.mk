# Modules for tests alone: what each is for stands at its top.

FIXTURES += \
	tests/modules/bad_options.so \
	tests/modules/check_fails.so tests/modules/cold.so tests/modules/constructor.so \
	tests/modules/cpp.so tests/modules/crash.so \
	tests/modules/failing_init.so tests/modules/failing_thread_init.so tests/modules/full.so \
	tests/modules/gate.so \
	tests/modules/lives.so tests/modules/missing_symbol.so tests/modules/newer_minor.so tests/modules/nomem.so tests/modules/no_symbol.so \
	tests/modules/probe.so tests/modules/probe_work.so tests/modules/replace_a.so \
	tests/modules/replace_b.so tests/modules/stream.so tests/modules/wrong_abi.so

EXTRA_DIST += \
	tests/modules/bad_options.c \
	tests/modules/check_fails.c tests/modules/cold.c tests/modules/constructor.c \
	tests/modules/cpp.cc tests/modules/crash.c \
	tests/modules/failing_init.c tests/modules/failing_thread_init.c tests/modules/full.c \
	tests/modules/gate.c \
	tests/modules/lives.c tests/modules/missing_symbol.c tests/modules/newer_minor.c tests/modules/nomem.c tests/modules/no_symbol.c \
	tests/modules/probe.c tests/modules/probe_work.c tests/modules/replace_a.c \
	tests/modules/replace_b.c tests/modules/stream.c tests/modules/wrong_abi.c

# It stands between the program and its allocator, before a sanitizer has begun.
tests/modules/nomem.so: SANITIZER_CFLAGS =
# Its faults are meant.
tests/modules/crash.so: SANITIZER_CFLAGS =
