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

#include "lib/expr/program.h"

struct expr_cond; /* a whole condition */
struct expr_acl;  /* one named list of tests */

/* Named ACLs of a proxy: add each definition line, then look names up. */
struct expr_acls;
struct expr_acls *expr_acls_new(struct expr_env *env);
/* One definition "fetch[,converters] [flags] patterns..." 0, or -1 with err. Where it is
 * valid is only looked at where it is used. */
int expr_acls_add(struct expr_acls *acls, struct span name, struct span definition,
		  struct expr_error *err);
/* Compiles a condition for env->at; NULL with err. */
const struct expr_cond *expr_cond_compile(struct expr_env *env,
					  const struct expr_acls *acls, struct span text,
					  struct expr_error *err);

enum expr_verdict {
	EXPR_FALSE,
	EXPR_UNDECIDED, /* with c->lacks: bytes that still come may make it true */
	EXPR_TRUE,
};
enum expr_verdict expr_cond_eval(const struct expr_cond *cond,
				 const struct expr_context *c);

#endif
