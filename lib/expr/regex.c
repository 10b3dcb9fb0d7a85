/* SPDX-License-Identifier: MIT
 *
 * Regular expressions: PCRE2, compiled to machine code when the configuration is loaded.
 * The memory of a match is made then, too; every process has its own copy after fork. A
 * pattern that explodes on some input costs a bounded time, counts as not matching and is
 * complained about.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/must.h"
#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

enum {
	MATCH_LIMIT = 200000, /* steps: some milliseconds */
	DEPTH_LIMIT = 20000,
	HEAP_LIMIT_KB = 1024, /* where there is no machine code */
};

struct expr_regex {
	struct expr_regex *next; /* of the environment */
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	struct span text;
	bool has_jit;
};

struct expr_regex *
expr_regex_new(struct expr_env *env, struct span pattern, bool is_caseless, size_t at,
	       struct expr_error *err)
{
	int error;
	PCRE2_SIZE wrong_at;
	struct expr_regex *r;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)(pattern.n ? pattern.p : ""), pattern.n,
			      is_caseless ? PCRE2_CASELESS : 0, &error, &wrong_at, NULL);

	if (!code) {
		PCRE2_UCHAR why[160];
		pcre2_get_error_message(error, why, sizeof(why));
		expr_fail(err, at + wrong_at, "'%.*s' is not a regular expression: %s",
			  (int)pattern.n, pattern.p, (char *)why);
		return NULL;
	}
	r = arena_alloc(env->arena, sizeof(*r));
	r->code = code;
	r->text = span_of(arena_span(env->arena, pattern), pattern.n);
	r->has_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
	r->data = pcre2_match_data_create_from_pattern(code, NULL);
	r->limits = pcre2_match_context_create(NULL);
	must(r->data && r->limits);
	pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(r->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(r->limits, HEAP_LIMIT_KB);
	r->next = env->regexes;
	env->regexes = r;
	return r;
}

void
expr_regex_free_all(struct expr_env *env)
{
	for (struct expr_regex *r = env->regexes; r; r = r->next) {
		pcre2_match_context_free(r->limits);
		pcre2_match_data_free(r->data);
		pcre2_code_free(r->code);
	}
	env->regexes = NULL;
}

int
expr_regex_match(const struct expr_regex *r, const struct expr_context *c,
		 struct span subject, size_t *groups, int groups_n)
{
	PCRE2_SPTR p = (PCRE2_SPTR)(subject.n ? subject.p : "");
	int n = r->has_jit
			? pcre2_jit_match(r->code, p, subject.n, 0, 0, r->data, r->limits)
			: pcre2_match(r->code, p, subject.n, 0, 0, r->data, r->limits);

	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0) {
		if (c->host && c->host->complain)
			c->host->complain(c, "a regular expression gave up", r->text);
		return -1;
	}
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(r->data);
	if (n > groups_n)
		n = groups_n;
	for (int i = 0; i < 2 * n; i++)
		groups[i] = found[i]; /* PCRE2_UNSET is SIZE_MAX */
	return n > 0 ? n : 1;
}
