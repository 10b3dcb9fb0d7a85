/* SPDX-License-Identifier: MIT
 *
 * global.set_var, set_var_fmt: variables of the scope proc that have a value when a
 * generation begins. Evaluated when the configuration is loaded, in the order of the
 * file. Master.
 */
#include "config/loading.h"
#include "lib/expr/format.h"
#include "lib/expr/vars.h"

enum { VALUE_BYTES_MAX = 240 }; /* what the workers share of one */

/* What expressions are evaluated against: the variables that are set so far. */
struct at_load {
	struct expr_context base; /* first */
	const struct cfg_global *global;
};

static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	const struct cfg_global *g = ((const struct at_load *)(const void *)c)->global;
	for (size_t i = g->set_vars_n; i-- > 0;)
		if (g->set_vars[i].var == v)
			return expr_value_set(out, g->set_vars[i].type,
					      g->set_vars[i].bytes);
	return false;
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	(void)c;
	(void)v;
	(void)value;
	return false;
}

static bool
evaluate(struct loading *l, struct at_load *c, const struct node *n, bool is_format,
	 struct expr_sample *out)
{
	struct expr_error err;
	struct span text = span_str(n->text);
	const struct format *f =
		is_format ? format_compile(&l->cfg->env, text, FORMAT_BYTES, false, &err)
			  : NULL;
	const struct expr_program *p =
		is_format ? NULL : expr_compile(&l->cfg->env, text, &err);
	if (!f && !p) {
		report_error_in(l->report, n, err.at, "%s", err.text);
		return false;
	}
	if (f) {
		char *made = arena_alloc(l->arena, VALUE_BYTES_MAX + 1);
		size_t length = format_write(f, &c->base, made, VALUE_BYTES_MAX + 1);
		expr_set_str(out, span_of(made, length));
		return true;
	}
	if (expr_eval(p, &c->base, EXPR_ANY, out))
		return true;
	report_error(l->report, n, "'%s' has no value here", n->text);
	return false;
}

static void
set(struct loading *l, struct at_load *c, const struct node *key, const struct node *n,
    bool is_format)
{
	struct cfg_global *g = &l->cfg->global;
	struct expr_error err;
	struct expr_sample value = {.next = 0};
	const struct expr_var *v =
		expr_var_of(l->cfg->env.vars, span_str(key->text), 0, &err);
	if (v && v->scope != EXPR_SCOPE_PROC) {
		expr_fail(&err, 0,
			  "'%s' belongs to traffic, and there is none here; expected a "
			  "variable of the scope proc",
			  key->text);
		v = NULL;
	}
	if (!v) {
		report_error_in(l->report, key, err.at, "%s", err.text);
		return;
	}
	if (!evaluate(l, c, n, is_format, &value))
		return;
	struct span bytes = expr_value_bytes(&value);
	if (bytes.n > VALUE_BYTES_MAX) {
		report_error(l->report, n, "a value of %zu bytes; expected at most %d",
			     bytes.n, VALUE_BYTES_MAX);
		return;
	}
	g->set_vars =
		arena_grow(l->arena, g->set_vars, g->set_vars_n, sizeof(*g->set_vars));
	g->set_vars[g->set_vars_n++] = (struct cfg_set_var){
		v, value.type, span_of(arena_span(l->arena, bytes), bytes.n)};
}

void
build_set_vars(struct loading *l, const struct node *global)
{
	static expr_fetch_fn *const none[EXPR_FETCHES_N];
	static const struct expr_host host = {
		.fetches = none, .var_get = var_get, .var_set = var_set};
	static const char *const keys[] = {"set_var", "set_var_fmt"};
	enum { SCRATCH_BYTES = 16 * 1024 };
	struct expr_scratch scratch = {arena_alloc(l->arena, SCRATCH_BYTES),
				       SCRATCH_BYTES, 0};
	struct at_load c = {{&host, &scratch, EXPR_AT_ALONE, NULL}, &l->cfg->global};
	for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
		const struct node *map = node_get(global, keys[k]);
		for (size_t i = 0; map && i < map->n; i++) {
			l->cfg->env.at = EXPR_AT_ALONE;
			scratch.used = 0;
			set(l, &c, map->keys[i], map->items[i], k == 1);
		}
	}
}
