/* SPDX-License-Identifier: MIT
 *
 * Expressions without a daemon: for people who learn the language or look for a mistake.
 */
#ifndef WEIR_WORKER_FETCH_EVALUATE_H
#define WEIR_WORKER_FETCH_EVALUATE_H

#include <stdio.h>

#include "lib/base/span.h"

/* Evaluates text on a request as it would come from 127.0.0.1 (empty: GET / of a host
 * localhost) and prints every value with its type, a line each. A text that begins with
 * '{' or '!' is a condition, one that begins with '%' or has a "%[" a format. Returns 0,
 * 1 when there is no value or the condition is false, 2 on a mistake (told on stderr with
 * its column). Numbers of the shared region are 0 here. */
int worker_evaluate(struct span text, struct span request, FILE *out);

#endif
