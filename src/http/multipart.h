/*
 * multipart/form-data (RFC 7578, RFC 2046), taken apart while it comes: bytes
 * in, cut anywhere, events out. It keeps no byte but the headers of one part.
 *
 * Thread: any; pure functions.
 */
#ifndef WEIR_HTTP_MULTIPART_H
#define WEIR_HTTP_MULTIPART_H

#include "http/http.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70,
	MULTIPART_HEADERS_MAX = 4096, /* bytes of one part's, line ends and all */
	MULTIPART_PARTS_MAX = 1000,
};

enum multipart_event {
	MULTIPART_MORE, /* all was used; nothing to tell */
	MULTIPART_PART, /* a part begins: name, file_name and type are its */
	MULTIPART_DATA, /* `data` are its next bytes; never none */
	MULTIPART_PART_END,
	MULTIPART_END, /* behind the last part, told once; what follows is dropped */
};

enum multipart_state {
	MULTIPART_IN_PREAMBLE,
	MULTIPART_IN_DELIMITER, /* behind the boundary: "--", or blanks and CRLF */
	MULTIPART_IN_HEADERS,
	MULTIPART_IN_DATA,
	MULTIPART_IN_EPILOGUE,
	MULTIPART_IS_BAD,
};

struct http_multipart {
	enum multipart_state state;
	int why; /* of MULTIPART_IS_BAD: what is returned from then on */
	size_t delimiter_len;
	size_t matched;  /* of delimiter, up to where we are */
	size_t implied;  /* of these, what did not stand in the data */
	size_t tail_len; /* of what stands behind the boundary: '-' or CR */
	char tail;
	size_t line; /* where in `headers` the line begins that comes */
	size_t headers_len;
	size_t parts; /* so far */
	bool has_disposition;
	/* Of the part that began last; raw, quotes taken off. */
	struct http_span name;
	struct http_span file_name; /* at NULL: none */
	struct http_span type;      /* at NULL: none */
	struct http_span data;
	char delimiter[4 + MULTIPART_BOUNDARY_MAX]; /* CRLF, "--", boundary */
	char headers[MULTIPART_HEADERS_MAX];
};

/* 0, or -400: the boundary is empty, too long, ends with a space or has a
 * control character. It is copied. */
must_check int http_multipart_init(struct http_multipart *m, const char *boundary, size_t len);

/*
 * Looks at data[*pos, len) and moves *pos. Returns the next event; -400 when
 * the body is not well-formed, a part has no name, or its headers exceed
 * MULTIPART_HEADERS_MAX; -413 beyond MULTIPART_PARTS_MAX. After an error the
 * same comes again. Spans in `m` hold until the next call.
 */
must_check int http_multipart_next(struct http_multipart *m, const char *data, size_t len,
				   size_t *pos);

/* Was that all of a body? False: its end is missing. */
bool http_multipart_is_whole(const struct http_multipart *m);

#endif
