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
#define ALIAS(id, name, mode, kind, help) FORMAT_ALIAS_##id,
#include "lib/expr/format_alias.def"
#undef ALIAS
	FORMAT_ALIASES_N
};

/* What the text is for: what becomes of missing values and odd bytes. */
enum format_use {
	/* "-" for what is missing; '"', '#' and what is not printable as #XX; runs of
	 * blanks are one blank (configuration.txt 8.6) */
	FORMAT_LOG,
	/* nothing for what is missing; what a field must not hold as %XX */
	FORMAT_FIELD,
	/* nothing for what is missing; all bytes as they are */
	FORMAT_BYTES,
};

struct format;

/* env->at says where it is evaluated; is_http: aliases of HTTP proxies are allowed. "%%"
 * is a percent sign. NULL with err. */
const struct format *format_compile(struct expr_env *env, struct span text,
				    enum format_use use, bool is_http,
				    struct expr_error *err);
/* A JSON object: names[i] with what texts[i] gives, a number where that is one item with
 * a number, null where it is one item without a value, else a string. `wrong` is the
 * index of the text err is about. */
const struct format *format_compile_object(struct expr_env *env, const struct span *names,
					   const struct span *texts, size_t n,
					   bool is_http, size_t *wrong,
					   struct expr_error *err);
/* The text, when it does not depend on anything; p == NULL otherwise. */
struct span format_constant(const struct format *f);
/* Writes it to out[0, cap); what does not fit is cut. Returns the length. */
size_t format_write(const struct format *f, const struct expr_context *c, char *out,
		    size_t cap);
/* The row of an alias, for documents: its letters, its help; NULL: the end. */
const char *format_alias_at(size_t i, const char **help, bool *is_http_only);

#endif
