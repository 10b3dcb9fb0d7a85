/* SPDX-License-Identifier: MIT
 *
 * What weir prints about itself.
 */
#ifndef WEIR_MASTER_DOCS_H
#define WEIR_MASTER_DOCS_H

#include <stdio.h>

void docs_version(FILE *out);
/* -vv */
void docs_build(FILE *out);
/* docs/counters.md, from shm/counters.def */
void docs_counters(FILE *out);

#endif
