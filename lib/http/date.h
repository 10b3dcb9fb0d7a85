/* SPDX-License-Identifier: MIT
 *
 * Dates as HTTP writes them (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Pure.
 */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include <stdint.h>

#include "lib/base/span.h"

enum { HTTP_DATE_BYTES = 29, HTTP_DATE_LINE_BYTES = 37 };

/* Seconds since 1970, before the year 10000; no terminator. */
void http_date_put(char out[HTTP_DATE_BYTES], uint64_t seconds);

/* The field line of a second, kept for the next message. */
struct http_date {
	uint64_t at_s; /* 0: none yet */
	char line[HTTP_DATE_LINE_BYTES];
};
/* "Date: Sun, 06 Nov 1994 08:49:37 GMT" CRLF; valid until the next call. */
struct span http_date_line(struct http_date *d, uint64_t seconds);

#endif
