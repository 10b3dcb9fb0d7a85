/* SPDX-License-Identifier: MIT
 *
 * How servers are checked: the one kind of check that the options of a backend or a named
 * check ask for. Master (at load).
 */
#include "config/making.h"
#include "lib/base/suggest.h"

/* --- kinds ---------------------------------------------------------------------- */

static void
make_script(struct making *m, const struct node *args)
{
	(void)args;
	making_script(m);
}

static void
make_icmp(struct making *m, const struct node *args)
{
	(void)args;
	m->check->kind = CFG_CHECK_ICMP;
}

static void
make_external(struct making *m, const struct node *args)
{
	(void)args;
	m->check->kind = CFG_CHECK_EXTERNAL;
	m->check->is_private = true; /* its environment names the server */
}

static const struct check_type {
	const char *name, *steps; /* steps: the key that holds them, or NULL */
	void (*make)(struct making *m, const struct node *args);
} types[] = {
	{"httpchk", "http_check", making_http},
	{"tcp_check", "tcp_check", make_script},
	{"redis_check", NULL, making_redis},
	{"mysql_check", NULL, making_mysql},
	{"pgsql_check", NULL, making_pgsql},
	{"smtpchk", NULL, making_smtp},
	{"ldap_check", NULL, making_ldap},
	{"ssl_hello_chk", NULL, making_ssl_hello},
	{"udp_check", NULL, making_udp},
	{"dns_check", NULL, making_dns},
	{"icmp_check", NULL, make_icmp},
	{"external_check", "external_check", make_external},
};
enum { TYPES_N = sizeof(types) / sizeof(types[0]) };

/* The kind asked for; one that a section names itself wins over those of its defaults.
 * *args: its value. NULL: none. */
static const struct check_type *
choose(struct loading *l, const struct node *options, const struct node **args)
{
	const struct check_type *chosen = NULL;
	*args = NULL;
	for (size_t i = 0; i < TYPES_N; i++) {
		const struct node *n = node_get(options, types[i].name);
		if (!n || (n->kind == NODE_SCALAR && !value_bool(n->text)))
			continue;
		if (chosen && node_is_own(*args) == node_is_own(n))
			report_error(l->report, n,
				     "'%s' is given too; expected one kind of check",
				     chosen->name);
		if (chosen && node_is_own(*args))
			continue;
		chosen = &types[i];
		*args = n;
	}
	return chosen;
}

/* --- identity --------------------------------------------------------------------- */

/* Equal nodes, equal texts: lengths keep values apart from keys. */
static const char *
text_of(struct loading *l, const struct node *n, const char *before)
{
	if (!n)
		return before;
	if (n->kind == NODE_SCALAR)
		return arena_printf(l->arena, "%s%zu:%s;", before, strlen(n->text),
				    n->text);
	before = arena_printf(l->arena, "%s%c", before, n->kind == NODE_MAP ? '{' : '[');
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_MAP)
			before =
				arena_printf(l->arena, "%s%s=", before, n->keys[i]->text);
		before = text_of(l, n->items[i], before);
	}
	return arena_printf(l->arena, "%s}", before);
}

/* One that was made from the same text and depends on nothing else. */
static const struct cfg_check *
made_before(const struct loading *l, const char *identity)
{
	for (size_t i = 0; i < l->checks_n; i++)
		if (strcmp(l->checks[i]->identity, identity) == 0 &&
		    !l->checks[i]->is_private)
			return l->checks[i];
	return NULL;
}

/* --- making --------------------------------------------------------------------------
 */

static void
warn_unused(struct loading *l, const struct node *map, const struct check_type *type)
{
	for (size_t i = 0; i < TYPES_N; i++) {
		const struct node *steps =
			types[i].steps ? node_get(map, types[i].steps) : NULL;
		if (!steps || type == &types[i] || !node_is_own(steps))
			continue;
		report_warning(l->report, steps,
			       "has no effect without 'option: %s'; servers are checked "
			       "%s",
			       types[i].name,
			       type ? arena_printf(l->arena, "by %s", type->name)
				    : "by connecting");
	}
}

