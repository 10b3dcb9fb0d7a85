/* SPDX-License-Identifier: MIT
 *
 * The reference of expressions, made of their tables.
 */
#ifndef WEIR_EXPR_DOC_H
#define WEIR_EXPR_DOC_H

#include <stdio.h>

/* Writes docs/expressions.md. */
void expr_doc_markdown(FILE *out);

#endif
