/*
 * base/sink and base/writer: lines reach a pipe; one that nobody reads, and a
 * full disk, lose lines and count them.
 *
 * Thread: main; the log thread in some.
 */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/writer.h"
#include "unit.h"

static struct sink s;
static struct ring r;
static char data[4096];
static int ends[2];

static void begin(int64_t delay)
{
	log_set_level(LOG_LEVEL_ERROR);
	ring_init(&r, data, sizeof(data));
	sink_init(&s, "test", &r, 1, delay);
	s.is_silent = true;
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	sink_switch(&s, ends[1]);
}

static void put(const char *line)
{
	sink_put(&s, &r, line, strlen(line));
	sink_tell(&s, &r);
}

static void reads(const char *expected)
{
	char got[8192] = "";
	size_t len = 0;
	struct pollfd p = { .fd = ends[0], .events = POLLIN };
	while (len < strlen(expected) && poll(&p, 1, 10000) > 0) {
		ssize_t n = read(ends[0], got + len, sizeof(got) - 1 - len);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	ck_assert_str_eq(got, expected);
}

START_TEST(lines_wait_for_others_until_they_are_due)
{
	begin(100);
	ck_assert_int_eq(sink_turn(&s, 1000), CLOCK_NEVER);
	put("one\n");
	ck_assert_int_eq(sink_turn(&s, 1000), 1100);
	put("two\n");
	ck_assert_int_eq(sink_turn(&s, 1050), 1100);
	reads("");
	ck_assert_int_eq(sink_turn(&s, 1100), CLOCK_NEVER);
	reads("one\ntwo\n");
}
END_TEST

START_TEST(much_of_a_ring_does_not_wait)
{
	char line[3000];
	begin(100);
	memset(line, 'x', sizeof(line));
	strcpy(line + sizeof(line) - 2, "\n");
	put(line);
	ck_assert_int_eq(sink_turn(&s, 1000), CLOCK_NEVER);
	reads(line);
}
END_TEST

/* Fills the pipe; returns how many lines are in it and in the ring. */
static int fill(void)
{
	int lines = 0;
	while (sink_lost(&s) == 0) {
		put("0123456789\n");
		lines++;
		(void)sink_turn(&s, 1000);
	}
	return lines - 1;
}

static int empty(void)
{
	char got[4096];
	int lines = 0;
	ssize_t n;
	while ((n = read(ends[0], got, sizeof(got))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += got[i] == '\n';
	}
	return lines;
}

START_TEST(a_pipe_that_nobody_reads_loses_the_newest_and_counts_them)
{
	begin(0);
	int lines = fill();
	put("lost\n");
	ck_assert_uint_eq(sink_lost(&s), 2);
	ck_assert(sink_is_blocked(&s));
	ck_assert_int_eq(sink_turn(&s, 2000), CLOCK_NEVER);
	int got = empty();
	while (sink_is_blocked(&s)) {
		(void)sink_turn(&s, 3000);
		got += empty();
	}
	ck_assert_int_eq(got, lines);
	/* Said when it has been over for a while. */
	ck_assert(s.is_losing);
	(void)sink_turn(&s, 3000 + NS_PER_S);
	ck_assert(!s.is_losing);
	ck_assert_int_eq(sink_turn(&s, 3000 + NS_PER_S), CLOCK_NEVER);
}
END_TEST

START_TEST(a_full_disk_loses_lines_and_a_new_file_gets_the_next)
{
	int fd;
	begin(0);
	ck_assert_int_eq(sink_open("/dev/full", &fd), 0);
	sink_switch(&s, fd);
	put("one\n");
	put("two\n");
	(void)sink_turn(&s, 1000);
	ck_assert_uint_eq(sink_lost(&s), 2);
	ck_assert_int_eq(s.err, ENOSPC);
	ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
	sink_switch(&s, ends[1]);
	put("three\n");
	(void)sink_turn(&s, 1001);
	reads("three\n");
	ck_assert_uint_eq(sink_lost(&s), 2);
}
END_TEST

START_TEST(a_pipe_that_would_block_its_writer_is_asked_before)
{
	begin(0);
	int plain[2];
	ck_assert_int_eq(pipe(plain), 0);
	ck_assert_int_eq(fcntl(plain[0], F_SETFL, O_NONBLOCK), 0);
	ends[0] = plain[0];
	sink_switch(&s, plain[1]);
	int lines = fill();
	ck_assert(sink_is_blocked(&s));
	int got = empty();
	while (sink_is_blocked(&s)) {
		(void)sink_turn(&s, 3000);
		got += empty();
	}
	ck_assert_int_eq(got, lines);
}
END_TEST

START_TEST(a_symbolic_link_is_refused_and_modes_are_those_of_logs)
{
	char folder[] = "/tmp/test_sink.XXXXXX", file[64], link[64];
	struct stat st;
	int fd;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/a", folder);
	snprintf(link, sizeof(link), "%s/b", folder);
	umask(0);
	ck_assert_int_eq(sink_open(file, &fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(fd, F_GETFL) & O_APPEND);
	close(fd);
	ck_assert_int_eq(symlink(file, link), 0);
	ck_assert_int_eq(sink_open(link, &fd), -ELOOP);
	unlink(link);
	unlink(file);
	rmdir(folder);
}
END_TEST

START_TEST(the_thread_writes_what_is_due_and_at_the_end_the_rest)
{
	begin(NS_PER_S / 20);
	writer_add(&s);
	ck_assert_int_eq(writer_start(), 0);
	for (int i = 0; i < 3; i++) {
		put("line\n");
		reads("line\n");
	}
	put("last\n");
	ck_assert(writer_stop());
	reads("last\n");
	ck_assert(writer_stop());
}
END_TEST

START_TEST(the_thread_ends_in_time_when_nobody_reads)
{
	begin(NS_PER_S / 20);
	writer_add(&s);
	while (write(ends[1], data, sizeof(data)) > 0)
		;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(writer_start(), 0);
	put("line\n");
	ck_assert(writer_stop());
	ck_assert_uint_eq(sink_lost(&s), 1);
}
END_TEST

START_TEST(last_words_are_behind_all_that_was_on_its_way)
{
	begin(NS_PER_S * 10);
	writer_add(&s);
	ck_assert_int_eq(writer_start(), 0);
	put("on its way\n");
	writer_last_words();
	reads("on its way\n");
}
END_TEST

UNIT_MAIN("sink", lines_wait_for_others_until_they_are_due, much_of_a_ring_does_not_wait,
	  a_pipe_that_nobody_reads_loses_the_newest_and_counts_them,
	  a_full_disk_loses_lines_and_a_new_file_gets_the_next,
	  a_pipe_that_would_block_its_writer_is_asked_before,
	  a_symbolic_link_is_refused_and_modes_are_those_of_logs,
	  the_thread_writes_what_is_due_and_at_the_end_the_rest,
	  the_thread_ends_in_time_when_nobody_reads, last_words_are_behind_all_that_was_on_its_way)