/* map: where steps stand; options: where the kind stands. */
static const struct cfg_check *
make(struct loading *l, struct built *b, const struct node *map,
     const struct node *options)
{
	const struct node *args;
	const struct check_type *type = choose(l, options, &args);
	const struct node *steps =
		type && type->steps ? node_get(map, type->steps) : NULL;
	const char *identity = type ? type->name : "";
	identity = text_of(l, steps, text_of(l, args, identity));
	warn_unused(l, map, type);
	const struct cfg_check *same = made_before(l, identity);
	if (same)
		return same;
	struct making m = {l,	b,     arena_alloc(l->arena, sizeof(*m.check)),
			   map, steps, NULL};
	enum expr_at at = l->cfg->env.at;
	m.check->identity = identity;
	l->cfg->env.at = EXPR_AT_CHECK;
	if (type)
		type->make(&m, args);
	l->cfg->env.at = at;
	if (type && type->make == make_external) {
		if (steps)
			build_fields(l, SECTION_external_check, steps, m.check);
		if (!m.check->command && !(steps && steps->has_lost))
			report_error(l->report, args,
				     "there is no program; expected "
				     "'external_check: {command: /path}'");
		if (!l->cfg->global.external_check)
			report_error(
				l->report, args,
				"programs are not run unless the configuration "
				"says so; expected 'external_check: true' in global");
	}
	l->checks = arena_grow(l->arena, l->checks, l->checks_n, sizeof(*l->checks));
	return l->checks[l->checks_n++] = m.check;
}

/* A host is pinged whatever its port is. */
bool
build_server_check(const struct cfg_proxy *p, struct cfg_server *s)
{
	if (!s->healthcheck)
		s->healthcheck = p->check;
	if (s->healthcheck->kind != CFG_CHECK_ICMP || !s->check)
		return true;
	if (s->check_addr.kind == ADDR_UNIX)
		return false;
	if (s->check_addr.kind != ADDR_NONE)
		addr_set_port(&s->check_addr, 0);
	s->check_has_port = true;
	return true;
}

static void
choose_check(struct loading *l, const struct built *b, struct cfg_server *s)
{
	if (!build_server_check(b->proxy, s))
		report_error(l->report, b->map,
			     "server '%s' has no IP address; icmp_check needs one",
			     s->name);
}

void
build_check(struct loading *l, struct built *b)
{
	b->proxy->check = make(l, b, b->map, node_get(b->map, "option"));
	for (size_t i = 0; i < b->proxy->servers_n; i++)
		choose_check(l, b, b->proxy->servers[i]);
}

/* --- those with a name -------------------------------------------------------------- */

void
build_checks(struct loading *l)
{
	const struct node *map = node_get(l->effective, "checks");
	struct built *nobody = arena_alloc(l->arena, sizeof(*nobody));
	nobody->proxy = arena_alloc(l->arena, sizeof(*nobody->proxy));
	nobody->proxy->name = "";
	for (size_t i = 0; map && i < map->n; i++) {
		const struct node *n = map->items[i], *type = node_get(n, "type");
		const struct node *args;
		l->named_checks = arena_grow(l->arena, l->named_checks, l->named_checks_n,
					     sizeof(*l->named_checks));
		struct named_check *c = &l->named_checks[l->named_checks_n++];
		c->name = map->keys[i]->text;
		c->check = make(l, nobody, n, type);
		if (type && !type->has_lost && !n->has_lost && !choose(l, type, &args))
			report_error(l->report, type,
				     "no type; expected one such as httpchk");
	}
}

const struct cfg_check *
build_check_named(struct loading *l, const struct node *name)
{
	struct suggest s = suggest_begin(span_str(name->text));
	for (size_t i = 0; i < l->named_checks_n; i++) {
		if (strcmp(l->named_checks[i].name, name->text) == 0)
			return l->named_checks[i].check;
		suggest_offer(&s, l->named_checks[i].name);
	}
	if (!l->has_syntax_error)
		report_error(l->report, name,
			     "unknown check '%s'; expected a name of 'checks'%s%s%s",
			     name->text, s.best ? "; did you mean '" : "",
			     s.best ? s.best : "", s.best ? "'?" : "");
	return NULL;
}

const struct cfg_check *
build_agent_check(struct loading *l, const char *text)
{
	struct making m = {.l = l, .check = arena_alloc(l->arena, sizeof(*m.check))};
	m.check->kind = CFG_CHECK_PRESET;
	m.check->identity = "";
	making_connect(&m);
	if (text)
		making_send(&m, build_text(l, text));
	making_expect(&m, CFG_EXPECT_AGENT_LINE);
	return m.check;
}
