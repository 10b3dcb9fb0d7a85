/* SPDX-License-Identifier: MIT
 *
 * One ACL definition: "fetch(arg),converters [flags] patterns..."
 * (configuration.txt 7.1). Compiled by the master at load into an immutable test,
 * evaluated by workers.
 */
#include "lib/base/num.h"
#include "lib/base/suggest.h"
#include "lib/expr/expr.h"
#include "lib/expr/live.h"
#include "lib/expr/parts.h"

/* A definition on its way. */
struct definition {
	struct expr_env *env;
	const struct expr_words *w;
	size_t at, to; /* the next word; behind the last one */
	struct expr_error *err;
	struct expr_test *t;
	const struct expr_word *first;
	bool is_caseless, has_match, has_file, are_versions;
	int64_t id;			/* -u; -1: none */
	struct expr_patterns *patterns; /* those that stand in it */
};

static int
set_match(struct definition *d, struct span name, size_t at)
{
	int match = expr_match_find(span_eq(name, SPAN("exact")) ? SPAN("str") : name);
	struct suggest s = suggest_begin(name);
	if (match >= 0) {
		d->t->match = (enum expr_match)match;
		d->has_match = true;
		return 0;
	}
	for (int i = 0; i < EXPR_MATCHES_N; i++)
		suggest_offer(&s, expr_match_name((enum expr_match)i));
	return expr_fail(d->err, at,
			 "unknown match '%.*s'; expected found, bool, int, ip, bin, len, "
			 "str, beg, end, sub, dir, dom or reg%s%s%s",
			 (int)name.n, name.p, s.best ? "; did you mean '" : "",
			 s.best ? s.best : "", s.best ? "'?" : "");
}

/* "hdr(host),lower", "path_beg": the program and, for derived names, the match. */
static int
compile_fetch(struct definition *d)
{
	struct span suffix;
	d->t->program = expr_compile_acl(d->env, d->first->text, &suffix, d->err);
	if (!d->t->program) {
		d->err->at += d->first->at;
		return -1;
	}
	return suffix.n ? set_match(d, suffix, d->first->at) : 0;
}

/* --- flags
 * ------------------------------------------------------------------------------- */

/* The word behind a flag; NULL with err. */
static const struct expr_word *
flag_value(struct definition *d, const struct expr_word *flag, const char *what)
{
	if (++d->at < d->to)
		return &d->w->words[d->at];
	expr_fail(d->err, flag->at, "'%.*s' needs %s behind it", (int)flag->text.n,
		  flag->text.p, what);
	return NULL;
}

/* One flag; -f only counts here: its file is read when the match is known. */
static int
compile_flag(struct definition *d, const struct expr_word *word)
{
	const struct expr_word *value = NULL;
	switch (word->text.n == 2 ? word->text.p[1] : '\0') {
	case 'i':
		d->is_caseless = true;
		return 0;
	case 'n': /* names in patterns are never resolved */
		return 0;
	case 'M': /* the file of -f is one of a map: keys and values */
		return 0;
	case 'f':
		d->has_file = true;
		return flag_value(d, word, "a file") ? 0 : -1;
	case 'm':
		value = flag_value(d, word, "a match such as beg");
		return value ? set_match(d, value->text, value->at) : -1;
	case 'u': /* names the list at run time */
		value = flag_value(d, word, "a number");
		if (!value)
			return -1;
		if (expr_parse_int(value->text, &d->id) && d->id >= 0 &&
		    d->id <= INT32_MAX)
			return 0;
		return expr_fail(d->err, value->at, "'%.*s' is not a number",
				 (int)value->text.n, value->text.p);
	default:
		return expr_fail(
			d->err, word->at,
			"unknown flag '%.*s'; expected -i, -m, -f, -n, -M, -u, or "
			"-- in front of a pattern that begins with '-'",
			(int)word->text.n, word->text.p);
	}
}

static bool
is_flag(const struct expr_word *w)
{
	bool is_number = w->text.n > 1 && w->text.p[1] >= '0' && w->text.p[1] <= '9';
	return !w->is_quoted && w->text.n && w->text.p[0] == '-' && !is_number;
}

static int
compile_flags(struct definition *d)
{
	for (; d->at < d->to && is_flag(&d->w->words[d->at]); d->at++) {
		const struct expr_word *word = &d->w->words[d->at];
		if (span_eq(word->text, SPAN("--"))) {
			d->at++;
			return 0;
		}
		if (compile_flag(d, word) < 0)
			return -1;
	}
	return 0;
}

