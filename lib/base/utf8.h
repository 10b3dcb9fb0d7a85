/* SPDX-License-Identifier: MIT
 *
 * UTF-8 (RFC 3629).
 */
#ifndef WEIR_BASE_UTF8_H
#define WEIR_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the well-formed character at p, of which n bytes may be read (in a C string:
 * any n, its 0 ends every character); 0: there is none. */
size_t utf8_length(const char *p, size_t n);

#endif
