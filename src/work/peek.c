/*
 * Reading of /proc/self/task/TID.
 *
 * Thread: any.
 */
#include "work/peek.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

/* Written by the build from the system's own header. */
static const struct {
	long number;
	const char *name;
} calls[] = {
#include "work/syscalls.inc"
};

const char *peek_call_name(long number)
{
	for (size_t i = 0; i < array_len(calls); i++) {
		if (calls[i].number == number)
			return calls[i].name;
	}
	return NULL;
}

/* The text of a file of the thread, "" when it cannot be read. */
static void read_file(pid_t tid, const char *name, char *to, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The letter behind the name, which may hold anything: its last ')' counts. */
static char read_state(pid_t tid)
{
	char text[512];
	read_file(tid, "stat", text, sizeof(text));
	const char *close = strrchr(text, ')');
	return close && close[1] == ' ' ? close[2] : '\0';
}

static const char *state_text(char state)
{
	switch (state) {
	case 'R':
		return "on CPU";
	case 'S':
		return "asleep";
	case 'D':
		return "asleep, not to be interrupted,";
	case 'T':
	case 't':
		return "stopped";
	case '\0':
		return "its state cannot be read";
	default:
		return "ended";
	}
}

void peek_thread(pid_t tid, char *to)
{
	char call[256], channel[64];
	char state = read_state(tid);
	int len = snprintf(to, PEEK_TEXT_SIZE, "%s", state_text(state));
	if (state != 'S' && state != 'D')
		return;
	read_file(tid, "syscall", call, sizeof(call));
	char *end;
	long number = strtol(call, &end, 10);
	const char *name = end != call && number >= 0 ? peek_call_name(number) : NULL;
	if (name)
		len += snprintf(to + len, PEEK_TEXT_SIZE - (size_t)len, " in %s", name);
	read_file(tid, "wchan", channel, sizeof(channel));
	if (channel[0] && strcmp(channel, "0") != 0)
		snprintf(to + len, PEEK_TEXT_SIZE - (size_t)len, " (%s)", channel);
}
