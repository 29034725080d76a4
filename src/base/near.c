/*
 * Edit distance with swaps of neighbours, three rows of its table at a time.
 *
 * Thread: any.
 */
#include "base/near.h"

#include <string.h>

enum { NAME_MAX_BYTES = 63 };

/* One mistake in up to four letters, two in up to eight, three beyond. */
void near_init(struct near *n, const char *name)
{
	size_t len = strlen(name);
	unsigned allowed = len <= 4 ? 1 : len <= 8 ? 2 : 3;
	*n = (struct near){ .name = name, .distance = allowed + 1 };
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Row i of the table says, for each j, how far the first i letters of `a` are
 * from the first j of `b`; a swap looks two rows back. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][NAME_MAX_BYTES + 1];
	for (unsigned j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3], *prev = rows[(i - 1) % 3];
		const unsigned *prev2 = rows[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			char x = lower(a[i - 1]), y = lower(b[j - 1]);
			now[j] = least(prev[j], now[j - 1]) + 1;
			now[j] = least(now[j], prev[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]))
				now[j] = least(now[j], prev2[j - 2] + 1);
		}
	}
	return rows[a_len % 3][b_len];
}

void near_offer(struct near *n, const char *known)
{
	size_t a_len = strlen(n->name), b_len = strlen(known);
	if (a_len > NAME_MAX_BYTES || b_len > NAME_MAX_BYTES)
		return;
	unsigned d = distance(n->name, a_len, known, b_len);
	/* When every letter is another one it is another word. */
	if (d < n->distance && d < a_len && d < b_len) {
		n->distance = d;
		n->best = known;
	}
}
