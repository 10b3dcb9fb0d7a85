/* SPDX-License-Identifier: MIT
 *
 * The inside of programs: rows of fetches and converters, arguments. Private to lib/expr.
 */
#ifndef WEIR_EXPR_PARTS_H
#define WEIR_EXPR_PARTS_H

#include "lib/expr/vars.h"

/* One argument as written, unquoted and unescaped. */
struct expr_arg_text {
	struct span text;
	size_t at; /* of its first byte in the expression */
};

/* "(a,b)" at text[*pos]; *pos moves behind it. The number of arguments (without a
 * parenthesis 0), or -1 with err. */
int expr_args_split(struct arena *a, struct span text, size_t *pos,
		    struct expr_arg_text out[EXPR_ARGS_MAX], struct expr_error *err);
/* Makes values of them as the signature says, in the arena: one for each of its places,
 * those not given are EXPR_ARG_NONE, and an EXPR_ARG_NONE behind the last. `what` is the
 * name for messages, written at `at`. NULL with err. */
struct expr_arg *expr_args_bind(struct expr_env *env, struct span what, size_t at,
				const char *signature, const struct expr_arg_text *texts,
				int n, struct expr_error *err);

/* What a signature cannot say: 0, or -1 with err (at: the argument's, by index). May
 * change the arguments into what evaluation needs. */
typedef int expr_args_check_fn(struct expr_env *env, struct expr_arg *args,
			       const struct expr_arg_text *texts, struct expr_error *err);

struct expr_fetch_row {
	const char *name, *args, *help, *manual;
	enum expr_type type;
	unsigned where;
};
extern const struct expr_fetch_row expr_fetch_rows[EXPR_FETCHES_N];
/* Those that need no process; NULL elsewhere. */
extern expr_fetch_fn *const expr_own_fetches[EXPR_FETCHES_N];
extern expr_args_check_fn *const expr_fetch_checks[EXPR_FETCHES_N];

/* Changes *s, which has the type the row takes. false: there is no value. */
typedef bool expr_conv_fn(const struct expr_context *c, const struct expr_arg *args,
			  struct expr_sample *s);

struct expr_conv_row {
	const char *name, *args, *help, *manual;
	enum expr_type in, out;
	expr_conv_fn *fn;
};
extern const struct expr_conv_row expr_conv_rows[EXPR_CONVS_N];
extern expr_args_check_fn *const expr_conv_checks[EXPR_CONVS_N];

#define CONV(id, name, args, in, out, help, manual) expr_conv_fn expr_conv_##id;
#include "lib/expr/conv.def"
#undef CONV

/* Checks of arguments, beside their converters. */
expr_args_check_fn expr_check_bytes, expr_check_delimiter, expr_check_digest,
	expr_check_hmac, expr_check_chunks, expr_check_has_ctl, expr_check_json_query,
	expr_check_add_item, expr_check_param, expr_check_when, expr_check_debug,
	expr_check_regsub;
#define MAP(id, name, match, in, out) expr_args_check_fn expr_check_##id;
#define MAP_KEY(id, name, match, in)  expr_args_check_fn expr_check_##id;
#include "lib/expr/map.def"
#undef MAP
#undef MAP_KEY

/* program.c: the name of a fetch. */
bool expr_is_fetch(struct span name);
/* names.c: HAProxy's, not implemented here. */
bool expr_is_known_fetch(struct span name);
bool expr_is_known_conv(struct span name);

/* The bytes of *s where they may be changed; NULL: no room. */
char *expr_own(const struct expr_context *c, struct expr_sample *s);
/* *s becomes text of the scratch, written to expr_scratch_take()n memory. */
static inline void
expr_set_own(struct expr_sample *s, enum expr_type type, const char *p, size_t n)
{
	s->type = (uint8_t)type;
	s->is_own = true;
	s->str = span_of(p, n);
}

/* An argument of kind num: a number, or what a variable holds. */
bool expr_arg_int(const struct expr_context *c, const struct expr_arg *arg, int64_t *out);

/* The leading number of s as HAProxy reads it: a sign, digits, anything; without digits
 * 0, too large ones are the largest. */
int64_t expr_leading_int(struct span s);
/* The whole of s is one number. */
bool expr_parse_int(struct span s, int64_t *out);
size_t expr_put_int(char *p, int64_t v); /* 20 bytes at most */

/* conv_regex.c: text with \0 .. \9 for what groups of the subject caught; false: no room
 * in out[*n, cap). */
bool expr_put_groups(struct span text, struct span subject, const size_t *groups,
		     int groups_n, char *out, size_t *n, size_t cap);

/* regex.c: frees those of the environment. */
void expr_regex_free_all(struct expr_env *env);

#endif
