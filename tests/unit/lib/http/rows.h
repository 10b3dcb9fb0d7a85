/* SPDX-License-Identifier: MIT
 *
 * What the tables of this folder share: bytes in exactly sized heap blocks (so that
 * AddressSanitizer sees one byte too many) and messages that name the row.
 */
#ifndef TESTS_HTTP_ROWS_H
#define TESTS_HTTP_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/http/head.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))

static const struct http_limits usual = {.request_line_bytes = 16384,
					 .field_bytes = 16384,
					 .head_bytes = 32768,
					 .fields_n = 128,
					 .trailers_bytes = 8192,
					 .allow_connect = true};

static inline char *
copy_of(const char *p, size_t n)
{
	char *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

static inline const char *
word_of(enum http_reject r)
{
	return r == HTTP_REJECTS_N ? "incomplete" : http_reject_word(r);
}

/* Fails naming the row when two reasons differ. */
static inline void
expect_reason(const char *row, const char *how, enum http_reject got,
	      enum http_reject want)
{
	if (got != want)
		fail_msg("%s (%s): %s instead of %s", row, how, word_of(got),
			 word_of(want));
}

static inline void
expect_span(const char *row, const char *what, struct span got, struct span want)
{
	if (!span_eq(got, want))
		fail_msg("%s: %s is '%.*s' instead of '%.*s'", row, what, (int)got.n,
			 got.p ? got.p : "", (int)want.n, want.p ? want.p : "");
}

#endif
