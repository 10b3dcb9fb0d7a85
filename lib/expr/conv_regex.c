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

/* Text under construction in what is left of the scratch. */
struct output {
	char *p;
	size_t n, cap;
	bool is_full;
};

static void
put(struct output *out, const char *p, size_t n)
{
	if (out->is_full || n > out->cap - out->n) {
		out->is_full = true;
		return;
	}
	if (n)
		memcpy(out->p + out->n, p, n);
	out->n += n;
}

/* The replacement: \0 .. \9 are the groups. */
static void
put_replacement(struct output *out, struct span text, struct span subject,
		const size_t groups[2 * GROUPS_N], int groups_n)
{
	for (size_t i = 0; i < text.n; i++) {
		bool is_escape = text.p[i] == '\\' && i + 1 < text.n;
		if (!is_escape) {
			put(out, text.p + i, 1);
			continue;
		}
		char c = text.p[++i];
		int group = c - '0';
		if (c < '0' || c > '9')
			put(out, text.p + i, 1);
		else if (group < groups_n && groups[2 * group] != SIZE_MAX)
			put(out, subject.p + groups[2 * group],
			    groups[2 * group + 1] - groups[2 * group]);
	}
}

bool
expr_conv_regsub(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	struct expr_scratch *room = c->scratch;
	struct output out = {room->bytes + room->used, 0, room->cap - room->used, false};
	struct span rest = s->str.p ? s->str : SPAN("");
	size_t groups[2 * GROUPS_N];
	int n;
	while ((n = expr_regex_match(args[0].regex, c, rest, groups, GROUPS_N)) > 0) {
		put(&out, rest.p, groups[0]);
		put_replacement(&out, args[1].str, rest, groups, n);
		size_t end = groups[1];
		if (groups[1] == groups[0]) { /* an empty match: go on behind a byte */
			if (end == rest.n) {
				rest = span_of(rest.p + end, 0);
				break;
			}
			put(&out, rest.p + end, 1);
			end++;
		}
		rest = span_of(rest.p + end, rest.n - end);
		if (!args[2].integer || rest.n == 0)
			break;
	}
	put(&out, rest.p, rest.n);
	if (n < 0 || out.is_full)
		return false;
	room->used += out.n;
	expr_set_own(s, EXPR_STR, out.p, out.n);
	return true;
}
