/* SPDX-License-Identifier: MIT
 *
 * Conditions: "{ path_beg /api/ } !from_lan || { hdr(host) -i example.com }" compiled
 * once, when the configuration is loaded, into an immutable program that is evaluated
 * against an abstract context without allocation. HAProxy's syntax and meaning
 * (configuration.txt 7.1-7.4): terms are ANDed, "or" / "||" separates alternatives,
 * "!" negates one term, a name refers to an `acl` (several definitions of one name:
 * any of them), "{ }" is an anonymous one.
 */
#ifndef WEIR_EXPR_COND_H
#define WEIR_EXPR_COND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/span.h"

enum expr_fetch_id {
#define FETCH(id, name, arg, type, help) EXPR_FETCH_##id,
#include "lib/expr/fetch.def"
#undef FETCH
	EXPR_FETCHES_N
};

/* A fetch as it stands in an expression: which, and its argument ("host"). */
struct expr_fetch {
	enum expr_fetch_id id;
	struct span arg;
};

/* What the process that evaluates provides. For a fetch with several values (fields
 * of one name) it is called with *nth = 0, 1, ... until it returns false. */
struct expr_context {
	bool (*fetch)(const struct expr_context *c, const struct expr_fetch *f,
		      unsigned nth, struct span *out);
};

struct expr_cond; /* a whole condition */
struct expr_acl;  /* one named list of tests */

struct expr_error {
	size_t at;	/* offset in the text where it is wrong */
	char text[200]; /* what was expected, with a suggestion where one is near */
};

/* Named ACLs of a proxy: add each definition line, then look names up. */
struct expr_acls;
struct expr_acls *expr_acls_new(struct arena *a);
/* One definition "fetch[,converters] [flags] patterns..." 0, or -1 with err. */
int expr_acls_add(struct expr_acls *acls, struct span name, struct span definition,
		  struct expr_error *err);
/* Compiles a condition; the arena must outlive it. NULL with err on error. */
const struct expr_cond *expr_cond_compile(struct arena *a, const struct expr_acls *acls,
					  struct span text, struct expr_error *err);
bool expr_cond_eval(const struct expr_cond *cond, const struct expr_context *c);

#endif
