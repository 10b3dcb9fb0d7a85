/* SPDX-License-Identifier: MIT
 *
 * struct cfg from the effective tree: the proxies and what they hold. The nouns have
 * files of their own. Master (at load).
 */
#include <stdlib.h>

#include "config/loading.h"
#include "lib/http/edit.h"
#include "config/retry.h"

struct span
build_text(struct loading *l, const char *text)
{
	return span_of(arena_strdup(l->arena, text), strlen(text));
}

void
build_fields(struct loading *l, enum schema_section in, const struct node *map,
	     void *base)
{
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		const char *text =
			k->in == in && k->bytes ? node_text(map, k->name) : NULL;
		if (text)
			value_store(l->arena, k, text, base);
	}
}

/* --- options ------------------------------------------------------------------------ */

static void
build_redispatch(struct cfg_proxy *p, const char *text)
{
	p->redispatch_interval = -1;
	if (!text || !value_is_on(text))
		return;
	p->options |= CFG_OPT_REDISPATCH;
	if (!value_bool(text))
		p->redispatch_interval = atoi(text);
}

/* Of these a section has one: what it says itself takes back what its defaults say, and
 * two words of one section contradict each other. */
static void
build_http_mode(struct loading *l, struct cfg_proxy *p, const struct node *map)
{
	static const struct {
		const char *name;
		uint32_t option;
	} modes[] = {
		{"http_keep_alive", CFG_OPT_HTTP_KEEP_ALIVE},
		{"http_server_close", CFG_OPT_HTTP_SERVER_CLOSE},
		{"httpclose", CFG_OPT_HTTPCLOSE},
	};
	const struct node *chosen = NULL;
	uint32_t all = 0, own = 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const struct node *n = node_get(map, modes[i].name);
		all |= modes[i].option;
		if (!n || !(p->options & modes[i].option) || !node_is_own(n))
			continue;
		if (chosen && (own & CFG_OPT_HTTP_KEEP_ALIVE))
			report_error(l->report, n,
				     "'%s' is given too; expected one of them",
				     chosen->name);
		chosen = n;
		own |= modes[i].option;
	}
	if (own)
		p->options = (p->options & ~all) | own;
}

static void
build_options(struct loading *l, struct built *b, const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	for (const struct schema_key *k = schema_keys; k->in != SECTION_none; k++) {
		const char *text = k->option ? node_text(map, k->name) : NULL;
		if (text && value_bool(text))
			p->options |= k->option;
	}
	build_http_mode(l, p, map);
	build_fields(l, SECTION_option, map, p);
	build_forward(l, b, map);
	build_redispatch(p, node_text(map, "redispatch"));
	const char *connect = node_text(map, "allow_connect");
	p->limits.allow_connect = connect && value_bool(connect);
	const struct node *httpchk = node_get(map, "httpchk");
	if (httpchk && httpchk->kind == NODE_MAP)
		p->options |= CFG_OPT_HTTPCHK;
}

/* --- the rest of a proxy --------------------------------------------------------------
 */

static void
build_texts(struct loading *l, const struct node *list, const char ***texts, size_t *n)
{
	for (size_t i = 0; list && i < list->n; i++) {
		*texts = arena_grow(l->arena, *texts, *n, sizeof(**texts));
		(*texts)[(*n)++] = arena_strdup(l->arena, list->items[i]->text);
	}
}

static void
build_stats(struct loading *l, struct cfg_stats *s, const struct node *map)
{
	const char *enable = node_text(map, "enable");
	if (!map || (enable && !value_bool(enable)))
		return;
	build_fields(l, SECTION_stats, map, s);
	build_texts(l, node_get(map, "auth"), &s->auths, &s->auths_n);
	build_texts(l, node_get(map, "scope"), &s->scope, &s->scope_n);
}

static bool
is_built_in(const struct node *n)
{
	return n->origin && strncmp(n->origin, "built-in", 8) == 0;
}

/* Those of client and server hold in their place. */
static bool
has_another(const char *timeout)
{
	return strcmp(timeout, "http_request") == 0 ||
	       strcmp(timeout, "http_keep_alive") == 0 || strcmp(timeout, "tunnel") == 0;
}