/* --- the match
 * ---------------------------------------------------------------------------- */

/* What a value of that type is compared as, when nobody says it. */
static enum expr_match
default_match(enum expr_type type)
{
	switch (type) {
	case EXPR_BOOL:
		return EXPR_MATCH_BOOL;
	case EXPR_INT:
		return EXPR_MATCH_INT;
	case EXPR_IPV4:
	case EXPR_IPV6:
	case EXPR_ADDR:
		return EXPR_MATCH_IP;
	case EXPR_BIN:
		return EXPR_MATCH_BIN;
	case EXPR_STR:
	case EXPR_METHOD:
	case EXPR_ANY:
	case EXPR_SAME:
		break;
	}
	return EXPR_MATCH_STR;
}

static int
settle_match(struct definition *d)
{
	struct expr_test *t = d->t;
	enum expr_type type = expr_program_type(t->program);
	if (!d->has_match)
		t->match = default_match(type);
	t->want = expr_match_type(t->match);
	if (t->match == EXPR_MATCH_FOUND || expr_can_cast(type, t->want))
		return 0;
	return expr_fail(d->err, d->first->at,
			 "'%.*s' is of type %s, which cannot be "
			 "compared by '%s'",
			 (int)d->first->text.n, d->first->text.p, expr_type_name(type),
			 expr_match_name(t->match));
}

/* --- patterns
 * ----------------------------------------------------------------------------- */

static int
add_pattern(struct definition *d, struct span text, size_t at)
{
	if (expr_patterns_add(d->patterns, text, span_of(NULL, 0), d->err) == 0)
		return 0;
	d->err->at += at;
	return -1;
}

static struct expr_patterns *
new_list(const struct definition *d)
{
	struct expr_patterns *p = expr_patterns_new(d->env, d->t->match, d->is_caseless);
	if (d->are_versions)
		expr_patterns_are_versions(p);
	return p;
}

static void
keep_list(struct definition *d, const struct expr_patterns *p)
{
	struct expr_test *t = d->t;
	t->lists = arena_grow(d->env->arena, t->lists, t->lists_n, sizeof(*t->lists));
	t->lists[t->lists_n++] = p;
}

static int
read_file(struct definition *d, struct span path, bool is_map)
{
	enum expr_type values = is_map ? EXPR_STR : EXPR_ANY;
	struct expr_source *ref = expr_source_file(d->env, path, is_map);
	struct expr_patterns *p = expr_source_list(ref, d->t->match, values,
						   d->is_caseless, d->are_versions);
	if (!p) {
		p = new_list(d);
		if (expr_patterns_read(p, path, values, d->err) < 0)
			return -1;
		expr_patterns_seal(p);
		expr_source_add_list(ref, p);
	}
	keep_list(d, p);
	return 0;
}

/* The files of -f, with -M those of maps. */
static int
read_files(struct definition *d, size_t from)
{
	bool is_map = false;
	for (size_t i = from; i < d->at && is_flag(&d->w->words[i]); i++) {
		const struct expr_word *word = &d->w->words[i], *value = word + 1;
		char flag = word->text.n == 2 ? word->text.p[1] : '\0';
		is_map |= flag == 'M';
		if (!flag || !strchr("fmu", flag))
			continue;
		i++;
		if (flag == 'f' && read_file(d, value->text, is_map) < 0) {
			d->err->at = value->at;
			return -1;
		}
	}
	return 0;
}

/* "gt", "ge" and so on in front of a number. */
static bool
is_operator(const struct expr_word *w)
{
	static const char *const ops[] = {"eq", "ge", "gt", "le", "lt"};
	for (size_t i = 0; i < 5; i++)
		if (!w->is_quoted && span_eq(w->text, span_str(ops[i])))
			return true;
	return false;
}

