/* SPDX-License-Identifier: MIT
 *
 * Variables of the scope proc, which all processes share (management.txt 9.3, "get var",
 * "set var"). Those that the configuration names exist; a name that nothing reads is
 * refused.
 */
#include <string.h>

#include "control/command.h"
#include "control/self.h"
#include "lib/expr/format.h"
#include "lib/expr/vars.h"
#include "shm/cells.h"

enum { SCRATCH_BYTES = 16 * 1024 };

/* What expressions are evaluated with: no traffic. */
struct evaluation {
	struct arena *arena;
	struct expr_scratch scratch;
	struct expr_context base;
};

static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	struct shm_cell_value cell;
	if (v->scope != EXPR_SCOPE_PROC)
		return false;
	shm_cell_get(control.in->cells, v->place, &cell);
	return expr_value_copy(c, cell.tag, span_of(cell.bytes, cell.n), out);
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	struct span bytes = expr_value_bytes(value);
	(void)c;
	return v->scope == EXPR_SCOPE_PROC &&
	       shm_cell_set(control.shm, control.in->cells, v->place,
			    expr_value_tag(value), bytes.p, bytes.n);
}

static void
evaluation_begin(struct evaluation *e)
{
	static expr_fetch_fn *const none[EXPR_FETCHES_N];
	static const struct expr_host host = {
		.fetches = none, .var_get = var_get, .var_set = var_set};
	e->arena = arena_new();
	e->scratch = (struct expr_scratch){arena_alloc(e->arena, SCRATCH_BYTES),
					   SCRATCH_BYTES, 0};
	e->base = (struct expr_context){&host, &e->scratch, EXPR_AT_ALONE, NULL};
}

/* --- get
 * --------------------------------------------------------------------------------
 */

static const char *
type_name(const struct expr_sample *s)
{
	return s->type == EXPR_INT ? "sint" : expr_type_name((enum expr_type)s->type);
}

static void
put_value(struct command_session *s, const struct evaluation *e, const char *name,
	  struct expr_sample *value)
{
	shm_text_fmt(&s->answer, "%s: type=%s value=<", name, type_name(value));
	if (value->type == EXPR_BOOL)
		expr_set_int(value, value->integer);
	if (value->type == EXPR_BIN || expr_cast(&e->base, value, EXPR_STR))
		shm_text_add(&s->answer, value->str.p, value->str.n);
	shm_text_str(&s->answer, ">\n");
}

void
command_get_var(struct command_session *s, const struct command_words *w)
{
	struct evaluation e;
	struct expr_sample value = {.next = 0};
	if (!w->at[2]) {
		shm_text_str(&s->answer, "Missing process-wide variable identifier.\n");
		return;
	}
	evaluation_begin(&e);
	const struct expr_var *v =
		expr_var_find(control.cfg->env.vars, span_str(w->at[2]));
	if (v && var_get(&e.base, v, &value))
		put_value(s, &e, w->at[2], &value);
	else
		shm_text_str(&s->answer, "Variable not found.\n");
	arena_free(&e.arena);
}

/* --- set
 * --------------------------------------------------------------------------------
 */

/* false: the answer says why. */
static bool
evaluate(struct command_session *s, struct evaluation *e, const char *text,
	 bool is_format, struct expr_sample *out)
{
	struct expr_error err;
	struct expr_env env;
	expr_env_init(&env, e->arena, NULL);
	env.at = EXPR_AT_ALONE;
	env.vars = control.cfg->env.vars;
	bool is_good = false, has_value = false;
	if (is_format) {
		const struct format *f =
			format_compile(&env, span_str(text), FORMAT_BYTES, false, &err);
		char *made = arena_alloc(e->arena, SHM_CELL_BYTES + 1);
		is_good = has_value = f != NULL;
		if (f)
			expr_set_str(out,
				     span_of(made, format_write(f, &e->base, made,
								SHM_CELL_BYTES + 1)));
	} else {
		const struct expr_program *p = expr_compile(&env, span_str(text), &err);
		is_good = p != NULL;
		has_value = p && expr_eval(p, &e->base, EXPR_ANY, out);
	}
	if (!is_good)
		shm_text_fmt(&s->answer, "%s.\n", err.text);
	else if (!has_value)
		shm_text_str(&s->answer, "The expression has no value here.\n");
	expr_env_free(&env);
	return has_value;
}

/* The words behind `at`, as one text. */
static const char *
rest_of(struct arena *a, const struct command_words *w, size_t at)
{
	const char *text = w->at[at];
	for (size_t i = at + 1; i < w->n; i++)
		text = arena_printf(a, "%s %s", text, w->at[i]);
	return text;
}

static void
set(struct command_session *s, const struct command_words *w, const struct expr_var *v)
{
	struct evaluation e;
	struct expr_sample value = {.next = 0};
	bool is_format = strcmp(w->at[3], "fmt") == 0;
	bool is_named = is_format || strcmp(w->at[3], "expr") == 0;
	if (w->at[4] && !is_named) {
		shm_text_fmt(&s->answer,
			     "'set var': arg type must be either 'expr' or 'fmt' but got "
			     "'%s'.\n",
			     w->at[3]);
		return;
	}
	evaluation_begin(&e);
	const char *text = rest_of(e.arena, w, w->at[4] ? 4 : 3);
	if (evaluate(s, &e, text, is_format && w->at[4], &value) &&
	    !var_set(&e.base, v, &value))
		shm_text_fmt(&s->answer, "A value has %d bytes at most.\n",
			     SHM_CELL_BYTES);
	arena_free(&e.arena);
}

void
command_set_var(struct command_session *s, const struct command_words *w)
{
	if (!w->at[2]) {
		shm_text_str(&s->answer, "Missing process-wide variable identifier.\n");
		return;
	}
	if (!w->at[3]) {
		shm_text_str(&s->answer, "Missing either 'expr', 'fmt' or expression.\n");
		return;
	}
	const struct expr_var *v =
		expr_var_find(control.cfg->env.vars, span_str(w->at[2]));
	if (strncmp(w->at[2], "proc.", 5) != 0)
		shm_text_fmt(&s->answer,
			     "'set var': cannot set variable '%s', only scope 'proc' is "
			     "permitted here.\n",
			     w->at[2]);
	else if (!v)
		shm_text_fmt(&s->answer,
			     "Nothing in the configuration uses the variable '%s'.\n",
			     w->at[2]);
	else
		set(s, w, v);
}
