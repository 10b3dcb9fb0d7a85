/* SPDX-License-Identifier: MIT
 *
 * Dates as HTTP writes them (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". Pure.
 */
#ifndef WEIR_HTTP_DATE_H
#define WEIR_HTTP_DATE_H

#include <stdint.h>

enum { HTTP_DATE_BYTES = 29 };

/* Seconds since 1970, before the year 10000; no terminator. */
void http_date_put(char out[HTTP_DATE_BYTES], uint64_t seconds);

#endif
