/* SPDX-License-Identifier: MIT
 *
 * Conditions over named and anonymous ACLs (configuration.txt 7.2). Compiled by the
 * master at load; evaluated by the workers without allocation.
 */
#include "lib/expr/cond.h"

#include "lib/base/suggest.h"
#include "lib/expr/expr.h"

struct expr_acls {
	struct expr_env *env;
	struct expr_acl **acls;
	size_t n;
};

struct term {
	const struct expr_acl *acl;
	bool negate;
	bool ends; /* the last one of its alternative */
};

struct expr_cond {
	struct term *terms;
	size_t n;
};

struct expr_acls *
expr_acls_new(struct expr_env *env)
{
	struct expr_acls *acls = arena_alloc(env->arena, sizeof(*acls));
	acls->env = env;
	return acls;
}

static struct expr_acl *
acl_new(struct arena *a, struct span name)
{
	struct expr_acl *acl = arena_alloc(a, sizeof(*acl));
	acl->name = span_of(arena_span(a, name), name.n);
	acl->constant = -1;
	return acl;
}

static int
acl_add_test(struct expr_env *env, struct expr_acl *acl, const struct expr_words *w,
	     size_t from, size_t to, struct expr_error *err)
{
	struct expr_test t;
	if (expr_test_compile(env, w, from, to, &t, err) < 0)
		return -1;
	acl->tests =
		arena_grow(env->arena, acl->tests, acl->tests_n, sizeof(*acl->tests));
	acl->tests[acl->tests_n++] = t;
	return 0;
}

static struct expr_acl *
acl_find(const struct expr_acls *acls, struct span name)
{
	for (size_t i = 0; i < acls->n; i++)
		if (span_eq(acls->acls[i]->name, name))
			return acls->acls[i];
	return NULL;
}

int
expr_acls_add(struct expr_acls *acls, struct span name, struct span definition,
	      struct expr_error *err)
{
	struct expr_env *env = acls->env;
	struct expr_words w;
	if (expr_words_split(env->arena, definition, &w, err) < 0)
		return -1;
	if (w.n == 0)
		return expr_fail(err, 0,
				 "the ACL is empty; expected a fetch and patterns, "
				 "such as 'path_beg /api/'");
	struct expr_acl *acl = acl_find(acls, name);
	bool is_new = !acl;
	if (is_new)
		acl = acl_new(env->arena, name);
	env->at = 0;
	if (acl_add_test(env, acl, &w, 0, w.n, err) < 0)
		return -1;
	if (is_new) {
		acls->acls =
			arena_grow(env->arena, acls->acls, acls->n, sizeof(*acls->acls));
		acls->acls[acls->n++] = acl;
	}
	return 0;
}

static const struct expr_acl *
acl_predefined(struct expr_env *env, struct span name, const char *definition)
{
	struct expr_acl *acl = acl_new(env->arena, name);
	struct expr_words w;
	struct expr_error ignored;
	if (definition[0] == '\0')
		acl->constant = span_eq(name, SPAN("TRUE"));
	else if (expr_words_split(env->arena, span_str(definition), &w, &ignored) < 0 ||
		 acl_add_test(env, acl, &w, 0, w.n, &ignored) < 0)
		return NULL;
	return acl;
}

/* Whether all its tests have values where the condition stands. */
static bool
acl_fits(const struct expr_acl *acl, enum expr_at where, size_t at,
	 struct expr_error *err)
{
	for (size_t i = 0; where && i < acl->tests_n; i++)
		if (!(expr_program_where(acl->tests[i].program) & where)) {
			expr_fail(err, at,
				  "ACL '%.*s' uses a fetch that has no value in "
				  "%s",
				  (int)acl->name.n, acl->name.p, expr_at_text(where));
			return false;
		}
	return true;
}

