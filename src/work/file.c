/*
 * Files as answers. Whether bytes are in memory is asked with
 * preadv2(RWF_NOWAIT): mincore(2) and cachestat(2) tell only who could write
 * the file.
 *
 * Thread: see file.h.
 */
#include "work/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "http/date.h"

enum {
	BOUNDARY_LEN = 32,
	/* One byte in so many is asked for. The kernel reads ahead and forgets in
	 * runs of such a size. */
	SAMPLE_STEP = 64 * 1024,
	FETCH_SIZE = 64 * 1024,
	FETCH_AHEAD = 2 << 20, /* what is sent next is asked for already */
};

#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int file_open(int folder, const char *path, unsigned resolve, struct stat *ret_st)
{
	struct open_how how = { .flags = OPEN_FLAGS, .resolve = resolve };
	struct stat st;
	int fd = resolve ? (int)syscall(SYS_openat2, folder, path, &how, sizeof(how))
			 : openat(folder, path, OPEN_FLAGS);
	if (fd < 0)
		return -errno;
	int err = fstat(fd, &st) < 0     ? errno
		  : S_ISDIR(st.st_mode)  ? EISDIR
		  : !S_ISREG(st.st_mode) ? ENXIO
					 : 0;
	if (err) {
		close(fd);
		return -err;
	}
	*ret_st = st;
	return fd;
}

/* ---- what to send ---- */

static char *put_hex(char *to, uint64_t number)
{
	int digits = 1;
	while (digits < 16 && number >> 4 * digits)
		digits++;
	for (int i = digits - 1; i >= 0; i--, number >>= 4)
		to[i] = "0123456789abcdef"[number & 15];
	return to + digits;
}

/* Whatever is done to a file, or put in its place, changes one of these. */
static void write_etag(char etag[80], const struct stat *st)
{
	*etag++ = '"';
	etag = put_hex(etag, (uint64_t)st->st_ino);
	*etag++ = '-';
	etag = put_hex(etag, (uint64_t)st->st_size);
	*etag++ = '-';
	etag = put_hex(etag, (uint64_t)st->st_mtim.tv_sec);
	*etag++ = '-';
	etag = put_hex(etag, (uint64_t)st->st_mtim.tv_nsec);
	memcpy(etag, "\"", 2);
}

static int put_validators(struct response *res, const struct stat *st, char etag[80])
{
	char date[HTTP_DATE_LEN + 1];
	write_etag(etag, st);
	http_date_write(st->st_mtim.tv_sec, date);
	int rc = response_put_header(res, true, "ETag", etag);
	if (rc == 0)
		rc = response_put_header(res, true, "Last-Modified", date);
	if (rc == 0)
		rc = response_put_header(res, true, "Accept-Ranges", "bytes");
	return rc;
}

static void content_range(char to[80], const struct http_range *range, uint64_t length)
{
	snprintf(to, 80, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
		 (unsigned long long)(range->first + range->length - 1),
		 (unsigned long long)length);
}

static int put_range(struct response *res, const struct http_range *range, uint64_t length)
{
	char text[80];
	content_range(text, range, length);
	return response_put_header(res, true, "Content-Range", text);
}

