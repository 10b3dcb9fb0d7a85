/* SPDX-License-Identifier: MIT
 *
 * Errors and warnings of a run: collected with their places, sorted, said once.
 * "file:line:col: path.to.key: what is wrong; what was expected; did you mean 'x'?"
 */
#ifndef WEIR_CONFIG_REPORT_H
#define WEIR_CONFIG_REPORT_H

#include <stdarg.h>

#include "config/load.h"
#include "config/node.h"

struct report;

struct report *report_new(struct arena *a);
/* Of another language than YAML: places are files, lines and columns alone. */
void report_hide_paths(struct report *r);
size_t report_errors_n(const struct report *r);
/* At a node, with its path. */
void report_error(struct report *r, const struct node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_warning(struct report *r, const struct node *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* At a place; path may be NULL. */
void report_error_at(struct report *r, struct pos at, const char *path, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));
/* Inside the text of a scalar, `offset` bytes from its beginning. */
void report_error_in(struct report *r, const struct node *at, size_t offset,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "file:line:col" */
const char *report_place(struct arena *a, struct pos at);
/* The errors, sorted, as a list of their own. */
struct cfg_errors *report_errors(struct report *r);
/* The warnings, sorted, in the arena. */
const char **report_warnings(struct report *r, size_t *n);

#endif