/* Explicit zeros: no timeout is a decision, and mostly a mistake. */
static void
warn_zero_timeouts(struct loading *l, const struct node *map)
{
	for (size_t i = 0; map && i < map->n; i++) {
		const struct node *n = map->items[i];
		uint64_t ms = 1;
		const struct schema_key *k =
			schema_find(SECTION_timeout, map->keys[i]->text);
		if (n->kind == NODE_SCALAR && !is_built_in(n) && k &&
		    !has_another(k->name)) {
			struct cfg_timeouts t = {0};
			value_store(l->arena, k, n->text, &t);
			memcpy(&ms, (char *)&t + k->offset, sizeof(ms));
		}
		if (ms == 0)
			report_warning(
				l->report, n,
				"0 means no timeout: connections may stay forever; "
				"expected a duration such as 30s");
	}
}

static void
build_retry_on(struct loading *l, struct cfg_proxy *p, const struct node *list)
{
	bool has_none = false;
	for (size_t i = 0; list && i < list->n; i++) {
		struct span rest = span_str(list->items[i]->text);
		has_none |= span_eq(rest, SPAN("none"));
		while (rest.n)
			p->retry_on |= retry_of_word(value_word(&rest));
	}
	if (has_none && list->n > 1)
		report_error(l->report, list,
			     "'none' cannot be combined with other words");
}

/* Fields weir writes, by names of the user. */
static void
check_own_fields(struct loading *l, const struct node *map)
{
	static const char *const keys[] = {"http_send_name_header", "unique_id_header"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct node *n = node_get(map, keys[i]);
		if (n && (http_edit_is_ours(span_str(n->text)) ||
			  span_ieq(span_str(n->text), SPAN("host"))))
			report_error(l->report, n,
				     "'%s' decides how a message is read; expected "
				     "another field",
				     n->text);
	}
}

static void
build_quorum(struct loading *l, struct cfg_proxy *p, const struct node *map)
{
	if (!map)
		return;
	build_fields(l, SECTION_quorum, map, &p->quorum);
	if (map->has_lost)
		return;
	if (p->quorum.hysteresis >= p->quorum.weight)
		report_error(l->report, map,
			     "hysteresis %u would never let go of a weight of %u; "
			     "expected less than the weight",
			     p->quorum.hysteresis, p->quorum.weight);
	if ((p->quorum.up || p->quorum.down) && !l->cfg->global.external_check)
		report_error(l->report, map,
			     "programs are not run unless the configuration says so; "
			     "expected 'external_check: true' in global");
}

static void
build_proxy(struct loading *l, struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *map = b->map;
	build_fields(l, SECTION_proxy, map, p);
	build_fields(l, SECTION_timeout, node_get(map, "timeout"), &p->timeout);
	const struct node *tunnel = node_get(node_get(map, "timeout"), "tunnel");
	p->has_tunnel_timeout = tunnel && !is_built_in(tunnel);
	build_fields(l, SECTION_error_status, node_get(map, "error_status"),
		     &p->error_status);
	build_fields(l, SECTION_limits, node_get(map, "limits"), &p->limits);
	build_fields(l, SECTION_rate_limit, node_get(map, "rate_limit"), p);
	build_quorum(l, p, node_get(map, "quorum"));
	build_fields(l, SECTION_retry_budget, node_get(map, "retry_budget"),
		     &p->retry_budget);
	build_refs(l, b);
	build_options(l, b, node_get(map, "option"));
	build_retry_on(l, p, node_get(map, "retry_on"));
	build_stats(l, &p->stats, node_get(map, "stats"));
	warn_zero_timeouts(l, node_get(map, "timeout"));
	const char *monitor = node_text(map, "monitor_uri");
	if (monitor)
		p->monitor_uri = build_text(l, monitor);
	const struct node *log = node_get(map, "log");
	p->log_mask = log ? build_log(l, log) : 0;
	if (p->is_disabled)
		return;
	build_acls(l, b);
	check_own_fields(l, map);
	build_errors(l, b);
	build_access_log(l, b);
	if (p->caps & CFG_CAP_FRONTEND)
		build_binds(l, b);
	if (p->caps & CFG_CAP_BACKEND) {
		build_servers(l, b);
		build_check(l, b);
	}
	build_rules(l, b);
	if (p->caps & CFG_CAP_BACKEND) {
		build_balance(l, b);
		build_rdp_persist(l, b);
		build_cookie(l, b);
	}
}

static int
by_serial(const void *pa, const void *pb)
{
	const struct built *a = pa, *b = pb;
	return a->map->serial < b->map->serial ? -1 : 1;
}

