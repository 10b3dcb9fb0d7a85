/* SPDX-License-Identifier: MIT
 *
 * Expressions "fetch(args),converter(args),...", compiled once when the configuration is
 * loaded (by the master, into an arena), immutable afterwards and shared by all workers
 * through fork.
 */
#ifndef WEIR_EXPR_PROGRAM_H
#define WEIR_EXPR_PROGRAM_H

#include "lib/base/arena.h"
#include "lib/expr/sample.h"

enum expr_fetch_id {
#define FETCH(id, name, args, type, where, help, manual) EXPR_FETCH_##id,
#include "lib/expr/fetch.def"
#undef FETCH
	EXPR_FETCHES_N
};

enum expr_conv_id {
#define CONV(id, name, args, in, out, help, manual) EXPR_CONV_##id,
#include "lib/expr/conv.def"
#undef CONV
	EXPR_CONVS_N
};

/* Arguments, as the signatures in fetch.def and conv.def name them: a comma-separated
 * list of "name" or "name:kind" (the name is for the manual); '?' behind one: it and what
 * follows may be missing; "..." at the end: the last one repeats. A choice is written
 * name:a|b|c. Kinds:
 *   int      number			size     10k		time     10s
 *   num      number or variable
 *   str      text			field    field name	var      txn.name
 *   fields   likewise; () means all of them, and must be written
 *   ip4, ip6 address			mask4    address or length	mask6
 *   regex    PCRE2 pattern		map      pattern file
 *   backend, frontend, proxy, server ([backend/]name), table, userlist, acl: references
 *   own_table: likewise; where it is missing, that of the proxy
 */
enum expr_arg_kind {
	EXPR_ARG_NONE, /* not given */
	EXPR_ARG_INT,  /* int, size (bytes), time (ms), a choice (its index) */
	EXPR_ARG_STR,  /* str, field */
	EXPR_ARG_IP4,  /* ip4, mask4 */
	EXPR_ARG_IP6,  /* ip6, mask6 */
	EXPR_ARG_VAR,
	EXPR_ARG_REGEX,
	EXPR_ARG_MAP,
	EXPR_ARG_REF, /* what the environment resolved the name to */
};

struct expr_arg {
	enum expr_arg_kind kind;
	uint16_t field_id; /* of the name of a field, as env->field_id says */
	union {
		int64_t integer;
		struct span str;
		struct in_addr ip4;
		struct in6_addr ip6;
		const struct expr_var *var;
		const struct expr_regex *regex;
		const struct expr_map *map;
		void *ref;
	};
};

enum { EXPR_ARGS_MAX = 12 };

struct expr_error {
	size_t at;	/* offset in the text where it is wrong */
	char text[240]; /* what was expected, with a suggestion where one is near */
};
/* Fills err and returns -1. */
int expr_fail(struct expr_error *err, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

enum expr_ref { /* kinds of names an expression may refer to */
		EXPR_REF_BACKEND,
		EXPR_REF_FRONTEND,
		EXPR_REF_PROXY,
		EXPR_REF_SERVER, /* "name" (of the current backend) or "backend/name" */
		EXPR_REF_TABLE,
		EXPR_REF_USERLIST,
		EXPR_REF_ACL, /* "name" or "!name": a struct expr_cond */
};

/* What the loader knows while it compiles: one per configuration, `at` and `subject` set
 * for each text. Everything it makes lives as long as the arena; what is not in the
 * arena (regular expressions) is on its list for expr_env_free(). */
/* What env() gives beside the process' environment. */
struct expr_variable {
	const char *name, *value;
	bool is_default; /* the environment goes before it */
};

struct expr_env {
	struct arena *arena;
	const struct expr_variable *variables;
	size_t variables_n;
	/* One bit: fetches must be valid there. 0: not known yet (a named acl); whoever
	 * uses the program then compares expr_program_where(). */
	enum expr_at at;
	/* The object a name means (empty: the one the expression stands in), or NULL with
	 * err->text. May hand out what is completed later in loading. */
	void *(*resolve)(struct expr_env *env, enum expr_ref kind, struct span name,
			 struct expr_error *err);
	unsigned (*field_id)(struct span name);
	void *subject;		       /* for resolve: the proxy it stands in */
	struct expr_names *vars;       /* vars.h: names of variables become indices */
	struct expr_source *sources;   /* live.h: ACLs and maps as they are called */
	struct expr_live_memory *live; /* where they change; NULL: nowhere */
	struct expr_regexes *regexes;  /* what matching them needs */
	bool uses[EXPR_FETCHES_N];     /* what is to be remembered for them */
};
/* field_id: what fetches know a field by, besides its name; NULL: by nothing. NULL
 * resolve: references are errors. */
void expr_env_init(struct expr_env *env, struct arena *a,
		   unsigned (*field_id)(struct span name));
/* Frees what is not in the arena. The configuration keeps the env for it. */
void expr_env_free(struct expr_env *env);

struct expr_program;

/* The whole text must be one expression. NULL with err. */
const struct expr_program *expr_compile(struct expr_env *env, struct span text,
					struct expr_error *err);
/* The same for the front of a longer text; *used is where it ends. */
const struct expr_program *expr_compile_front(struct expr_env *env, struct span text,
					      size_t *used, struct expr_error *err);
/* The whole text, for an ACL: the name of the fetch may end in "_beg", "_reg" and the
 * like; *suffix is that match ("beg"), empty without. */
const struct expr_program *expr_compile_acl(struct expr_env *env, struct span text,
					    struct span *suffix, struct expr_error *err);
/* Bits of enum expr_at: where all of it is valid. */
unsigned expr_program_where(const struct expr_program *p);
/* The type it has when it is found; may be EXPR_ADDR or EXPR_ANY. */
enum expr_type expr_program_type(const struct expr_program *p);
/* The fetch at its front, for the match an ACL uses when none is given. */
enum expr_fetch_id expr_program_fetch(const struct expr_program *p);
bool expr_program_has_converters(const struct expr_program *p);

/* The first value, cast to `want` (EXPR_ANY: as it is). false: not found. */
bool expr_eval(const struct expr_program *p, const struct expr_context *c,
	       enum expr_type want, struct expr_sample *out);
/* For ACLs, which look at all values: the next one. out as the last call left it; false
 * at the end. For the first call *out is zero. Fetches with one value only give one. */
bool expr_eval_next(const struct expr_program *p, const struct expr_context *c,
		    enum expr_type want, struct expr_sample *out);

#endif
