/* SPDX-License-Identifier: MIT
 *
 * What can only be seen when everything is there: names, modes, addresses of several
 * proxies. Errors and warnings as HAProxy has them. Master (at load).
 */
#include <stdlib.h>

#include "config/loading.h"
#include "lib/base/suggest.h"
#include "lib/expr/live.h"

/* Two sections of one name may not share a side: HAProxy allows a frontend and a backend
 * of the same name, as we do. */
void
cross_link(struct loading *l)
{
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		const struct cfg_proxy *p = l->cfg->proxies[i];
		for (size_t j = 0; j < i; j++) {
			const struct cfg_proxy *q = l->cfg->proxies[j];
			if ((p->caps & q->caps) && strcmp(p->name, q->name) == 0)
				report_error(l->report, l->built[i].at,
					     "'%s' is the name of a proxy already; the "
					     "other is "
					     "at %s",
					     p->name, q->where);
		}
	}
}

struct cfg_proxy *
cross_backend(struct loading *l, const struct node *n)
{
	struct suggest s = suggest_begin(span_str(n->text));
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		struct cfg_proxy *p = l->cfg->proxies[i];
		if (!(p->caps & CFG_CAP_BACKEND))
			continue;
		if (strcmp(p->name, n->text) == 0)
			return p;
		suggest_offer(&s, p->name);
	}
	if (!l->has_syntax_error)
		report_error(l->report, n,
			     "unknown backend '%s'; expected the name of a section in "
			     "backends "
			     "or listens%s%s%s",
			     n->text, s.best ? "; did you mean '" : "",
			     s.best ? s.best : "", s.best ? "'?" : "");
	return NULL;
}

/* --- modes -----------------------------------------------------------------------------
 */

static void
check_mode(struct loading *l, const struct built *b, const struct cfg_proxy *to,
	   const struct node *at)
{
	static const char *const modes[] = {"tcp", "http", "health"};
	const struct cfg_proxy *p = b->proxy;
	if (!to || to == p || to->mode == p->mode || p->mode == CFG_MODE_HEALTH)
		return;
	report_error(l->report, at,
		     "'%s' has mode %s and this %s has mode %s; expected the same mode",
		     to->name, modes[to->mode],
		     p->caps & CFG_CAP_BACKEND ? "listen" : "frontend", modes[p->mode]);
}

static void
check_targets(struct loading *l, const struct built *b)
{
	const struct cfg_proxy *p = b->proxy;
	const struct node *choices = node_get(b->map, "use_backend");
	check_mode(l, b, p->default_backend, node_get(b->map, "default_backend"));
	for (size_t i = 0; choices && i < choices->n; i++) {
		const struct node *name = node_get(choices->items[i], "backend");
		for (size_t j = 0; name && j < p->use_backend_n; j++)
			if (p->use_backend[j].backend &&
			    strcmp(p->use_backend[j].backend->name, name->text) == 0) {
				check_mode(l, b, p->use_backend[j].backend, name);
				break;
			}
	}
}

/* Options of HTTP in a proxy of another mode: as HAProxy, said and left out. */
static void
drop_http_options(struct loading *l, const struct built *b)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *options = node_get(b->map, "option");
	const struct node *httplog = node_get(options, "httplog");
	const struct node *forwardfor = node_get(options, "forwardfor");
	if (httplog && value_is_on(httplog->text) && (p->caps & CFG_CAP_FRONTEND))
		report_warning(l->report, httplog,
			       "'%s' does not have mode http; it logs as with 'tcplog'",
			       p->name);
	if (p->forwardfor.is_on && node_is_own(forwardfor))
		report_warning(l->report, forwardfor,
			       "has no effect; expected 'mode: http' with it");
	p->forwardfor.is_on = false;
}

/* What only HTTP can do, in a proxy that does not speak it. */
static void
check_http_only(struct loading *l, const struct built *b)
{
	static const char *const keys[] = {
		"http_request", "http_response", "http_after_response", "monitor_uri",
		"stats",	"errorfile",	 "errorfiles",		"errorloc",
		"errorloc303",	"http_error"};
	if (b->proxy->mode == CFG_MODE_HTTP)
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct node *n = node_get(b->map, keys[i]);
		if (n && node_is_own(n))
			report_warning(l->report, n,
				       "has no effect; expected 'mode: http' with it");
	}
	if (b->proxy->mode == CFG_MODE_TCP)
		drop_http_options(l, b);
}

/* --- one proxy
 * -------------------------------------------------------------------------- */

static void
check_frontend(struct loading *l, const struct built *b)
{
	const struct cfg_proxy *p = b->proxy;
	bool answers = p->rules[CFG_RULES_REQUEST].n || p->stats.uri || p->monitor_uri.n;
	if (p->binds_n == 0 && !node_get(b->map, "bind"))
		report_warning(l->report, b->at,
			       "has no 'bind': nobody can connect; expected "
			       "one, or the section in backends");
	if (p->mode != CFG_MODE_HEALTH && !p->default_backend && !p->use_backend_n &&
	    !answers && !node_get(b->map, "default_backend") &&
	    !node_get(b->map, "use_backend"))
		report_warning(l->report, b->at,
			       "has no 'default_backend': every %s is refused",
			       p->mode == CFG_MODE_HTTP ? "request" : "connection");
}

static void
check_backend(struct loading *l, const struct built *b)
{
	const struct cfg_proxy *p = b->proxy;
	bool answers = p->rules[CFG_RULES_REQUEST].n || p->stats.uri;
	bool is_used = p->caps == CFG_CAP_BACKEND || p->default_backend == p;
	if (p->servers_n == 0 && !node_get(b->map, "servers") && is_used && !answers &&
	    p->mode != CFG_MODE_HEALTH)
		report_warning(l->report, b->at, "has no servers");
}

