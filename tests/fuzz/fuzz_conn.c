/*
 * A whole connection: bytes in pieces, turns of the loop, a client that reads
 * or does not, ends its sending, or goes and comes back. What the daemon sends
 * must be answers, and nothing may be left behind.
 *
 * An operation is one byte: below 192 so many of the following bytes are sent,
 * from there on 0 to 3 (modulo 4): turn, read, end of sending, a new connection.
 *
 * Thread: one.
 */
#include <stdint.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "conn_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIECE_MAX = 192 };

static struct rig_answers answers;

static int connect_anew(int fd)
{
	if (fd >= 0)
		rig_close(fd);
	answers.count = 0;
	answers.len = 0;
	answers.is_closed = answers.is_broken = false;
	return rig_connect();
}

static void read_all(int fd)
{
	answers.count = 0;
	rig_read(fd, &answers);
	must(!answers.is_broken);
}

static int act(int fd, unsigned what)
{
	switch (what % 4) {
	case 1:
		read_all(fd);
		return fd;
	case 2:
		shutdown(fd, SHUT_WR);
		return fd;
	case 3:
		return connect_anew(fd);
	default:
		rig_turn();
		return fd;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_started;
	if (!is_started)
		rig_start();
	is_started = true;
	int fd = connect_anew(-1);
	for (size_t i = 0; i < size;) {
		unsigned op = data[i++];
		if (op >= PIECE_MAX) {
			fd = act(fd, op);
			continue;
		}
		size_t n = op < size - i ? op : size - i;
		(void)!send(fd, data + i, n, MSG_NOSIGNAL);
		i += n;
	}
	for (int i = 0; i < 3; i++)
		rig_turn();
	read_all(fd);
	rig_close(fd);
	return 0;
}
