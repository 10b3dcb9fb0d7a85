/* SPDX-License-Identifier: MIT
 *
 * Base64 (RFC 4648 4) and its form for URLs and file names (5).
 */
#ifndef WEIR_BASE_BASE64_H
#define WEIR_BASE_BASE64_H

#include <sys/types.h>

#include "lib/base/span.h"

enum base64_form {
	BASE64_PADDED, /* with '+' and '/', '=' at the end */
	BASE64_URL,    /* with '-' and '_', without padding */
};

/* Bytes that encoding n bytes takes at most. */
static inline size_t
base64_room(size_t n)
{
	return (n + 2) / 3 * 4;
}

/* Returns the length; out has base64_room(in.n) bytes. */
size_t base64_encode(struct span in, enum base64_form form, char *out);
/* Returns the length, or -1: not base64 in that form. out has in.n bytes, or is in.p. */
ssize_t base64_decode(struct span in, enum base64_form form, char *out);

#endif
