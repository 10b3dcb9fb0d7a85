/* SPDX-License-Identifier: MIT
 *
 * Converters that read or change variables and captures, debug and when. Any process; the
 * host keeps the values.
 */
#include "lib/expr/parts.h"

static bool
var_get(const struct expr_context *c, const struct expr_arg *arg, enum expr_type want,
	struct expr_sample *out)
{
	*out = (struct expr_sample){.next = 0};
	return arg->kind == EXPR_ARG_VAR && c->host->var_get &&
	       c->host->var_get(c, arg->var, out) && expr_cast(c, out, want);
}

static struct span
text_of(const struct expr_arg *arg)
{
	return arg->kind == EXPR_ARG_STR ? arg->str : span_of(NULL, 0);
}

/* s becomes the four texts behind each other. */
static bool
join(const struct expr_context *c, struct expr_sample *s, const struct span parts[4])
{
	size_t n = 0;
	for (int i = 0; i < 4; i++)
		n += parts[i].n;
	char *p = expr_scratch_take(c->scratch, n);
	if (!p)
		return false;
	n = 0;
	for (int i = 0; i < 4; i++) {
		if (parts[i].n)
			memcpy(p + n, parts[i].p, parts[i].n);
		n += parts[i].n;
	}
	expr_set_own(s, EXPR_STR, p, n);
	return true;
}

bool
expr_conv_concat(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct expr_sample v;
	bool has = var_get(c, &args[1], EXPR_STR, &v);
	const struct span parts[4] = {s->str, text_of(&args[0]),
				      has ? v.str : span_of(NULL, 0), text_of(&args[2])};
	return join(c, s, parts);
}

int
expr_check_add_item(struct expr_env *env, struct expr_arg *args,
		    const struct expr_arg_text *texts, struct expr_error *err)
{
	(void)env;
	if (args[1].kind == EXPR_ARG_NONE && args[2].kind == EXPR_ARG_NONE)
		return expr_fail(err, texts[0].at,
				 "expected a variable or a text behind the delimiter");
	return 0;
}

bool
expr_conv_add_item(const struct expr_context *c, const struct expr_arg *args,
		   struct expr_sample *s)
{
	struct expr_sample v;
	bool has = var_get(c, &args[1], EXPR_STR, &v);
	struct span value = has ? v.str : span_of(NULL, 0), suffix = text_of(&args[2]);
	bool is_item = s->str.n && (value.n || suffix.n);
	const struct span parts[4] = {s->str, is_item ? args[0].str : span_of(NULL, 0),
				      value, suffix};
	return join(c, s, parts);
}

/* As strcmp(3), with the difference of the lengths where one begins with the other. */
bool
expr_conv_strcmp(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct expr_sample v;
	if (!var_get(c, &args[0], EXPR_STR, &v))
		return false;
	size_t n = s->str.n < v.str.n ? s->str.n : v.str.n;
	int order = n ? memcmp(s->str.p, v.str.p, n) : 0;
	expr_set_int(s, order ? order : (int64_t)s->str.n - (int64_t)v.str.n);
	return true;
}

bool
expr_conv_set_var(const struct expr_context *c, const struct expr_arg *args,
		  struct expr_sample *s)
{
	unsigned conditions = 0;
	for (const struct expr_arg *a = args + 1; a->kind == EXPR_ARG_INT; a++)
		conditions |= 1u << a->integer;
	if (c->host->var_set && expr_var_may_set(c, args[0].var, conditions, s))
		c->host->var_set(c, args[0].var, s);
	return true;
}

bool
expr_conv_unset_var(const struct expr_context *c, const struct expr_arg *args,
		    struct expr_sample *s)
{
	(void)s;
	if (c->host->var_set)
		c->host->var_set(c, args[0].var, NULL);
	return true;
}

static bool
capture(const struct expr_context *c, bool is_response, const struct expr_arg *args,
	const struct expr_sample *s)
{
	if (c->host->capture)
		c->host->capture(c, is_response, args[0].integer, s->str);
	return true;
}

bool
expr_conv_capture_req(const struct expr_context *c, const struct expr_arg *args,
		      struct expr_sample *s)
{
	return capture(c, false, args, s);
}

bool
expr_conv_capture_res(const struct expr_context *c, const struct expr_arg *args,
		      struct expr_sample *s)
{
	return capture(c, true, args, s);
}

/* Tells the host; the sample stays as it is. */
bool
expr_conv_debug(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	struct expr_sample shown = *s;
	size_t used = c->scratch->used;
	if (!c->host->debug)
		return true;
	if (expr_cast(c, &shown, EXPR_STR))
		c->host->debug(c, args[0].str.p, shown.str);
	c->scratch->used = used;
	return true;
}

/* The prefix as a C string. */
int
expr_check_debug(struct expr_env *env, struct expr_arg *args,
		 const struct expr_arg_text *texts, struct expr_error *err)
{
	bool is_given = args[0].kind == EXPR_ARG_STR && args[0].str.n;
	(void)texts;
	(void)err;
	args[0].kind = EXPR_ARG_STR;
	args[0].str = span_str(is_given ? arena_span(env->arena, args[0].str) : "debug");
	return 0;
}

/* "!error": the state, and whether it is negated. */
int
expr_check_when(struct expr_env *env, struct expr_arg *args,
		const struct expr_arg_text *texts, struct expr_error *err)
{
	static const char *const words[EXPR_STATES_N] = {
		[EXPR_STATE_ERROR] = "error",	    [EXPR_STATE_FORWARDED] = "forwarded",
		[EXPR_STATE_NORMAL] = "normal",	    [EXPR_STATE_PROCESSED] = "processed",
		[EXPR_STATE_STOPPING] = "stopping", [EXPR_STATE_TOAPPLET] = "toapplet",
	};
	struct span word = span_trim(args[0].str);
	bool is_negated = word.n && word.p[0] == '!';
	(void)env;
	if (is_negated)
		word = span_of(word.p + 1, word.n - 1);
	for (int i = 0; i < EXPR_STATES_N; i++)
		if (span_eq(word, span_str(words[i]))) {
			args[0] = (struct expr_arg){.kind = EXPR_ARG_INT, .integer = i};
			args[1].integer = is_negated;
			return 0;
		}
	return expr_fail(err, texts[0].at,
			 "'%.*s' is not a condition of when; expected error, forwarded, "
			 "normal, processed, stopping or toapplet",
			 (int)word.n, word.p);
}

bool
expr_conv_when(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)s;
	return c->host->is_in_state &&
	       c->host->is_in_state(c, (enum expr_state)args[0].integer) !=
		       (bool)args[1].integer;
}
