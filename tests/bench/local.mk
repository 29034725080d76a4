# The load generator and what is measured with it: `make bench` builds, `make check` proves it.

check_PROGRAMS += tests/bench/load
tests_bench_load_SOURCES = \
	tests/bench/load.c \
	tests/bench/load_answer.c tests/bench/load_answer.h \
	tests/bench/load_client.c tests/bench/load_client.h \
	tests/bench/load_conf.c tests/bench/load_conf.h \
	tests/bench/load_conn.c tests/bench/load_conn.h \
	tests/bench/load_count.c tests/bench/load_count.h \
	tests/bench/load_hold.c tests/bench/load_hold.h \
	tests/bench/load_option.c \
	tests/bench/load_report.c tests/bench/load_report.h \
	tests/bench/load_sock.c tests/bench/load_sock.h
tests_bench_load_LDADD = src/base/libbase.a -lm

# BENCH="W1 --rounds 3" chooses; without it everything is measured.
BENCH =
bench: tests/bench/load$(EXEEXT) weir$(EXEEXT)
	WEIR=$(abs_top_builddir)/weir CC='$(CC)' $(srcdir)/tests/bench/run $(BENCH)

# Fails when a request takes more than 5 % more instructions than instructions.json says;
# tests/bench/instructions --record writes it.
check-instructions: tests/bench/load$(EXEEXT) weir$(EXEEXT)
	WEIR=$(abs_top_builddir)/weir CC='$(CC)' $(srcdir)/tests/bench/instructions
.PHONY: bench check-instructions
EXTRA_DIST += tests/bench/instructions tests/bench/instructions.json tests/bench/results.json \
	tests/bench/results.svg tests/bench/differential tests/bench/overload tests/bench/run tests/bench/peers.py tests/bench/chart.py \
	tests/bench/peers/app.py tests/bench/peers/bench.c tests/bench/peers/handler.c \
	tests/bench/peers/main.go \
	tests/bench/peers/mhd.c tests/bench/peers/mod_bench.c tests/bench/peers/ref_epoll.c
