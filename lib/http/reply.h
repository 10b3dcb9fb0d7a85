/* SPDX-License-Identifier: MIT
 *
 * Answers made here: errors with a small correct HTML body, fixed answers of the
 * configuration, the contents of error files. Pure.
 */
#ifndef WEIR_HTTP_REPLY_H
#define WEIR_HTTP_REPLY_H

#include "lib/http/head.h"

struct http_reply {
	int status;
	struct span content_type; /* empty: no Content-Type */
	struct span extra;	  /* complete field lines, each with CRLF */
	struct span body;
	struct span head; /* of an error file: start line and fields, in the place of
			   * status and content_type */
	struct span date; /* empty: no Date */
	bool is_silent;	  /* an empty error file: nothing is sent, the connection ends */
	bool is_head;	  /* the request was HEAD: Content-Length, but no body */
	bool say_close, say_keep_alive;
};

/* The errors whose answer the configuration may replace, in the order of status.def. */
enum http_error {
#define PHRASE(status, reason)
#define PAGE(status, reason, text)
#define ERROR(status, reason, text) HTTP_ERROR_##status,
#include "lib/http/status.def"
#undef PHRASE
#undef PAGE
#undef ERROR
	HTTP_ERRORS_N
};

/* Their codes: "200|400|...". */
extern const char http_error_text[];
#define HTTP_ERRORS_TEXT (http_error_text + 1) /* it begins with '|' */

/* "Not Found"; "" for unknown codes. RFC 9110 15, RFC 6585. */
const char *http_reason(int status);
/* enum http_error, -1 for the others. */
int http_error_of(int status);
/* Writes head and body; returns the length, 0 when cap is too small. A status that may
 * not have a body (1xx, 204, 304) gets neither body nor Content-Length. */
size_t http_reply_write(const struct http_reply *r, char *out, size_t cap);
/* Room that is enough for it. */
size_t http_reply_bytes(const struct http_reply *r);
/* Fills *r with the standard page of a status (text/html, Cache-Control: no-cache as
 * HAProxy's); codes that have none get an empty body. The spans are static. */
void http_reply_error(int status, struct http_reply *r);
/* 405 for CONNECT and TRACE, with the list of what is not refused (RFC 9110 15.5.6). */
void http_reply_method(struct http_reply *r);

#endif