/* The options ask for a case that nothing gives. */
static void
check_case(struct loading *l, const struct built *b)
{
	uint32_t asked =
		b->proxy->options & (CFG_OPT_H1_CASE_CLIENT | CFG_OPT_H1_CASE_SERVER);
	if (!asked || l->cfg->global.h1_case)
		return;
	report_warning(l->report,
		       node_get(node_get(b->map, "option"),
				asked & CFG_OPT_H1_CASE_CLIENT
					? "h1_case_adjust_bogus_client"
					: "h1_case_adjust_bogus_server"),
		       "has no effect; expected names in global.h1_case_adjust");
}

static void
check_proxy(struct loading *l, const struct built *b)
{
	const struct cfg_proxy *p = b->proxy;
	const struct node *mode = node_get(b->map, "mode");
	if (p->mode == CFG_MODE_HEALTH && p->caps == CFG_CAP_BACKEND)
		report_error(l->report, mode ? mode : b->at,
			     "a backend cannot have mode health; expected tcp or http");
	else if (p->mode == CFG_MODE_HEALTH)
		report_warning(l->report, mode,
			       "deprecated; expected 'mode: http' with "
			       "'monitor_uri'");
	if (p->is_disabled)
		return;
	check_case(l, b);
	if (p->caps & CFG_CAP_FRONTEND)
		check_frontend(l, b);
	if (p->caps & CFG_CAP_BACKEND)
		check_backend(l, b);
	if (l->has_bad_mode)
		return;
	check_targets(l, b);
	check_http_only(l, b);
}

/* --- addresses
 * ---------------------------------------------------------------------------- */

static int
by_addr(const void *pa, const void *pb)
{
	const struct cfg_bind *a = *(struct cfg_bind *const *)pa;
	const struct cfg_bind *b = *(struct cfg_bind *const *)pb;
	if (a->addr.kind != b->addr.kind)
		return a->addr.kind < b->addr.kind ? -1 : 1;
	int c = memcmp(&a->addr.u, &b->addr.u, sizeof(a->addr.u));
	if (c == 0 && a->addr.fd != b->addr.fd)
		c = a->addr.fd < b->addr.fd ? -1 : 1;
	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

/* Two proxies on one address: the kernel would give each connection to either. */
static void
check_addresses(struct loading *l)
{
	struct cfg *c = l->cfg;
	struct cfg_bind **sorted =
		arena_alloc(l->arena, (c->binds_n + 1) * sizeof(*sorted));
	if (c->binds_n == 0)
		return;
	memcpy(sorted, c->binds, c->binds_n * sizeof(*sorted));
	qsort(sorted, c->binds_n, sizeof(*sorted), by_addr);
	for (size_t i = 1; i < c->binds_n; i++) {
		const struct cfg_bind *a = sorted[i - 1], *b = sorted[i];
		const char *if_a = a->interface ? a->interface : "";
		const char *if_b = b->interface ? b->interface : "";
		char text[ADDR_TEXT_BYTES];
		if (!addr_eq(&a->addr, &b->addr) || strcmp(if_a, if_b) != 0)
			continue;
		const struct node *list =
			node_get(l->built[b->frontend->index].map, "bind");
		const struct node *at = list;
		for (size_t j = 0; list && j < list->n; j++) {
			const struct node *n = node_get(list->items[j], "address");
			if (n && strcmp(report_place(l->arena, n->pos), b->where) == 0)
				at = n;
		}
		if (b->addr.kind == ADDR_FD)
			report_warning(l->report, at,
				       "%s is a socket of '%s' already, at %s: each "
				       "connection goes to one of the two",
				       addr_format(&b->addr, text), a->frontend->name,
				       a->where);
		else
			report_error(
				l->report, at, "%s is the address of '%s' already, at %s",
				addr_format(&b->addr, text), a->frontend->name, a->where);
	}
}

/* --- files that rules change ----------------------------------------------------------
 */

struct patterns_use {
	const struct node *at;
	const struct expr_source *source;
};

void
cross_patterns(struct loading *l, const struct node *n, const struct expr_source *source)
{
	l->patterns_uses = arena_grow(l->arena, l->patterns_uses, l->patterns_uses_n,
				      sizeof(*l->patterns_uses));
	l->patterns_uses[l->patterns_uses_n++] = (struct patterns_use){n, source};
}

static void
check_patterns(struct loading *l)
{
	for (size_t i = 0; i < l->patterns_uses_n && !l->has_syntax_error; i++) {
		const struct patterns_use *use = &l->patterns_uses[i];
		if (!use->source->lists)
			report_error(l->report, use->at,
				     "nothing looks into '%s'; expected the file of %s",
				     use->at->text,
				     use->source->is_map ? "a map converter"
							 : "an ACL with -f");
	}
}

void
cross_check(struct loading *l)
{
	size_t listeners = l->cfg->binds_n;
	const struct cfg_request *r = l->request;
	struct pos nowhere = {r->paths_n ? r->paths[0] : "configuration", 0, 0};
	for (size_t i = 0; i < l->cfg->proxies_n; i++)
		check_proxy(l, &l->built[i]);
	check_addresses(l);
	listeners += l->cfg->global.sockets_n;
	check_patterns(l);
	if (listeners == 0 && !r->is_part && report_errors_n(l->report) == 0)
		report_error_at(
			l->report, nowhere, NULL,
			"nothing to listen on; expected a frontend or a listen with "
			"'bind'");
}