/* Nobody who writes a file can know it beforehand. */
static void make_boundary(char to[BOUNDARY_LEN + 1])
{
	unsigned char random[BOUNDARY_LEN / 2];
	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		memset(random, 0x5a, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(to + 2 * i, 3, "%02x", random[i]);
}

static void add_piece(struct response *res, struct file_piece *pieces, struct file_piece piece)
{
	pieces[res->piece_count++] = piece;
	res->len += piece.len;
}

static bool add_text(struct response *res, struct file_piece *pieces, const char *text)
{
	if (!text)
		return false;
	add_piece(res, pieces, (struct file_piece){ .text = text, .len = strlen(text) });
	return true;
}

/* multipart/byteranges; -ENOMEM. */
static int set_parts(struct response *res, const struct http_ranges *ranges, uint64_t length)
{
	struct arena *a = &response_request(res)->arena;
	struct file_piece *pieces = arena_alloc(a, (2 * ranges->count + 1) * sizeof(*pieces));
	char boundary[BOUNDARY_LEN + 1], range[80];
	if (!pieces)
		return -ENOMEM;
	make_boundary(boundary);
	res->len = 0;
	for (size_t i = 0; i < ranges->count; i++) {
		const struct http_range *r = &ranges->list[i];
		content_range(range, r, length);
		if (!add_text(res, pieces,
			      arena_printf(a,
					   "%s--%s\r\nContent-Type: %s\r\n"
					   "Content-Range: %s\r\n\r\n",
					   i ? "\r\n" : "", boundary, res->type, range)))
			return -ENOMEM;
		add_piece(res, pieces, (struct file_piece){ NULL, r->first, r->length });
	}
	res->type = arena_printf(a, "multipart/byteranges; boundary=%s", boundary);
	if (!res->type || !add_text(res, pieces, arena_printf(a, "\r\n--%s--\r\n", boundary)))
		return -ENOMEM;
	res->pieces = pieces;
	return 0;
}

static int set_status(struct response *res, int status, const struct http_ranges *ranges,
		      uint64_t length)
{
	char text[80];
	if (status == 416) {
		snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)length);
		return response_put_header(res, true, "Content-Range", text);
	}
	if (status == 206 && ranges->count > 1)
		return set_parts(res, ranges, length);
	if (status != 206)
		return 0;
	res->offset = ranges->list[0].first;
	res->len = ranges->list[0].length;
	return put_range(res, &ranges->list[0], length);
}

int file_respond(struct response *res, int fd, const struct stat *st, const char *type)
{
	char etag[80];
	struct http_ranges ranges;
	struct http_entity entity = {
		.length = (uint64_t)st->st_size,
		.etag = etag,
		.modified = st->st_mtim.tv_sec,
	};
	response_clear_body(res);
	res->kind = BODY_FILE;
	res->fd = fd;
	res->type = type;
	res->len = entity.length;
	int rc = put_validators(res, st, etag);
	int status = http_cond_evaluate(&response_request(res)->head, &entity, &ranges);
	if (rc == 0)
		rc = set_status(res, status, &ranges, entity.length);
	if (rc < 0 || (status != 200 && status != 206))
		response_clear_body(res);
	return rc < 0 ? rc : status;
}

struct file_piece file_piece_at(const struct response *res, uint64_t sent)
{
	must(res->kind == BODY_FILE && sent < res->len);
	if (!res->pieces)
		return (struct file_piece){ NULL, res->offset + sent, res->len - sent };
	const struct file_piece *piece = res->pieces;
	for (; sent >= piece->len; piece++)
		sent -= piece->len;
	return (struct file_piece){
		.text = piece->text ? piece->text + sent : NULL,
		.offset = piece->offset + sent,
		.len = piece->len - sent,
	};
}

/* ---- memory ---- */

/* Some file systems cannot say; those that are memory need not. */
static bool is_memory(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

/* As pread, but with EAGAIN in the place of waiting. */
static ssize_t read_now(int fd, char *to, size_t len, uint64_t offset)
{
	struct iovec iov = { to, len };
	ssize_t n = preadv2(fd, &iov, 1, (off_t)offset, RWF_NOWAIT);
	if (n >= 0 || errno != EOPNOTSUPP)
		return n;
	if (is_memory(fd))
		return pread(fd, to, len, (off_t)offset);
	errno = EAGAIN;
	return -1;
}

uint64_t file_in_memory(int fd, uint64_t offset, uint64_t len)
{
	char byte = 0;
	for (uint64_t at = 0; at < len; at += SAMPLE_STEP) {
		if (read_now(fd, &byte, 1, offset + at) < 0 && errno == EAGAIN)
			return at;
	}
	return len;
}

bool file_read_now(int fd, char *to, size_t len, uint64_t offset)
{
	return read_now(fd, to, len, offset) == (ssize_t)len;
}

void file_fetch(int fd, uint64_t offset, uint64_t len)
{
	char dropped[FETCH_SIZE];
	(void)posix_fadvise(fd, (off_t)offset, (off_t)len + FETCH_AHEAD, POSIX_FADV_WILLNEED);
	for (uint64_t at = 0; at < len;) {
		size_t n = len - at < FETCH_SIZE ? (size_t)(len - at) : FETCH_SIZE;
		ssize_t got = pread(fd, dropped, n, (off_t)(offset + at));
		/* An error meets whoever sends, too. */
		if (got == 0 || (got < 0 && errno != EINTR))
			return;
		at += got > 0 ? (uint64_t)got : 0;
	}
}
