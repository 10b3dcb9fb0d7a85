/* SPDX-License-Identifier: MIT
 *
 * ACLs, lists of rules and the choice of a backend. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

void
build_acls(struct loading *l, struct built *b)
{
	const struct node *map = node_get(b->map, "acl");
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

bool
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
	*cond = expr_cond_compile(&l->cfg->env, b->acls, span_str(n->text), &err);
	if (!*cond)
		report_error_in(l->report, n, err.at, "%s", err.text);
	return *cond != NULL;
}

static const struct {
	const char *name;
	bool ends;
} actions[CFG_ACTIONS_N] = {
#define ENDS						       true
#define GOES_ON						       false
#define ACTION(name, sets, end, form, type, sub, help, manual) {#name, end},
#include "config/actions.def"
#undef ACTION
#undef ENDS
#undef GOES_ON
};

/* Where the lists stand. */
static const struct {
	const char *parent, *name;
} lists[CFG_RULE_SETS_N] = {
	[CFG_RULES_CONNECTION] = {"tcp_request", "connection"},
	[CFG_RULES_SESSION] = {"tcp_request", "session"},
	[CFG_RULES_CONTENT] = {"tcp_request", "content"},
	[CFG_RULES_RES_CONTENT] = {"tcp_response", "content"},
	[CFG_RULES_REQUEST] = {NULL, "http_request"},
	[CFG_RULES_RESPONSE] = {NULL, "http_response"},
	[CFG_RULES_AFTER_RESPONSE] = {NULL, "http_after_response"},
};

/* The one action of a rule; NULL: none, or several (reported). */
static const struct node *
action_of(struct loading *l, const struct node *map, struct cfg_rule *rule)
{
	const struct node *found = NULL;
	for (size_t i = 0; i < CFG_ACTIONS_N; i++) {
		const struct node *n = node_get(map, actions[i].name);
		if (n && found) {
			report_error(l->report, n,
				     "two actions in one rule; the other is '%s'",
				     actions[rule->action].name);
			return NULL;
		}
		if (n) {
			found = n;
			rule->action = (uint8_t)i;
		}
	}
	if (!found && !map->has_lost)
		report_error(l->report, map,
			     "no action; expected one, such as set_header, in a rule");
	return found;
}

static void
build_rule(struct loading *l, struct built *b, const struct node *map,
	   const struct node *args, struct cfg_rule rule, enum cfg_rule_set set)
{
	struct cfg_rules *rules = &b->proxy->rules[set];
	l->cfg->env.at = cfg_at(set);
	rule.file = map->pos.file ? map->pos.file : "";
	rule.line = map->pos.line;
	bool is_sound = build_cond(l, b, map, &rule.cond, &rule.unless);
	if (!build_action(l, b, args, set, &rule) || !is_sound)
		return;
	rule.ends = actions[rule.action].ends;
	rules->list = arena_grow(l->arena, rules->list, rules->n, sizeof(rule));
	rules->list[rules->n++] = rule;
	b->proxy->rule_sets |= 1u << set;
}

/* Whether nothing behind this is ever reached. */
static bool
always_ends(const struct node *map)
{
	if (node_get(map, "if") || node_get(map, "unless"))
		return false;
	const struct node *backend = node_get(map, "backend");
	if (backend)
		return !strchr(backend->text, '%');
	for (size_t i = 0; i < CFG_ACTIONS_N; i++)
		if (actions[i].ends && node_get(map, actions[i].name))
			return true;
	return false;
}

static void
warn_unreachable(struct loading *l, const struct node *list, const char *what)
{
	for (size_t i = 0; list && i + 1 < list->n; i++) {
		const struct node *map = list->items[i];
		if (!always_ends(map))
			continue;
		report_warning(l->report, list->items[i + 1],
			       "never reached: the %s at %s has no condition", what,
			       report_place(l->arena, map->pos));
		return;
	}
}

static void
build_list(struct loading *l, struct built *b, const struct node *list,
	   enum cfg_rule_set set)
{
	for (size_t i = 0; list && i < list->n; i++) {
		struct cfg_rule rule = {0};
		const struct node *args = action_of(l, list->items[i], &rule);
		if (args)
			build_rule(l, b, list->items[i], args, rule, set);
	}
	warn_unreachable(l, list, "rule");
}

/* Rules in the words of old: all of one action, which the map does not name. */
static void
build_old_list(struct loading *l, struct built *b, const char *name,
	       enum cfg_action action, enum cfg_rule_set set)
{
	const struct node *list = node_get(b->map, name);
	for (size_t i = 0; list && i < list->n; i++) {
		const struct cfg_rule rule = {.action = (uint8_t)action};
		const struct node *map = list->items[i];
		build_rule(l, b, map, map, rule, set);
	}
}