static int
add_compared(struct definition *d, const struct expr_word *op, const struct expr_word *w)
{
	struct span digits = w->text;
	uint64_t size = 0;
	bool is_negative = digits.n && digits.p[0] == '-';
	if (is_negative)
		digits = span_of(digits.p + 1, digits.n - 1);
	if (num_u64(digits, &size) != NUM_OK || size > INT64_MAX)
		return expr_fail(d->err, w->at,
				 "'%.*s' is not a number; expected one "
				 "behind '%.*s'",
				 (int)w->text.n, w->text.p, (int)op->text.n, op->text.p);
	int64_t v = is_negative ? -(int64_t)size : (int64_t)size;
	bool is_open = op->text.p[1] == 't'; /* gt, lt */
	bool nothing =
		is_open && (op->text.p[0] == 'g' ? v == INT64_MAX : v == INT64_MIN);
	if (d->t->match == EXPR_MATCH_LEN && op->text.p[0] == 'l' && is_open && v <= 0)
		nothing = true;
	if (nothing)
		return expr_fail(d->err, w->at, "no number is '%.*s %.*s'",
				 (int)op->text.n, op->text.p, (int)w->text.n, w->text.p);
	if (op->text.p[0] == 'g')
		expr_patterns_add_range(d->patterns, v + is_open, INT64_MAX,
					span_of(NULL, 0));
	else
		expr_patterns_add_range(d->patterns, INT64_MIN, v - is_open,
					span_of(NULL, 0));
	return 0;
}

/* Numbers and ranges; an operator stays in force for all that follow it. */
static int
add_numbers(struct definition *d)
{
	const struct expr_word *op = NULL;
	for (; d->at < d->to; d->at++) {
		const struct expr_word *w = &d->w->words[d->at];
		if (is_operator(w)) {
			op = w->text.p[0] == 'e' ? NULL : w;
			if (d->at + 1 == d->to)
				return expr_fail(d->err, w->at,
						 "'%.*s' needs a number behind it",
						 (int)w->text.n, w->text.p);
			continue;
		}
		if ((op ? add_compared(d, op, w) : add_pattern(d, w->text, w->at)) < 0)
			return -1;
	}
	return 0;
}

/* Patterns that stand in it have a list of their own, which may be empty: at run time
 * some may come. */
static int
name_list(struct definition *d)
{
	struct expr_source *ref = expr_source_inline(d->env, d->first->text, d->id);
	if (!ref)
		return expr_fail(d->err, d->first->at,
				 "-u %lld: another ACL has that number",
				 (long long)d->id);
	expr_patterns_seal(d->patterns);
	expr_source_add_list(ref, d->patterns);
	/* a boolean without patterns would be compared with nothing */
	if (!d->has_file || d->t->match != EXPR_MATCH_BOOL ||
	    expr_patterns_n(d->patterns))
		keep_list(d, d->patterns);
	return 0;
}

static int
compile_patterns(struct definition *d, size_t flags_at)
{
	enum expr_match m = d->t->match;
	d->are_versions = !d->has_match &&
			  expr_program_fetch(d->t->program) == EXPR_FETCH_req_ssl_ver &&
			  !expr_program_has_converters(d->t->program);
	d->patterns = new_list(d);
	if (read_files(d, flags_at) < 0)
		return -1;
	bool is_number =
		m == EXPR_MATCH_INT || m == EXPR_MATCH_LEN || m == EXPR_MATCH_BOOL;
	if (is_number && add_numbers(d) < 0)
		return -1;
	for (; d->at < d->to; d->at++)
		if (add_pattern(d, d->w->words[d->at].text, d->w->words[d->at].at) < 0)
			return -1;
	bool may_be_empty = m == EXPR_MATCH_FOUND || m == EXPR_MATCH_BOOL || d->has_file;
	if (expr_patterns_n(d->patterns) == 0 && !may_be_empty)
		return expr_fail(d->err, d->first->at,
				 "'%.*s' has no pattern; expected what to compare with, "
				 "or -m found",
				 (int)d->first->text.n, d->first->text.p);
	return name_list(d);
}

int
expr_test_compile(struct expr_env *env, const struct expr_words *w, size_t from,
		  size_t to, struct expr_test *out, struct expr_error *err)
{
	struct definition d = {.env = env,
			       .w = w,
			       .at = from + 1,
			       .to = to,
			       .err = err,
			       .id = -1,
			       .t = out,
			       .first = &w->words[from]};
	*out = (struct expr_test){0};
	if (compile_fetch(&d) < 0 || compile_flags(&d) < 0 || settle_match(&d) < 0)
		return -1;
	return compile_patterns(&d, from + 1);
}

bool
expr_test_eval(const struct expr_test *t, const struct expr_context *c)
{
	struct expr_sample s = {.next = 0};
	size_t used = c->scratch->used;
	while (expr_eval_next(t->program, c, t->want, &s)) {
		bool is_true = false;
		for (size_t i = 0; i < t->lists_n && !is_true; i++)
			is_true = expr_patterns_find(t->lists[i], c, &s, NULL);
		c->scratch->used = used;
		if (is_true || !s.has_more)
			return is_true;
	}
	return false;
}
