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

/* One replacement for each match, or for the first; as in Perl an empty match stands in
 * front of a byte, or at the end. false: no room, or the regex gave up. */
static bool
replace_all(const struct expr_context *c, const struct expr_arg *args,
	    struct span subject, char *out, size_t *n, size_t cap)
{
	size_t groups[2 * GROUPS_N], at = 0;
	int got;
	do {
		got = expr_regex_match(args[0].regex, c, subject, at, groups, GROUPS_N);
		if (got <= 0)
			break;
		if (!put(subject.p + at, groups[0] - at, out, n, cap) ||
		    !expr_put_groups(args[1].str, subject, groups, got, out, n, cap))
			return false;
		at = groups[1];
		if (groups[0] < groups[1])
			continue;
		if (at == subject.n)
			break;
		if (!put(subject.p + at++, 1, out, n, cap))
			return false;
	} while (args[2].integer);
	return got >= 0 && put(subject.p + at, subject.n - at, out, n, cap);
}

bool
expr_conv_regsub(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct expr_scratch *room = c->scratch;
	char *out = room->bytes + room->used;
	size_t n = 0;
	if (!replace_all(c, args, s->str.p ? s->str : SPAN(""), out, &n,
			 room->cap - room->used))
		return false;
	room->used += n;
	expr_set_own(s, EXPR_STR, out, n);
	return true;
}
