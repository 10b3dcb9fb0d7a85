/* SPDX-License-Identifier: MIT
 *
 * Regular expressions: PCRE2, compiled to machine code when the configuration is loaded.
 * What matching needs is made then, too, once for all of them; every process has its own
 * copy after fork, so that no match allocates.
 *
 * A pattern that explodes on some input costs a bounded time, counts as not matching and
 * is complained about. PCRE2's own limits do not bound time: machine code obeys only the
 * match limit, which begins anew at each offset of the subject and leaves out repeats of
 * single characters. So patterns that may explode call back at each of their items, and
 * the calls and the bytes between them come out of one budget for the whole match.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/hash.h"
#include "lib/base/must.h"
#include "lib/expr/live.h"
#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

enum {
	BUDGET = 400000,	 /* calls: some milliseconds */
	BYTES_A_CALL = 16,	 /* skipping so many costs as much as a call */
	STACK_BYTES = 32 * 1024, /* of machine code, in the beginning */
	STACK_MAX = 1024 * 1024, /* address space; memory only when it is touched */
	GROUPS_N = 10,		 /* more cannot be referred to: \0 to \9 */
	DEPTH_LIMIT = 20000,	 /* without machine code */
	HEAP_LIMIT_KB = 1024,
};

/* What all matches of a process use, one after the other. */
struct expr_regexes {
	struct expr_regex *first;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	size_t left;   /* of the budget of the match that runs */
	PCRE2_SIZE at; /* of its last call */
};

struct expr_regex {
	struct expr_regex *next;
	struct expr_regexes *all;
	pcre2_code *code;
	struct span text;
	bool has_jit;
};

/* Called by PCRE2 before each item of a pattern that may explode. */
static int
charge(pcre2_callout_block *block, void *regexes)
{
	struct expr_regexes *all = regexes;
	size_t cost = 1;
	if (block->current_position > all->at)
		cost += (block->current_position - all->at) / BYTES_A_CALL;
	all->at = block->current_position;
	if (cost > all->left)
		return PCRE2_ERROR_CALLOUT;
	all->left -= cost;
	return 0;
}

static struct expr_regexes *
regexes_of(struct expr_env *env)
{
	struct expr_regexes *all = env->regexes;
	if (all)
		return all;
	all = env->regexes = arena_alloc(env->arena, sizeof(*all));
	all->data = pcre2_match_data_create(GROUPS_N, NULL);
	all->context = pcre2_match_context_create(NULL);
	all->stack = pcre2_jit_stack_create(STACK_BYTES, STACK_MAX, NULL);
	must(all->data && all->context && all->stack);
	pcre2_jit_stack_assign(all->context, NULL, all->stack);
	pcre2_set_callout(all->context, charge, all);
	pcre2_set_depth_limit(all->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(all->context, HEAP_LIMIT_KB);
	return all;
}

/* Whether its time may grow faster than the subject: not without repeats, nor with a
 * single one behind "^". Doubt (a quantifier's sign in a class, escaped) counts as yes.
 */
static bool
may_explode(struct span pattern)
{
	unsigned repeats = 0, branches = 0;
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool opens = i > 0 && pattern.p[i - 1] == '('; /* (?: (?i) (*VERB) */
		repeats += c == '*' || c == '+' || c == '{' || (c == '?' && !opens);
		branches += c == '|';
		/* recursion: (?R) (?1) (?&name) \g<1> */
		if (opens && c == '?' && i + 1 < pattern.n &&
		    strchr("R0123456789&P+-", pattern.p[i + 1]))
			return true;
		if (i > 0 && pattern.p[i - 1] == '\\' && c == 'g')
			return true;
	}
	bool is_anchored = pattern.n && pattern.p[0] == '^' && branches == 0;
	return repeats > (is_anchored ? 1 : 0);
}

struct expr_regex *
expr_regex_new(struct expr_env *env, struct span pattern, bool is_caseless, size_t at,
	       struct expr_error *err)
{
	int error;
	PCRE2_SIZE wrong_at;
	uint32_t options = (is_caseless ? PCRE2_CASELESS : 0) |
			   (may_explode(pattern) ? PCRE2_AUTO_CALLOUT : 0);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""),
					 pattern.n, options, &error, &wrong_at, NULL);

	if (!code) {
		PCRE2_UCHAR why[160];
		pcre2_get_error_message(error, why, sizeof(why));
		expr_fail(err, at + wrong_at, "'%.*s' is not a regular expression: %s",
			  (int)pattern.n, pattern.p, (char *)why);
		return NULL;
	}
	struct expr_regex *r = arena_alloc(env->arena, sizeof(*r));
	r->code = code;
	r->text = span_of(arena_span(env->arena, pattern), pattern.n);
	r->has_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	r->all = regexes_of(env);
	r->next = r->all->first;
	r->all->first = r;
	return r;
}

/* Takes one out of the list and frees what is not in the arena. */
static void
drop(struct expr_regex *r)
{
	struct expr_regex **at = &r->all->first;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	pcre2_code_free(r->code);
}

const struct expr_regex *
expr_regex_cached(struct expr_env *env, struct span pattern, bool is_caseless)
{
	struct expr_error err;
	struct expr_regex_place *place = expr_live_regex(
		env, (uint32_t)hash_bytes(pattern.p, pattern.n, is_caseless));
	if (place->regex && place->is_caseless == is_caseless &&
	    span_eq(place->regex->text, pattern))
		return place->regex;
	if (place->regex)
		drop(place->regex);
	place->regex = NULL;
	arena_free(&place->arena);
	place->arena = arena_new();
	place->is_caseless = is_caseless;
	(void)regexes_of(env);
	struct expr_env own = {.arena = place->arena, .regexes = env->regexes};
	return place->regex = expr_regex_new(&own, pattern, is_caseless, 0, &err);
}

void
expr_regex_free_all(struct expr_env *env)
{
	struct expr_regexes *all = env->regexes;
	if (!all)
		return;
	for (struct expr_regex *r = all->first; r; r = r->next)
		pcre2_code_free(r->code);
	pcre2_match_data_free(all->data);
	pcre2_match_context_free(all->context);
	pcre2_jit_stack_free(all->stack);
	env->regexes = NULL;
}

int
expr_regex_match(const struct expr_regex *r, const struct expr_context *c,
		 struct span subject, size_t from, size_t *groups, int groups_n)
{
	struct expr_regexes *all = r->all;
	PCRE2_SPTR p = (PCRE2_SPTR)(subject.n ? subject.p : "");
	all->left = BUDGET;
	all->at = from;
	int n = r->has_jit ? pcre2_jit_match(r->code, p, subject.n, from, 0, all->data,
					     all->context)
			   : pcre2_match(r->code, p, subject.n, from, 0, all->data,
					 all->context);

	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0) {
		if (c->host && c->host->complain)
			c->host->complain(c, "a regular expression gave up", r->text);
		return -1;
	}
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(all->data);
	if (n == 0 || n > groups_n) /* 0: there are more than GROUPS_N */
		n = groups_n < GROUPS_N ? groups_n : GROUPS_N;
	for (int i = 0; i < 2 * n; i++)
		groups[i] = found[i]; /* PCRE2_UNSET is SIZE_MAX */
	return n;
}