/* Conditions without anything else, about requests. */
static void
build_whens(struct loading *l, struct built *b, const struct node *list,
	    struct cfg_when **whens, size_t *n)
{
	l->cfg->env.at = EXPR_AT_REQUEST;
	for (size_t i = 0; list && i < list->n; i++) {
		struct cfg_when w = {.cond = NULL};
		if (!build_cond(l, b, list->items[i], &w.cond, &w.unless))
			continue;
		*whens = arena_grow(l->arena, *whens, *n, sizeof(w));
		(*whens)[(*n)++] = w;
	}
}

static struct cfg_server *
server_named(struct loading *l, const struct cfg_proxy *p, const struct node *n)
{
	struct suggest s = suggest_begin(span_str(n->text));
	for (size_t i = 0; i < p->servers_n; i++) {
		if (strcmp(p->servers[i]->name, n->text) == 0)
			return p->servers[i];
		suggest_offer(&s, p->servers[i]->name);
	}
	report_error(l->report, n, "unknown server '%s'%s%s%s", n->text,
		     s.best ? "; did you mean '" : "", s.best ? s.best : "",
		     s.best ? "'?" : "");
	return NULL;
}

static void
build_use_servers(struct loading *l, struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *list = node_get(b->map, "use_server");
	l->cfg->env.at = p->mode == CFG_MODE_HTTP ? EXPR_AT_REQUEST : EXPR_AT_CONTENT;
	for (size_t i = 0; list && i < list->n; i++) {
		const struct node *map = list->items[i], *name = node_get(map, "server");
		struct cfg_use_server u = {.server = NULL};
		struct cfg_server *named = NULL;
		bool is_sound = build_cond(l, b, map, &u.when.cond, &u.when.unless);
		if (!name)
			continue;
		if (strchr(name->text, '%'))
			u.name = build_format(l, b, name, span_str(name->text),
					      FORMAT_BYTES);
		else
			u.server = named = server_named(l, p, name);
		if ((!u.name && !u.server) || !is_sound)
			continue;
		if (named)
			named->is_referenced = true;
		p->use_server =
			arena_grow(l->arena, p->use_server, p->use_server_n, sizeof(u));
		p->use_server[p->use_server_n++] = u;
	}
}

static void
build_choice(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_use_backend u = {0};
	const struct node *name = node_get(map, "backend");
	l->cfg->env.at = p->mode == CFG_MODE_HTTP ? EXPR_AT_REQUEST : EXPR_AT_CONTENT;
	bool is_sound = build_cond(l, b, map, &u.cond, &u.unless);
	if (!name)
		return;
	if (strchr(name->text, '%'))
		u.name = build_format(l, b, name, span_str(name->text), FORMAT_BYTES);
	else
		u.backend = cross_backend(l, name);
	if ((!u.name && !u.backend) || !is_sound)
		return;
	p->use_backend = arena_grow(l->arena, p->use_backend, p->use_backend_n,
				    sizeof(*p->use_backend));
	p->use_backend[p->use_backend_n++] = u;
}

void
build_rules(struct loading *l, struct built *b)
{
	const struct node *choices = node_get(b->map, "use_backend");
	const struct node *last = node_get(b->map, "default_backend");
	struct cfg_proxy *p = b->proxy;
	if (p->caps & CFG_CAP_FRONTEND)
		build_captures(l, b);
	else
		build_check_id(l, b);
	build_old_list(l, b, "block", CFG_ACTION_deny, CFG_RULES_REQUEST);
	for (int set = 0; set < CFG_RULES_REDIRECT; set++) {
		const char *parent = lists[set].parent;
		const struct node *in = parent ? node_get(b->map, parent) : b->map;
		build_list(l, b, node_get(in, lists[set].name), (enum cfg_rule_set)set);
	}
	build_old_list(l, b, "redirect", CFG_ACTION_redirect, CFG_RULES_REDIRECT);
	build_whens(l, b, node_get(node_get(b->map, "monitor"), "fail"), &p->monitor_fail,
		    &p->monitor_fail_n);
	build_whens(l, b, node_get(b->map, "monitor_fail"), &p->monitor_fail,
		    &p->monitor_fail_n);
	if (p->stats.uri)
		build_whens(l, b, node_get(node_get(b->map, "stats"), "admin"),
			    &p->stats.admin, &p->stats.admin_n);
	build_use_servers(l, b);
	build_sticks(l, b);
	build_capture_places(l, b);
	build_fields(l, SECTION_tcp_request, node_get(b->map, "tcp_request"), p);
	build_fields(l, SECTION_tcp_response, node_get(b->map, "tcp_response"), p);
	for (size_t i = 0; choices && i < choices->n; i++)
		build_choice(l, b, choices->items[i]);
	warn_unreachable(l, choices, "use_backend");
	if (last && (p->caps & CFG_CAP_FRONTEND))
		p->default_backend = cross_backend(l, last);
	else if (p->caps == (CFG_CAP_FRONTEND | CFG_CAP_BACKEND))
		p->default_backend = p;
}
