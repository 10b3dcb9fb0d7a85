/* SPDX-License-Identifier: MIT
 *
 * Converter regsub: what sed does with s/regex/text/ (configuration.txt 7.3.1). Any
 * process.
 */
#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

enum { GROUPS_N = 10 };

/* The regex is compiled with its flags, which become a number: 1 for all matches. */
int
expr_check_regsub(struct expr_env *env, struct expr_arg *args,
		  const struct expr_arg_text *texts, struct expr_error *err)
{
	struct span flags = args[2].kind == EXPR_ARG_STR ? args[2].str : SPAN("");
	bool is_global = false, is_caseless = false;
	for (size_t i = 0; i < flags.n; i++) {
		if (flags.p[i] != 'g' && flags.p[i] != 'i')
			return expr_fail(err, texts[2].at,
					 "'%.*s' are not flags; expected g, i or gi",
					 (int)flags.n, flags.p);
		is_global |= flags.p[i] == 'g';
		is_caseless |= flags.p[i] == 'i';
	}
	struct expr_regex *r =
		expr_regex_new(env, args[0].str, is_caseless, texts[0].at, err);
	if (!r)
		return -1;
	args[0] = (struct expr_arg){.kind = EXPR_ARG_REGEX, .regex = r};
	args[2] = (struct expr_arg){.kind = EXPR_ARG_INT, .integer = is_global};
	return 0;
}

static bool
put(const char *p, size_t bytes, char *out, size_t *n, size_t cap)
{
	if (bytes > cap - *n)
		return false;
	if (bytes)
		memcpy(out + *n, p, bytes);
	*n += bytes;
	return true;
}

bool
expr_put_groups(struct span text, struct span subject, const size_t *groups, int groups_n,
		char *out, size_t *n, size_t cap)
{
	bool fits = true;
	for (size_t i = 0; i < text.n && fits; i++) {
		bool is_escape = text.p[i] == '\\' && i + 1 < text.n;
		i += is_escape;
		int group = text.p[i] - '0';
		if (!is_escape || group < 0 || group > 9)
			fits = put(text.p + i, 1, out, n, cap);
		else if (group < groups_n && groups[2 * group] != SIZE_MAX)
			fits = put(subject.p + groups[2 * group],
				   groups[2 * group + 1] - groups[2 * group], out, n,
				   cap);
	}
	return fits;
}

bool
expr_conv_regsub(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct expr_scratch *room = c->scratch;
	char *out = room->bytes + room->used;
	size_t n = 0, cap = room->cap - room->used, groups[2 * GROUPS_N];
	struct span rest = s->str.p ? s->str : SPAN("");
	bool fits = true;
	int got = 0;
	while (fits &&
	       (got = expr_regex_match(args[0].regex, c, rest, groups, GROUPS_N)) > 0) {
		size_t end = groups[1];
		fits = put(rest.p, groups[0], out, &n, cap) &&
		       expr_put_groups(args[1].str, rest, groups, got, out, &n, cap);
		if (groups[1] == groups[0]) { /* an empty match: go on behind a byte */
			if (end == rest.n) {
				rest = span_of(rest.p + end, 0);
				break;
			}
			fits = fits && put(rest.p + end, 1, out, &n, cap);
			end++;
		}
		rest = span_of(rest.p + end, rest.n - end);
		if (!args[2].integer || rest.n == 0)
			break;
	}
	fits = fits && put(rest.p, rest.n, out, &n, cap);
	if (got < 0 || !fits)
		return false;
	room->used += n;
	expr_set_own(s, EXPR_STR, out, n);
	return true;
}