/* The ACL a word names; NULL with err. */
static const struct expr_acl *
acl_named(struct expr_env *env, const struct expr_acls *acls, struct span name, size_t at,
	  struct expr_error *err)
{
	const struct expr_acl *acl = acl_find(acls, name);
	const char *definition = acl ? NULL : expr_predefined(name);
	if (definition)
		acl = acl_predefined(env, name, definition);
	if (acl)
		return acl_fits(acl, env->at, at, err) ? acl : NULL;
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < acls->n; i++)
		suggest_offer(&s, acls->acls[i]->name.p);
	for (size_t i = 0; expr_predefined_at(i); i++)
		suggest_offer(&s, expr_predefined_at(i));
	if (name.n && (name.p[0] == '{' || name.p[name.n - 1] == '}'))
		expr_fail(err, at, "'%.*s': expected blanks around '{' and '}'",
			  (int)name.n, name.p);
	else if (span_begins(name, SPAN("METH_")))
		expr_fail(err, at, "unknown ACL '%.*s'; expected { method %.*s }%s%s%s",
			  (int)name.n, name.p, (int)name.n - 5, name.p + 5,
			  s.best ? ", or did you mean '" : "", s.best ? s.best : "",
			  s.best ? "'?" : "");
	else if (s.best)
		expr_fail(err, at, "unknown ACL '%.*s'; did you mean '%s'?", (int)name.n,
			  name.p, s.best);
	else
		expr_fail(err, at,
			  "unknown ACL '%.*s'; expected the name of an acl of this "
			  "section, "
			  "or a test in braces such as { path_beg /api/ }",
			  (int)name.n, name.p);
	return NULL;
}

/* --- the grammar -------------------------------------------------------------------- */

struct parser {
	struct expr_env *env;
	const struct expr_acls *acls;
	struct expr_words w;
	size_t at; /* next word */
	struct expr_cond *cond;
	struct expr_error *err;
};

static bool
word_is(const struct expr_word *w, const char *text)
{
	return !w->is_quoted && span_eq(w->text, span_str(text));
}

static bool
is_or(const struct expr_word *w)
{
	return word_is(w, "or") || word_is(w, "||");
}

/* Behind "{": the words up to "}" are one definition. */
static const struct expr_acl *
parse_anonymous(struct parser *p, size_t open_at)
{
	size_t from = p->at, to = from;
	while (to < p->w.n && !word_is(&p->w.words[to], "}"))
		to++;
	if (to == p->w.n) {
		expr_fail(p->err, open_at, "'{' is not closed; expected ' }'");
		return NULL;
	}
	if (to == from) {
		expr_fail(p->err, open_at,
			  "nothing between the braces; expected a test such "
			  "as { path_beg /api/ }");
		return NULL;
	}
	struct expr_acl *acl = acl_new(p->env->arena, SPAN(""));
	p->at = to + 1;
	return acl_add_test(p->env, acl, &p->w, from, to, p->err) < 0 ? NULL : acl;
}

/* [!]... name, or [!]... { test } */
static int
parse_term(struct parser *p, struct term *out)
{
	*out = (struct term){0};
	const struct expr_word *w = &p->w.words[p->at];
	struct span name = w->text;
	size_t at = w->at;
	while (!w->is_quoted && name.n && name.p[0] == '!') {
		out->negate = !out->negate;
		name = span_of(name.p + 1, name.n - 1);
		at++;
		if (name.n)
			continue;
		if (++p->at == p->w.n || is_or(&p->w.words[p->at]))
			return expr_fail(p->err, w->at,
					 "nothing behind '!'; expected an ACL");
		w = &p->w.words[p->at];
		name = w->text;
		at = w->at;
	}
	p->at++;
	if (!w->is_quoted && span_eq(name, SPAN("{")))
		out->acl = parse_anonymous(p, at);
	else if (!w->is_quoted && span_eq(name, SPAN("}")))
		return expr_fail(p->err, at, "'}' without '{'");
	else if (!w->is_quoted &&
		 (span_eq(name, SPAN("and")) || span_eq(name, SPAN("&&"))) &&
		 !acl_find(p->acls, name))
		return expr_fail(p->err, at,
				 "'%.*s' is not needed: tests behind each other "
				 "must all be true",
				 (int)name.n, name.p);
	else
		out->acl = acl_named(p->env, p->acls, name, at, p->err);
	return out->acl ? 0 : -1;
}

