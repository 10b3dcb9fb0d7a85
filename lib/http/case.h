/* SPDX-License-Identifier: MIT
 *
 * Field names in a given case, for peers that do not know that case does not matter
 * (RFC 9110 5.1). A set of spellings, built when a configuration is loaded, and its
 * application to a head that is ready to be sent.
 */
#ifndef WEIR_HTTP_CASE_H
#define WEIR_HTTP_CASE_H

#include <stdint.h>

#include "lib/base/arena.h"

struct http_case;

/* The n names as they are to be written, each of them once. */
struct http_case *http_case_new(struct arena *a, const struct span *names, size_t n);
/* Writes the names of a head (start line, fields, empty line) in their case. */
void http_case_apply(const struct http_case *c, char *head, size_t n);

#endif
