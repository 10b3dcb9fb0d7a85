/* SPDX-License-Identifier: MIT
 *
 * Converters of numbers: signed 64-bit integers that stop at their ends instead of
 * wrapping (configuration.txt 7.3.1). Any process.
 */
#include "lib/expr/parts.h"

bool
expr_arg_int(const struct expr_context *c, const struct expr_arg *arg, int64_t *out)
{
	struct expr_sample s = {.next = 0};
	if (arg->kind == EXPR_ARG_INT) {
		*out = arg->integer;
		return true;
	}
	if (!c->host->var_get || !c->host->var_get(c, arg->var, &s) ||
	    !expr_cast(c, &s, EXPR_INT))
		return false;
	*out = s.integer;
	return true;
}

static int64_t
end_towards(bool is_negative)
{
	return is_negative ? INT64_MIN : INT64_MAX;
}

bool
expr_conv_add(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	if (__builtin_add_overflow(s->integer, v, &s->integer))
		s->integer = end_towards(v < 0);
	return true;
}

bool
expr_conv_sub(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	if (__builtin_sub_overflow(s->integer, v, &s->integer))
		s->integer = end_towards(v > 0);
	return true;
}

bool
expr_conv_mul(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	bool is_negative = (s->integer < 0) != (v < 0);
	if (__builtin_mul_overflow(s->integer, v, &s->integer))
		s->integer = end_towards(is_negative);
	return true;
}

bool
expr_conv_div(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	if (v == 0 || (v == -1 && s->integer == INT64_MIN))
		s->integer = INT64_MAX;
	else
		s->integer /= v;
	return true;
}

bool
expr_conv_mod(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	s->integer = v == 0 || v == -1 ? 0 : s->integer % v;
	return true;
}

bool
expr_conv_neg(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	(void)args;
	s->integer = s->integer == INT64_MIN ? INT64_MAX : -s->integer;
	return true;
}

bool
expr_conv_and(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	s->integer &= v;
	return true;
}

bool
expr_conv_or(const struct expr_context *c, const struct expr_arg *args,
	     struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	s->integer |= v;
	return true;
}

bool
expr_conv_xor(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	int64_t v;
	if (!expr_arg_int(c, args, &v))
		return false;
	s->integer ^= v;
	return true;
}

bool
expr_conv_cpl(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	(void)args;
	s->integer = ~s->integer;
	return true;
}

bool
expr_conv_bool(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_bool(s, s->integer != 0);
	return true;
}

bool
expr_conv_not(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_bool(s, s->integer == 0);
	return true;
}

bool
expr_conv_even(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_bool(s, (s->integer & 1) == 0);
	return true;
}

bool
expr_conv_odd(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_bool(s, s->integer & 1);
	return true;
}

bool
expr_conv_iif(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	expr_set_str(s, s->integer ? args[0].str : args[1].str);
	return true;
}

/* A 32-bit number as four bytes in network order. */
bool
expr_conv_htonl(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	uint32_t v = (uint32_t)s->integer;
	char *p = expr_scratch_take(c->scratch, 4);
	(void)args;
	if (!p)
		return false;
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (24 - 8 * i));
	expr_set_own(s, EXPR_BIN, p, 4);
	return true;
}
