/*
 * tests/cases/http.cases against whole connections: each case is sent in one
 * piece, in two pieces cut at every byte, and byte by byte, and must have the
 * answers and the fate that stand before it. tests/README.md has the format.
 *
 * Thread: one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "conn_rig.h"
#include "unit.h"

enum { LINE_MAX_LEN = 4096, BYTES_MAX = 128 * 1024, LONG_CASE = 700, LONG_STEP = 1021 };

struct wire_case {
	char expected[256]; /* "200,404", "-": none */
	char fate[8];       /* keep, close; end: the client ends its sending */
	char *bytes;
	size_t len;
	unsigned line;
};

static struct wire_case cases[2000];
static int case_count;

static int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* "\r\n", "\x00" and the like; "{{text*N}}" is the text N times. */
static size_t unescape(const char *from, size_t len, char *to)
{
	size_t out = 0;
	for (size_t i = 0; i < len; i++) {
		if (from[i] == '{' && from[i + 1] == '{') {
			const char *star = strchr(from + i, '*');
			char part[64];
			size_t n = unescape(from + i + 2, (size_t)(star - from) - i - 2, part);
			for (long times = strtol(star + 1, NULL, 10); times > 0; times--) {
				must(out + n < BYTES_MAX);
				memcpy(to + out, part, n);
				out += n;
			}
			i = (size_t)(strstr(star, "}}") - from) + 1;
		} else if (from[i] != '\\') {
			to[out++] = from[i];
		} else if (from[++i] == 'x') {
			to[out++] = (char)(hex(from[i + 1]) * 16 + hex(from[i + 2]));
			i += 2;
		} else {
			to[out++] = from[i] == 'r'   ? '\r'
				    : from[i] == 'n' ? '\n'
				    : from[i] == 't' ? '\t'
						     : from[i];
		}
	}
	return out;
}

static void read_case(char *line, unsigned number)
{
	static char bytes[BYTES_MAX];
	struct wire_case *c = &cases[case_count++];
	int at = 0;
	must(case_count < (int)array_len(cases));
	must(sscanf(line, "%255s %7s %n", c->expected, c->fate, &at) == 2);
	/* One space ends the fate: the case may begin with more. */
	at = (int)(strlen(c->expected) + 1 + strlen(c->fate) + 1);
	c->len = unescape(line + at, strcspn(line + at, "\n"), bytes);
	c->bytes = malloc(c->len + 1);
	must(c->bytes);
	memcpy(c->bytes, bytes, c->len);
	c->line = number;
}

static void read_cases(void)
{
	char path[512], line[LINE_MAX_LEN];
	const char *top = getenv("top_srcdir");
	snprintf(path, sizeof(path), "%s/tests/cases/http.cases", top ? top : ".");
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "cannot open %s", path);
	for (unsigned number = 1; fgets(line, sizeof(line), f); number++) {
		if (line[0] != '#' && line[0] != '\n')
			read_case(line, number);
	}
	fclose(f);
	ck_assert_int_ge(case_count, 600);
}

/* Sends what can still be sent: a connection may be closed before its end. */
static void send_piece(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		rig_turn();
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

static void tell(const struct rig_answers *a, const char *fate, char *to)
{
	to += sprintf(to, "%s", a->count == 0 ? "-" : "");
	for (int i = 0; i < a->count; i++)
		to += sprintf(to, "%s%d", i ? "," : "", a->status[i]);
	bool is_end = strcmp(fate, "end") == 0;
	sprintf(to, " %s%s",
		!a->is_closed ? "keep"
		: is_end      ? "end"
			      : "close",
		a->is_broken ? " broken" : "");
}

/* Pieces of `first`, then of `others` bytes. */
static void run_case(const struct wire_case *c, size_t first, size_t others, bool prints)
{
	static struct rig_answers a;
	char seen[16384], wanted[512];
	a.count = 0;
	a.len = 0;
	a.is_closed = a.is_broken = false;
	int fd = rig_connect();
	for (size_t at = 0, piece = first; at < c->len; at += piece, piece = others) {
		piece = piece < c->len - at ? piece : c->len - at;
		send_piece(fd, c->bytes + at, piece);
	}
	if (strcmp(c->fate, "end") == 0)
		shutdown(fd, SHUT_WR);
	for (int i = 0; i < 4; i++)
		rig_turn();
	rig_read(fd, &a);
	rig_close(fd);
	tell(&a, c->fate, seen);
	snprintf(wanted, sizeof(wanted), "%s %s", c->expected, c->fate);
	if (prints)
		printf("%u %s\n", c->line, seen);
	else
		ck_assert_msg(strcmp(seen, wanted) == 0, "http.cases:%u cut at %zu: %s, wanted %s",
			      c->line, first, seen, wanted);
}

static void prepare(void)
{
	rig_start();
	read_cases();
}

START_TEST(every_case_is_answered_as_it_says)
{
	prepare();
	for (int i = 0; i < case_count; i++)
		run_case(&cases[i], cases[i].len, 1, getenv("WEIR_PRINT") != NULL);
}
END_TEST

START_TEST(however_it_is_cut_in_two)
{
	prepare();
	for (int i = 0; i < case_count; i++) {
		const struct wire_case *c = &cases[i];
		size_t step = c->len > LONG_CASE ? LONG_STEP : 1;
		for (size_t cut = 1; cut < c->len; cut += step)
			run_case(c, cut, c->len, false);
	}
}
END_TEST

START_TEST(and_byte_by_byte)
{
	prepare();
	for (int i = 0; i < case_count; i++) {
		if (cases[i].len <= LONG_CASE)
			run_case(&cases[i], 1, 1, false);
	}
}
END_TEST

UNIT_MAIN("conn_cases", every_case_is_answered_as_it_says, however_it_is_cut_in_two,
	  and_byte_by_byte)
