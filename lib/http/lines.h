/* SPDX-License-Identifier: MIT
 *
 * Where a head parser stands: the input, the limits, the reason to refuse. A message is
 * judged strictly from left to right: the reason is that of the first byte which cannot
 * be right, so that it does not depend on how the bytes arrive. Private to lib/http.
 */
#ifndef WEIR_HTTP_LINES_H
#define WEIR_HTTP_LINES_H

#include "lib/http/head.h"

struct http_lines {
	const char *base; /* the first byte of the head */
	const char *end;  /* of the input */
	const char
		*stop; /* of what may be read: the input, or the longest head allowed */
	size_t head_room; /* limits->head_bytes, clamped */
	enum http_parse result;
	enum http_reject why;
};

static inline void
http_lines_begin(struct http_lines *s, const char *base)
{
	size_t have = (size_t)(s->end - base);

	s->base = base;
	s->stop = base + (have < s->head_room ? have : s->head_room);
}

/* The end of what may be read of the line that begins at `line`, when the longest line
 * allowed has `max` bytes without CRLF. */
static inline const char *
http_line_stop(const struct http_lines *s, const char *line, size_t max)
{
	return (size_t)(s->stop - line) <= max + 2 ? s->stop : line + max + 2;
}

/* The line has no end before its stop. Always NULL. */
const char *http_line_ran_out(struct http_lines *s, const char *line, size_t max,
			      enum http_reject too_long);
/* Refuses. Always NULL. */
const char *http_line_refuse(struct http_lines *s, enum http_reject why);

/* Parse a start line at `line`; return the byte behind its LF, or NULL with s->result
 * (and s->why) set. */
const char *http_request_line(struct http_lines *s, const char *line, size_t max,
			      struct http_head *h);
const char *http_status_line(struct http_lines *s, const char *line, size_t max,
			     struct http_head *h);
/* Which of the four forms h->target has, and its parts (RFC 9112 3.2). */
enum http_reject http_target_split(struct http_head *h);

#endif
