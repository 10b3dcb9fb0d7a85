/* SPDX-License-Identifier: MIT
 *
 * ACLs, http_request rules and the choice of a backend. Master (at load).
 */
#include "config/loading.h"

static void
build_acls(struct loading *l, struct built *b)
{
	const struct node *map = node_get(b->map, "acl");
	l->cfg->env.subject = b->proxy;
	b->acls = expr_acls_new(&l->cfg->env);
	for (size_t i = 0; map && i < map->n; i++) {
		struct span name = span_str(map->keys[i]->text);
		for (size_t j = 0; j < map->items[i]->n; j++) {
			const struct node *n = map->items[i]->items[j];
			struct expr_error err;
			if (expr_acls_add(b->acls, name, span_str(n->text), &err) == 0)
				continue;
			report_error_in(l->report, n, err.at, "%s", err.text);
			/* the name is known all the same: one message is enough */
			expr_acls_add(b->acls, name, SPAN("path /"), &err);
		}
	}
}

/* `if` or `unless` of a rule. false: wrong (reported). */
static bool
build_cond(struct loading *l, struct built *b, const struct node *map,
	   const struct expr_cond **cond, bool *unless)
{
	const struct node *yes = node_get(map, "if"), *no = node_get(map, "unless");
	struct expr_error err;
	if (yes && no) {
		report_error(l->report, no, "'if' is given too; expected one of them");
		return false;
	}
	const struct node *n = yes ? yes : no;
	*unless = no != NULL;
	if (!n)
		return true;
	l->cfg->env.at = EXPR_AT_REQUEST;
	*cond = expr_cond_compile(&l->cfg->env, b->acls, span_str(n->text), &err);
	if (!*cond)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return *cond != NULL;
}

static const struct {
	const char *name;
	enum cfg_action action;
} actions[] = {
	{"return", CFG_ACTION_RETURN},
	{"deny", CFG_ACTION_DENY},
};

static void
build_rule(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_rule rule = {0};
	size_t given = 0;
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct node *n = node_get(map, actions[i].name);
		if (!n)
			continue;
		given++;
		rule.action = actions[i].action;
		if (n->kind == NODE_MAP)
			build_reply(l, n, rule.action == CFG_ACTION_DENY, &rule.reply);
	}
	if (given != 1) {
		if (given || !map->has_lost)
			report_error(l->report, map,
				     "%s; expected one of return and deny in a rule",
				     given ? "two actions" : "no action");
		return;
	}
	if (!build_cond(l, b, map, &rule.cond, &rule.unless))
		return;
	p->http_request = arena_grow(l->arena, p->http_request, p->http_request_n,
				     sizeof(*p->http_request));
	p->http_request[p->http_request_n++] = rule;
}

static void
build_choice(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_use_backend u = {0};
	const struct node *name = node_get(map, "backend");
	bool is_sound = build_cond(l, b, map, &u.cond, &u.unless);
	if (!name || !(u.backend = cross_backend(l, name)) || !is_sound)
		return;
	p->use_backend = arena_grow(l->arena, p->use_backend, p->use_backend_n,
				    sizeof(*p->use_backend));
	p->use_backend[p->use_backend_n++] = u;
}

/* What stands behind a rule that always ends the matter is never reached. */
static void
warn_unreachable(struct loading *l, const struct node *list, const char *what)
{
	for (size_t i = 0; list && i + 1 < list->n; i++) {
		const struct node *map = list->items[i];
		if (node_get(map, "if") || node_get(map, "unless"))
			continue;
		report_warning(l->report, list->items[i + 1],
			       "never reached: the %s at %s has no condition", what,
			       report_place(l->arena, map->pos));
		return;
	}
}

void
build_rules(struct loading *l, struct built *b)
{
	const struct node *rules = node_get(b->map, "http_request");
	const struct node *choices = node_get(b->map, "use_backend");
	const struct node *last = node_get(b->map, "default_backend");
	struct cfg_proxy *p = b->proxy;
	build_acls(l, b);
	for (size_t i = 0; rules && i < rules->n; i++)
		build_rule(l, b, rules->items[i]);
	for (size_t i = 0; choices && i < choices->n; i++)
		build_choice(l, b, choices->items[i]);
	warn_unreachable(l, rules, "rule");
	warn_unreachable(l, choices, "use_backend");
	if (last && (p->caps & CFG_CAP_FRONTEND))
		p->default_backend = cross_backend(l, last);
	else if (p->caps == (CFG_CAP_FRONTEND | CFG_CAP_BACKEND))
		p->default_backend = p;
}