static void
add_proxies(struct loading *l, const char *section, unsigned caps)
{
	const struct node *map = node_get(l->effective, section);
	struct cfg *c = l->cfg;
	for (size_t i = 0; i < map->n; i++) {
		struct cfg_proxy *p = arena_alloc(l->arena, sizeof(*p));
		p->name = arena_strdup(l->arena, map->keys[i]->text);
		p->caps = caps;
		p->where = report_place(l->arena, map->keys[i]->pos);
		l->built =
			arena_grow(l->arena, l->built, c->proxies_n, sizeof(*l->built));
		l->built[c->proxies_n++] = (struct built){
			.proxy = p,
			.map = map->items[i],
			.at = map->items[i],
		};
	}
}

static int
by_name(const void *pa, const void *pb)
{
	const struct cfg_proxy *a = *(struct cfg_proxy *const *)pa;
	const struct cfg_proxy *b = *(struct cfg_proxy *const *)pb;
	return strcmp(a->name, b->name);
}

/* For names that are known when a request comes. */
static void
sort_backends(struct cfg *c)
{
	c->backends =
		arena_alloc(c->arena, (c->proxies_n + 1) * sizeof(struct cfg_proxy *));
	for (size_t i = 0; i < c->proxies_n; i++)
		if (c->proxies[i]->caps & CFG_CAP_BACKEND && !c->proxies[i]->is_disabled)
			c->backends[c->backends_n++] = c->proxies[i];
	if (c->backends_n)
		qsort(c->backends, c->backends_n, sizeof(*c->backends), by_name);
}

static bool
is_id_free(const struct cfg *c, uint32_t id)
{
	for (size_t i = 0; i < c->proxies_n; i++)
		if (c->proxies[i]->id == id)
			return false;
	return true;
}

static void
take_id(struct loading *l, struct cfg_proxy *p, const struct node *map)
{
	const struct node *n = map ? node_get(map, "id") : NULL;
	if (!n || n->kind != NODE_SCALAR)
		return;
	uint32_t id = (uint32_t)strtoul(n->text, NULL, 10);
	if (!is_id_free(l->cfg, id))
		report_error(l->report, n, "%u is the id of another proxy already", id);
	p->id = id;
}

/* 1 is what HAProxy keeps for itself. */
static void
number_proxies(struct loading *l)
{
	struct cfg *c = l->cfg;
	uint32_t next = 2;
	for (size_t i = 0; i < c->proxies_n; i++)
		take_id(l, c->proxies[i], l->built[i].map);
	for (size_t i = 0; i < c->proxies_n; i++) {
		if (c->proxies[i]->id)
			continue;
		while (!is_id_free(c, next))
			next++;
		c->proxies[i]->id = next++;
	}
}

void
build_cfg(struct loading *l)
{
	struct cfg *c = l->cfg;
	build_global(l);
	build_error_groups(l);
	build_userlists(l);
	add_proxies(l, "frontends", CFG_CAP_FRONTEND);
	add_proxies(l, "backends", CFG_CAP_BACKEND);
	add_proxies(l, "listens", CFG_CAP_FRONTEND | CFG_CAP_BACKEND);
	if (c->proxies_n)
		qsort(l->built, c->proxies_n, sizeof(*l->built), by_serial);
	c->proxies =
		arena_alloc(l->arena, (c->proxies_n + 1) * sizeof(struct cfg_proxy *));
	for (size_t i = 0; i < c->proxies_n; i++) {
		c->proxies[i] = l->built[i].proxy;
		c->proxies[i]->index = (uint32_t)i;
	}
	number_proxies(l);
	build_tables(l);
	build_checks(l);
	cross_link(l);
	for (size_t i = 0; i < c->proxies_n; i++)
		build_proxy(l, &l->built[i]);
	build_tracks(l);
	build_refs_link(l);
	sort_backends(c);
	c->env.resolve = NULL;
	c->env.subject = NULL;
	build_maxconn(l);
}

void
build_unresolved(struct loading *l, struct span host, struct addr *addr,
		 struct addr *copy, const struct node *at, bool is_required)
{
	l->names = arena_grow(l->arena, l->names, l->names_n, sizeof(*l->names));
	l->names[l->names_n++] = (struct unresolved){
		.host = arena_span(l->arena, host),
		.addr = addr,
		.copy = copy,
		.at = at,
		.is_required = is_required,
	};
}
