/* SPDX-License-Identifier: MIT
 *
 * Answers made here: errors with a small correct HTML body, fixed answers of the
 * configuration. Pure.
 */
#ifndef WEIR_HTTP_REPLY_H
#define WEIR_HTTP_REPLY_H

#include "lib/http/head.h"

struct http_reply {
	int status;
	struct span content_type; /* empty: no Content-Type */
	struct span extra;	  /* complete field lines, each with CRLF */
	struct span body;
	bool is_head; /* the request was HEAD: Content-Length, but no body */
	bool say_close, say_keep_alive;
};

/* "Not Found"; "" for unknown codes. RFC 9110 15, RFC 6585. */
const char *http_reason(int status);
/* Writes head and body; returns the length, 0 when cap is too small. A status that may
 * not have a body (1xx, 204, 304) gets neither body nor Content-Length. */
size_t http_reply_write(const struct http_reply *r, char *out, size_t cap);
/* Fills *r with the standard error page of a status (text/html, Cache-Control:
 * no-cache as HAProxy's); codes that have none get an empty body. The spans are static.
 */
void http_reply_error(int status, struct http_reply *r);

#endif