static int
parse_alternatives(struct parser *p)
{
	struct expr_cond *c = p->cond;
	if (p->w.n == 0)
		return expr_fail(p->err, 0,
				 "the condition is empty; expected names of ACLs "
				 "or a test such as { path_beg /api/ }");
	if (p->w.n &&
	    (word_is(&p->w.words[0], "if") || word_is(&p->w.words[0], "unless")))
		return expr_fail(p->err, 0,
				 "'%.*s' does not belong into the condition: it is "
				 "the key in front of it",
				 (int)p->w.words[0].text.n, p->w.words[0].text.p);
	bool expects_term = true;
	while (p->at < p->w.n) {
		const struct expr_word *w = &p->w.words[p->at];
		if (is_or(w)) {
			if (expects_term)
				return expr_fail(p->err, w->at,
						 "nothing before '%.*s'; expected an ACL",
						 (int)w->text.n, w->text.p);
			c->terms[c->n - 1].ends = true;
			expects_term = true;
			p->at++;
			continue;
		}
		c->terms = arena_grow(p->env->arena, c->terms, c->n, sizeof(*c->terms));
		if (parse_term(p, &c->terms[c->n]) < 0)
			return -1;
		c->n++;
		expects_term = false;
	}
	if (expects_term)
		return expr_fail(p->err, p->w.words[p->w.n - 1].at,
				 "nothing behind '%.*s'; expected an ACL",
				 (int)p->w.words[p->w.n - 1].text.n,
				 p->w.words[p->w.n - 1].text.p);
	c->terms[c->n - 1].ends = true;
	return 0;
}

const struct expr_cond *
expr_cond_compile(struct expr_env *env, const struct expr_acls *acls, struct span text,
		  struct expr_error *err)
{
	struct parser p = {.env = env, .acls = acls, .err = err};
	if (expr_words_split(env->arena, text, &p.w, err) < 0)
		return NULL;
	p.cond = arena_alloc(env->arena, sizeof(*p.cond));
	return parse_alternatives(&p) < 0 ? NULL : p.cond;
}

/* --- evaluation ----------------------------------------------------------------------
 */

/* A test that is false for want of bytes is undecided; one that is true stays true. */
static enum expr_verdict
acl_eval(const struct expr_acl *acl, const struct expr_context *c)
{
	if (acl->constant >= 0)
		return acl->constant ? EXPR_TRUE : EXPR_FALSE;
	if (c->lacks)
		*c->lacks = false;
	for (size_t i = 0; i < acl->tests_n; i++)
		if (expr_test_eval(&acl->tests[i], c))
			return EXPR_TRUE;
	return c->lacks && *c->lacks ? EXPR_UNDECIDED : EXPR_FALSE;
}

static enum expr_verdict
term_eval(const struct term *t, const struct expr_context *c)
{
	enum expr_verdict v = acl_eval(t->acl, c);
	return t->negate ? EXPR_TRUE - v : v;
}

/* Terms are looked at until one is not true, alternatives until one is. */
enum expr_verdict
expr_cond_eval(const struct expr_cond *cond, const struct expr_context *c)
{
	enum expr_verdict any = EXPR_FALSE;
	for (const struct term *t = cond->terms, *end = t + cond->n; t < end; t++) {
		enum expr_verdict v = term_eval(t, c);
		if (v == EXPR_TRUE && t->ends)
			return EXPR_TRUE;
		if (v == EXPR_TRUE)
			continue;
		any = v > any ? v : any;
		while (!t->ends)
			t++;
	}
	return any;
}
