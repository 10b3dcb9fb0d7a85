/* SPDX-License-Identifier: MIT
 *
 * Persistence by cookies: cookie, and the rules that make exceptions. Master (at load).
 */
#include "config/loading.h"

/* --- the cookie -----------------------------------------------------------------------
 */

static const struct {
	const char *key;
	enum cfg_cookie_mode mode;
} modes[] = {
	{"rewrite", CFG_COOKIE_REWRITE},
	{"insert", CFG_COOKIE_INSERT},
	{"prefix", CFG_COOKIE_PREFIX},
};

static void
build_mode(struct loading *l, struct cfg_cookie *c, const struct node *map)
{
	const struct node *chosen = NULL;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct node *n = node_get(map, modes[i].key);
		if (!n || !value_bool(n->text))
			continue;
		if (chosen)
			report_error(
				l->report, n,
				"another mode is given too; expected one of rewrite, "
				"insert and prefix");
		chosen = n;
		c->mode = modes[i].mode;
	}
}

/* Appends the attributes of a list to what follows the value. */
static const char *
attributes(struct loading *l, const char *tail, const struct node *list,
	   const char *before)
{
	for (size_t i = 0; list && i < node_items_n(list); i++) {
		const struct node *n = node_item(list, i);
		if (strchr(n->text, ';'))
			report_error(l->report, n,
				     "';' ends an attribute; expected a list of them");
		tail = arena_printf(l->arena, "%s; %s%s", tail, before, n->text);
	}
	return tail;
}

static void
build_tail(struct loading *l, struct cfg_cookie *c, const struct node *map)
{
	const char *tail = attributes(l, "", node_get(map, "domain"), "domain=");
	tail = arena_printf(l->arena, "%s%s%s", tail, c->httponly ? "; HttpOnly" : "",
			    c->secure ? "; Secure" : "");
	c->tail = build_text(l, attributes(l, tail, node_get(map, "attr"), ""));
}

/* --- what is probably wrong ------------------------------------------------------------
 */

static void
check_words(struct loading *l, const struct cfg_cookie *c, const struct node *map)
{
	static const char *const of_insert[] = {"nocache", "postonly", "httponly",
						"secure",  "domain",   "maxidle",
						"maxlife", "attr"};
	const struct node *preserve = node_get(map, "preserve");
	const struct node *indirect = node_get(map, "indirect");
	if (c->preserve && c->mode != CFG_COOKIE_INSERT && !c->indirect)
		report_error(l->report, preserve, "needs 'insert' or 'indirect'");
	if (c->indirect && c->mode == CFG_COOKIE_REWRITE)
		report_error(l->report, indirect,
			     "is not possible with 'rewrite': the cookie is the "
			     "server's; expected one of them");
	if (c->indirect && c->mode == CFG_COOKIE_PREFIX)
		report_warning(l->report, indirect,
			       "with 'prefix' clients do not hear of changes that the "
			       "server makes to its cookie");
	for (size_t i = 0; i < sizeof(of_insert) / sizeof(of_insert[0]); i++) {
		const struct node *n = node_get(map, of_insert[i]);
		if (n && c->mode != CFG_COOKIE_INSERT)
			report_warning(l->report, n, "has no effect without 'insert'");
	}
}

/* Who has no cookie cannot be stuck to. */
static void
check_servers(struct loading *l, const struct cfg_proxy *p, const struct node *at)
{
	size_t without = 0;
	const char *name = NULL;
	if (p->cookie.dynamic && !p->cookie.key.n)
		report_error(l->report, at, "'dynamic' needs 'dynamic_cookie_key'");
	for (size_t i = 0; i < p->servers_n; i++) {
		if (p->servers[i]->cookie.n || p->servers[i]->backup || p->cookie.dynamic)
			continue;
		without++;
		name = p->servers[i]->name;
	}
	if (without && without == p->servers_n)
		report_warning(l->report, at,
			       "no server has a 'cookie', so nobody is sent back to the "
			       "server he had; expected 'cookie: %s' in the server '%s', "
			       "for instance",
			       name, name);
	else if (without)
		report_warning(l->report, at,
			       "the server '%s' has no 'cookie': its clients are sent "
			       "elsewhere",
			       name);
}

/* Cookies of servers that nothing asks for. */
static void
check_unused(struct loading *l, const struct built *b)
{
	const struct node *servers = node_get(b->map, "servers");
	for (size_t i = 0; servers && i < servers->n; i++) {
		const struct node *n = node_get(servers->items[i], "cookie");
		if (!n)
			continue;
		report_warning(l->report, n,
			       "has no effect; expected 'cookie: {name: ..., insert: "
			       "true}' in the backend and mode http");
		return;
	}
}

static void
build_persist(struct loading *l, struct built *b, const char *key, bool is_forced)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *list = node_get(b->map, key);
	l->cfg->env.at = p->mode == CFG_MODE_HTTP ? EXPR_AT_REQUEST : EXPR_AT_CONTENT;
	for (size_t i = 0; list && i < list->n; i++) {
		struct cfg_persist rule = {.is_forced = is_forced};
		const struct node *map = list->items[i];
		if (!build_cond(l, b, map, &rule.when.cond, &rule.when.unless))
			continue;
		if (!rule.when.cond)
			report_error(l->report, map, "expected 'if' or 'unless'");
		p->persist = arena_grow(l->arena, p->persist, p->persist_n, sizeof(rule));
		p->persist[p->persist_n++] = rule;
	}
}

void
build_cookie(struct loading *l, struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	struct cfg_cookie *c = &p->cookie;
	const struct node *map = node_get(b->map, "cookie");
	const char *key = node_text(b->map, "dynamic_cookie_key");
	build_persist(l, b, "force_persist", true);
	build_persist(l, b, "ignore_persist", false);
	if (!map || map->kind != NODE_MAP) {
		check_unused(l, b);
		return;
	}
	build_fields(l, SECTION_cookie, map, c);
	if (key)
		c->key = build_text(l, key);
	if (memchr(c->name.p ? c->name.p : "", '=', c->name.n))
		report_error(l->report, node_get(map, "name"),
			     "'=' ends the name of a cookie; expected a name without it");
	build_mode(l, c, map);
	build_tail(l, c, map);
	if (p->mode == CFG_MODE_HTTP) {
		check_words(l, c, map);
		check_servers(l, p, map);
		return;
	}
	if (node_is_own(map))
		report_warning(l->report, map,
			       "has no effect; expected 'mode: http' with it");
	c->name = span_of(NULL, 0);
}
