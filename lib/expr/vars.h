/* SPDX-License-Identifier: MIT
 *
 * Variables (configuration.txt 2.8): "txn.name" in an expression becomes a scope and an
 * index when the configuration is loaded; values live in small stores of fixed size, one
 * per scope and owner (session, txn), in memory of the process that runs.
 */
#ifndef WEIR_EXPR_VARS_H
#define WEIR_EXPR_VARS_H

#include "lib/expr/program.h"

enum expr_scope {
	EXPR_SCOPE_PROC, /* one value for all workers: the process provides it */
	EXPR_SCOPE_SESS,
	EXPR_SCOPE_TXN,
	EXPR_SCOPE_REQ,
	EXPR_SCOPE_RES,
	EXPR_SCOPE_CHECK,
	EXPR_SCOPES_N
};

struct expr_var {
	struct span name; /* with its scope */
	enum expr_scope scope;
	uint32_t index; /* among the variables of the configuration */
	uint32_t place; /* among those of its scope */
};

/* Bits of what must hold for a variable to be set (configuration.txt 7.3.1 set-var), in
 * the order of the converter's choices. */
enum expr_set_if {
	EXPR_SET_IF_EXISTS = 1,
	EXPR_SET_IF_NOT_EXISTS = 2,
	EXPR_SET_IF_EMPTY = 4, /* the new value */
	EXPR_SET_IF_NOT_EMPTY = 8,
	EXPR_SET_IF_SET = 16,
	EXPR_SET_IF_NOT_SET = 32,
	EXPR_SET_IF_GREATER = 64, /* the variable, than the new value; both are numbers */
	EXPR_SET_IF_LESS = 128,
};
/* All of the conditions hold. Variables of the scope proc exist from the start, set or
 * not; others when they are set. */
bool expr_var_may_set(const struct expr_context *c, const struct expr_var *v,
		      unsigned conditions, const struct expr_sample *value);

/* The names of a configuration. */
struct expr_names;
struct expr_names *expr_names_new(struct arena *a);
/* From now on a new name is an error: the values have their places. */
void expr_names_close(struct expr_names *names);
/* The variable of that name, made when it is new; NULL with err: no such scope (scopes
 * are proc sess txn req res check), or a name with other bytes than letters, digits, '.'
 * and '_'. */
const struct expr_var *expr_var_of(struct expr_names *names, struct span name, size_t at,
				   struct expr_error *err);
/* The variable of that name, or NULL. */
const struct expr_var *expr_var_find(const struct expr_names *names, struct span name);
/* The same where an expression stands that is evaluated at env->at; NULL with err also
 * when the scope does not exist there. */
const struct expr_var *expr_var_at(struct expr_env *env, struct span name, size_t at,
				   struct expr_error *err);
/* How many of that scope there are. */
uint32_t expr_names_n(const struct expr_names *names, enum expr_scope scope);

/* A value as bytes (NULL: none), and back: false where no value of that type has these.
 */
struct span expr_value_bytes(const struct expr_sample *value);
bool expr_value_set(struct expr_sample *out, unsigned type, struct span bytes);
/* Likewise where it is kept with its type as a number: 0 is no value (NULL). What is read
 * is copied: it may change where it came from. */
unsigned expr_value_tag(const struct expr_sample *value);
bool expr_value_copy(const struct expr_context *c, unsigned tag, struct span bytes,
		     struct expr_sample *out);

/* Values, packed into the caller's bytes [0, cap): set replaces, unset removes. All
 * functions are linear in what is stored. */
struct expr_store {
	uint32_t used, cap;
	char *bytes;
};
bool expr_store_get(const struct expr_store *s, const struct expr_var *v,
		    struct expr_sample *out);
/* false: no room; the old value is then still there. */
bool expr_store_set(struct expr_store *s, const struct expr_var *v,
		    const struct expr_sample *value);
void expr_store_unset(struct expr_store *s, const struct expr_var *v);
/* Forgets all of a scope (res and req end before txn). */
void expr_store_clear(struct expr_store *s, enum expr_scope scope);

#endif
