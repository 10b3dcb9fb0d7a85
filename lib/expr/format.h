/* SPDX-License-Identifier: MIT
 *
 * Formats: text with %letters, %{flags}letters and %[expressions] (configuration.txt
 * 8.2.6), as in log_format, set_header, return lf_string. Compiled once, written without
 * allocation.
 */
#ifndef WEIR_EXPR_FORMAT_H
#define WEIR_EXPR_FORMAT_H

#include "lib/expr/program.h"

enum format_alias_id {
#define ALIAS(id, name, type, where, help) FORMAT_ALIAS_##id,
#include "lib/expr/format_alias.def"
#undef ALIAS
	FORMAT_ALIASES_N
};

/* What the text is for: how values are written when they are empty or hold odd bytes. */
enum format_use {
	FORMAT_LOG,  /* "-" for missing values; control bytes as #XX */
	FORMAT_TEXT, /* field values, paths, bodies: nothing for missing ones, verbatim */
};

struct format;

/* NULL with err. env->at says where it is evaluated. A text without any '%' is constant:
 * format_constant() tells. "%%" is a percent sign. */
const struct format *format_compile(struct expr_env *env, struct span text,
				    enum format_use use, struct expr_error *err);
/* The text, when it does not depend on anything; p == NULL otherwise. */
struct span format_constant(const struct format *f);
/* Writes it to out[0, cap); what does not fit is cut. Returns the length. */
size_t format_write(const struct format *f, const struct expr_context *c, char *out,
		    size_t cap);

#endif
