/* SPDX-License-Identifier: MIT
 *
 * The inside of lib/expr, shared by its files only: words, tests, ACLs.
 */
#ifndef WEIR_EXPR_EXPR_H
#define WEIR_EXPR_EXPR_H

#include "lib/expr/cond.h"
#include "lib/expr/pattern.h"

/* One word of an expression, unquoted and unescaped, in the arena. */
struct expr_word {
	struct span text;
	size_t at;	/* offset of its first byte in the expression */
	bool is_quoted; /* has quotes or a backslash: never an operator */
};

struct expr_words {
	struct expr_word *words;
	size_t n, end; /* end: offset behind the text */
};

/* Splits at blanks; HAProxy's quoting (configuration.txt 2.2): "..." with backslash
 * escapes, '...' verbatim, backslash for one byte. 0, or -1 with err. */
int expr_words_split(struct arena *a, struct span text, struct expr_words *out,
		     struct expr_error *err);

/* One definition: any value of the fetch against any of the patterns. */
struct expr_test {
	const struct expr_program *program;
	enum expr_match match;
	enum expr_type want;		    /* what values are cast to */
	const struct expr_patterns **lists; /* its files, then what stands in it */
	size_t lists_n;
};

/* A named list of tests: true when any is. */
struct expr_acl {
	struct span name;
	struct expr_test *tests;
	size_t tests_n;
	int constant; /* -1: none; 0, 1: FALSE, TRUE */
};

/* Compiles one definition from words[from, to). 0, or -1 with err. */
int expr_test_compile(struct expr_env *env, const struct expr_words *w, size_t from,
		      size_t to, struct expr_test *out, struct expr_error *err);
bool expr_test_eval(const struct expr_test *t, const struct expr_context *c);
/* HAProxy's predefined ACLs (configuration.txt 7.4): their definition, or NULL. */
const char *expr_predefined(struct span name);
const char *expr_predefined_at(size_t i);

#endif
