/* SPDX-License-Identifier: MIT
 *
 * global.setenv, presetenv: what env() gives beside the environment. Master (at load).
 */
#include "config/loading.h"

static void
add(struct loading *l, const struct node *names, bool is_default)
{
	struct expr_env *env = &l->cfg->env;
	struct expr_variable *list =
		arena_alloc(l->arena, (env->variables_n + names->n) * sizeof(*list));
	for (size_t i = 0; i < env->variables_n; i++)
		list[i] = env->variables[i];
	for (size_t i = 0; i < names->n; i++)
		list[env->variables_n + i] = (struct expr_variable){
			names->keys[i]->text, names->items[i]->text, is_default};
	env->variables = list;
	env->variables_n += names->n;
}

void
build_environment(struct loading *l, const struct node *global)
{
	const struct node *set = node_get(global, "setenv");
	const struct node *preset = node_get(global, "presetenv");
	if (set)
		add(l, set, false);
	if (preset)
		add(l, preset, true);
}
