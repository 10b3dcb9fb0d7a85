/* SPDX-License-Identifier: MIT
 *
 * Expressions: compiled by the master when the configuration is loaded, evaluated by any
 * process without allocation.
 */
#include "lib/expr/program.h"

#include <stdio.h>

#include "lib/base/suggest.h"
#include "lib/expr/live.h"
#include "lib/expr/parts.h"

struct step {
	expr_conv_fn *fn;
	const struct expr_arg *args;
	enum expr_type in;
};

struct expr_program {
	enum expr_fetch_id fetch;
	expr_fetch_fn *own; /* NULL: the host's */
	const struct expr_arg *args;
	struct step *steps;
	size_t steps_n;
	enum expr_type type;
	unsigned where;
};

const struct expr_fetch_row expr_fetch_rows[EXPR_FETCHES_N] = {
#define FETCH(id, name, args, type, where, help, manual) \
	{name, args, help, manual, type, where},
#include "lib/expr/fetch.def"
#undef FETCH
};

const struct expr_conv_row expr_conv_rows[EXPR_CONVS_N] = {
#define CONV(id, name, args, in, out, help, manual) \
	{name, args, help, manual, in, out, expr_conv_##id},
#include "lib/expr/conv.def"
#undef CONV
};

/* Further names. */
static const struct other_name {
	const char *name;
	enum expr_fetch_id on_request, on_response;
} other_names[] = {
#define NAME(name, request, response) {name, EXPR_FETCH_##request, EXPR_FETCH_##response},
#include "lib/expr/fetch_name.def"
#undef NAME
};
enum { OTHER_NAMES_N = sizeof(other_names) / sizeof(other_names[0]) };

void
expr_env_init(struct expr_env *env, struct arena *a,
	      unsigned (*field_id)(struct span name))
{
	*env = (struct expr_env){
		.arena = a, .field_id = field_id, .vars = expr_names_new(a)};
}

void
expr_env_free(struct expr_env *env)
{
	expr_regex_free_all(env);
	expr_live_end(env);
	*env = (struct expr_env){.arena = NULL};
}

/* --- compiling ---------------------------------------------------------------------- */

struct compiler {
	struct expr_env *env;
	struct span text;
	size_t at;
	struct expr_error *err;
};

/* Letters, digits and what stands in names: "req.hdr", "base32+src", "set-var". */
static struct span
read_name(struct compiler *c)
{
	size_t from = c->at;
	for (; c->at < c->text.n; c->at++) {
		char x = c->text.p[c->at];
		bool is_alnum = (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') ||
				(x >= '0' && x <= '9');
		if (!is_alnum && (x == '\0' || !strchr("._-+", x)))
			break;
	}
	return span_of(c->text.p + from, c->at - from);
}

/* is_acl: names such as hdr are the request's everywhere. */
static int
fetch_find(const struct expr_env *env, struct span name, bool is_acl)
{
	bool on_response = !is_acl && env->at & ~(unsigned)EXPR_WITH_REQUEST &
					      (unsigned)EXPR_WITH_RESPONSE;
	for (int i = 0; i < EXPR_FETCHES_N; i++)
		if (span_eq(name, span_str(expr_fetch_rows[i].name)))
			return i;
	for (int i = 0; i < OTHER_NAMES_N; i++)
		if (span_eq(name, span_str(other_names[i].name)))
			return (int)(on_response ? other_names[i].on_response
						 : other_names[i].on_request);
	return -1;
}

bool
expr_is_fetch(struct span name)
{
	static const struct expr_env anywhere = {.at = 0};
	return fetch_find(&anywhere, name, false) >= 0;
}

/* The matches that may stand behind a fetch's name in an ACL (configuration.txt 7.1.3).
 */
static const char *const suffixes[] = {"beg", "dir", "dom", "end", "len", "reg", "sub"};
enum { SUFFIXES_N = sizeof(suffixes) / sizeof(suffixes[0]) };

/* A name with "_beg" and the like behind it. */
static int
fetch_find_derived(const struct expr_env *env, struct span name, struct span *suffix)
{
	for (size_t i = 0; i < SUFFIXES_N; i++) {
		struct span s = span_str(suffixes[i]);
		if (name.n < s.n + 2 || !span_ends(name, s) ||
		    name.p[name.n - s.n - 1] != '_')
			continue;
		int id = fetch_find(env, span_of(name.p, name.n - s.n - 1), true);
		if (id >= 0) {
			*suffix = s;
			return id;
		}
	}
	return -1;
}

static void
offer_fetch(struct arena *a, struct suggest *s, const char *name, bool with_suffixes)
{
	suggest_offer(s, name);
	for (size_t i = 0; with_suffixes && i < SUFFIXES_N; i++)
		suggest_offer(s, arena_printf(a, "%s_%s", name, suffixes[i]));
}

static int
conv_find(struct span name)
{
	for (int i = 0; i < EXPR_CONVS_N; i++)
		if (span_eq(name, span_str(expr_conv_rows[i].name)))
			return i;
	return -1;
}

static int
fetch_unknown(struct compiler *c, struct span name, size_t at, bool with_suffixes)
{
	struct suggest s = suggest_begin(name);
	char here = at < c->text.n ? c->text.p[at] : '\0';
	if (name.n == 0 && here == '%')
		return expr_fail(c->err, at,
				 "an expression stands here without %%[ ]; expected a "
				 "fetch such as path or req.hdr(host)");
	if (name.n == 0 && here == '{')
		return expr_fail(
			c->err, at,
			"braces belong into conditions; expected a fetch such as "
			"path or req.hdr(host)");
	if (name.n == 0)
		return expr_fail(c->err, at,
				 "expected a fetch such as path or "
				 "req.hdr(host)");
	if (conv_find(name) >= 0)
		return expr_fail(c->err, at,
				 "'%.*s' is a converter; expected a fetch and ',' in "
				 "front of it, path,%.*s for instance",
				 (int)name.n, name.p, (int)name.n, name.p);
	if (expr_is_known_fetch(name))
		return expr_fail(c->err, at,
				 "fetch '%.*s' is not implemented in this release",
				 (int)name.n, name.p);
	for (int i = 0; i < EXPR_FETCHES_N; i++)
		offer_fetch(c->env->arena, &s, expr_fetch_rows[i].name, with_suffixes);
	for (int i = 0; i < OTHER_NAMES_N; i++)
		offer_fetch(c->env->arena, &s, other_names[i].name, with_suffixes);
	if (s.best)
		return expr_fail(c->err, at, "unknown fetch '%.*s'; did you mean '%s'?",
				 (int)name.n, name.p, s.best);
	return expr_fail(c->err, at,
			 "unknown fetch '%.*s'; docs/expressions.md lists them, path and "
			 "req.hdr(name) among them",
			 (int)name.n, name.p);
}

/* "name(args)"; suffix == NULL: no match may stand behind the name. */
static int
compile_fetch(struct compiler *c, struct expr_program *p, struct span *suffix)
{
	struct expr_arg_text texts[EXPR_ARGS_MAX];
	size_t at = c->at;
	struct span name = read_name(c);
	int id = fetch_find(c->env, name, suffix != NULL);
	if (id < 0 && suffix)
		id = fetch_find_derived(c->env, name, suffix);
	if (id < 0)
		return fetch_unknown(c, name, at, suffix != NULL);
	const struct expr_fetch_row *row = &expr_fetch_rows[id];
	int n = expr_args_split(c->env->arena, c->text, &c->at, texts, c->err);
	if (n < 0)
		return -1;
	struct expr_arg *args =
		expr_args_bind(c->env, name, at, row->args, texts, n, c->err);
	if (!args || (expr_fetch_checks[id] &&
		      expr_fetch_checks[id](c->env, args, texts, c->err) < 0))
		return -1;
	if (c->env->at && !(row->where & c->env->at))
		return expr_fail(
			c->err, at, "'%.*s' has no value in %s%s", (int)name.n, name.p,
			expr_at_text(c->env->at),
			suffix && span_begins(name, SPAN("hdr"))
				? ": it is the request's; the response's is res.hdr"
				: "");
	c->env->uses[id] = true;
	p->fetch = (enum expr_fetch_id)id;
	p->own = expr_own_fetches[id];
	p->args = args;
	p->type = row->type;
	p->where = row->where;
	return 0;
}

static int
conv_unknown(struct compiler *c, struct span name, size_t at)
{
	struct suggest s = suggest_begin(name);
	if (name.n == 0)
		return expr_fail(c->err, at, "expected a converter such as lower");
	if (expr_is_known_conv(name))
		return expr_fail(c->err, at,
				 "converter '%.*s' is not implemented in this release",
				 (int)name.n, name.p);
	if (fetch_find(c->env, name, false) >= 0)
		return expr_fail(
			c->err, at,
			"'%.*s' is a fetch, which begins an expression; expected "
			"a converter such as lower",
			(int)name.n, name.p);
	for (int i = 0; i < EXPR_CONVS_N; i++)
		suggest_offer(&s, expr_conv_rows[i].name);
	if (s.best)
		return expr_fail(c->err, at,
				 "unknown converter '%.*s'; did you mean '%s'?",
				 (int)name.n, name.p, s.best);
	return expr_fail(c->err, at,
			 "unknown converter '%.*s'; docs/expressions.md lists them",
			 (int)name.n, name.p);
}

/* "name(args)" behind a ','. */
static int
compile_step(struct compiler *c, struct expr_program *p)
{
	struct expr_arg_text texts[EXPR_ARGS_MAX];
	size_t at = c->at;
	struct span name = read_name(c);
	int id = conv_find(name);
	if (id < 0)
		return conv_unknown(c, name, at);
	const struct expr_conv_row *row = &expr_conv_rows[id];
	if (!expr_can_cast(p->type, row->in))
		return expr_fail(c->err, at, "'%s' converts %s, not %s", row->name,
				 expr_type_name(row->in), expr_type_name(p->type));
	int n = expr_args_split(c->env->arena, c->text, &c->at, texts, c->err);
	if (n < 0)
		return -1;
	struct expr_arg *args =
		expr_args_bind(c->env, name, at, row->args, texts, n, c->err);
	if (!args || (expr_conv_checks[id] &&
		      expr_conv_checks[id](c->env, args, texts, c->err) < 0))
		return -1;
	p->steps = arena_grow(c->env->arena, p->steps, p->steps_n, sizeof(*p->steps));
	p->steps[p->steps_n++] = (struct step){row->fn, args, row->in};
	if (row->out != EXPR_SAME)
		p->type = row->out;
	return 0;
}

static const struct expr_program *
compile(struct compiler *c, struct span *suffix)
{
	struct expr_program *p = arena_alloc(c->env->arena, sizeof(*p));
	if (compile_fetch(c, p, suffix) < 0)
		return NULL;
	while (c->at < c->text.n && c->text.p[c->at] == ',') {
		c->at++;
		if (compile_step(c, p) < 0)
			return NULL;
	}
	return p;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static const struct expr_program *
compile_whole(struct expr_env *env, struct span text, struct span *suffix,
	      struct expr_error *err)
{
	struct compiler c = {env, text, 0, err};
	while (c.at < text.n && is_blank(text.p[c.at]))
		c.at++;
	const struct expr_program *p = compile(&c, suffix);
	while (c.at < text.n && is_blank(text.p[c.at]))
		c.at++;
	if (p && c.at < text.n) {
		expr_fail(err, c.at, "'%.*s': expected ',' and a converter, or the end",
			  (int)(text.n - c.at), text.p + c.at);
		return NULL;
	}
	return p;
}

const struct expr_program *
expr_compile(struct expr_env *env, struct span text, struct expr_error *err)
{
	return compile_whole(env, text, NULL, err);
}

const struct expr_program *
expr_compile_acl(struct expr_env *env, struct span text, struct span *suffix,
		 struct expr_error *err)
{
	*suffix = span_of(NULL, 0);
	return compile_whole(env, text, suffix, err);
}

const struct expr_program *
expr_compile_front(struct expr_env *env, struct span text, size_t *used,
		   struct expr_error *err)
{
	struct compiler c = {env, text, 0, err};
	const struct expr_program *p = compile(&c, NULL);
	*used = c.at;
	return p;
}

unsigned
expr_program_where(const struct expr_program *p)
{
	return p->where;
}

enum expr_type
expr_program_type(const struct expr_program *p)
{
	return p->type;
}

enum expr_fetch_id
expr_program_fetch(const struct expr_program *p)
{
	return p->fetch;
}

bool
expr_program_has_converters(const struct expr_program *p)
{
	return p->steps_n > 0;
}

/* --- evaluation ----------------------------------------------------------------------
 */

static inline bool
convert(const struct expr_program *p, const struct expr_context *c, enum expr_type want,
	struct expr_sample *s)
{
	for (size_t i = 0; i < p->steps_n; i++) {
		const struct step *step = &p->steps[i];
		if (!expr_cast(c, s, step->in) || !step->fn(c, step->args, s))
			return false;
	}
	return expr_cast(c, s, want);
}

static inline bool
eval(const struct expr_program *p, const struct expr_context *c, enum expr_type want,
     bool iterates, struct expr_sample *out)
{
	expr_fetch_fn *fetch = p->own ? p->own : c->host->fetches[p->fetch];
	if (!fetch)
		return false;
	do {
		*out = (struct expr_sample){.next = out->next, .iterates = iterates};
		if (!fetch(c, p->args, out))
			return false;
		out->is_found = true;
		if (convert(p, c, want, out))
			return true;
	} while (iterates && out->has_more);
	return false;
}

bool
expr_eval_next(const struct expr_program *p, const struct expr_context *c,
	       enum expr_type want, struct expr_sample *out)
{
	if (out->is_found && !out->has_more)
		return false;
	return eval(p, c, want, true, out);
}

bool
expr_eval(const struct expr_program *p, const struct expr_context *c, enum expr_type want,
	  struct expr_sample *out)
{
	out->next = 0;
	return eval(p, c, want, false, out);
}
