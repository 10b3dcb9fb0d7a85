/* SPDX-License-Identifier: MIT
 *
 * Converters of text. Any process; no allocation.
 */
#include "lib/expr/parts.h"

bool
expr_conv_length(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	(void)c;
	(void)args;
	expr_set_int(s, (int64_t)s->str.n);
	return true;
}

bool
expr_conv_lower(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char *p = expr_own(c, s);
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
	return p != NULL;
}

bool
expr_conv_upper(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	char *p = expr_own(c, s);
	(void)args;
	for (size_t i = 0; p && i < s->str.n; i++)
		if (p[i] >= 'a' && p[i] <= 'z')
			p[i] = (char)(p[i] - 32);
	return p != NULL;
}

expr_args_check_fn *const expr_conv_checks[EXPR_CONVS_N] = {NULL};
