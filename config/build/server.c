/* SPDX-License-Identifier: MIT
 *
 * Servers of a backend. Master (at load); names are asked for later, in resolve.c.
 */
#include "config/loading.h"
#include "lib/base/num.h"
#include "lib/base/suggest.h"

/* Cuts ":+1000" or ":-10" off *text; false when there is none, or no port at all. */
static bool
cut_offset(struct span *text, int *offset)
{
	const char *colon = memrchr(text->p, ':', text->n);
	if (!colon || colon + 2 >= text->p + text->n ||
	    (colon[1] != '+' && colon[1] != '-'))
		return false;
	uint64_t v;
	struct span digits = span_of(colon + 2, (size_t)(text->p + text->n - colon - 2));
	if (num_u64(digits, &v) != NUM_OK || v > 65535)
		return false;
	*offset = colon[1] == '-' ? -(int)v : (int)v;
	text->n = (size_t)(colon - text->p);
	return true;
}

/* 0.0.0.0, ::, * */
static bool
is_unspecified(const struct addr *a)
{
	return (a->kind == ADDR_INET && a->u.in.sin_addr.s_addr == INADDR_ANY) ||
	       (a->kind == ADDR_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr));
}

/* Where a server is; *host is set when that is a name. false: wrong (reported). */
static bool
parse_server(struct loading *l, struct cfg_server *s, const struct node *at,
	     struct span *host)
{
	struct span text = span_str(at->text);
	s->send_to_client_port = cut_offset(&text, &s->port_offset);
	enum addr_result r = addr_parse(text, 0, &s->addr, host);
	bool is_any = text.n == 0 || text.p[0] == ':';
	if (r < 0 || is_any || s->addr.kind == ADDR_FD) {
		report_error(l->report, at,
			     "'%s' is not the address of a server; expected host:port, "
			     "[v6]:port, host (the client's port), host:+n, 0.0.0.0 "
			     "(where the "
			     "client wanted to go) or unix@/path",
			     at->text);
		return false;
	}
	if (s->addr.kind == ADDR_UNIX && s->addr.u.un.sun_path[0] != '/') {
		report_error(l->report, at,
			     "'%s' is not an absolute path; expected one such as "
			     "unix@/run/app.sock",
			     at->text);
		return false;
	}
	if (s->addr.kind != ADDR_UNIX && addr_port(&s->addr) == 0)
		s->send_to_client_port = true;
	s->send_to_client_addr = r == ADDR_OK && is_unspecified(&s->addr);
	return true;
}

/* check_addr: the server's, with `addr` and `port` applied. */
static void
build_check_addr(struct loading *l, struct cfg_server *s, const struct node *map,
		 struct span server_host)
{
	const struct node *addr = node_get(map, "addr"), *port = node_get(map, "port");
	const struct node *address = node_get(map, "address");
	struct span check_host = {NULL, 0};
	s->check_addr = s->addr;
	s->check_has_addr = addr != NULL;
	s->check_has_port = port != NULL;
	if (addr) {
		int old = addr_port(&s->addr);
		enum addr_result r = addr_parse(span_str(addr->text), old, &s->check_addr,
						&check_host);
		if (r < 0 || s->check_addr.kind == ADDR_FD || addr->text[0] == '*')
			report_error(l->report, addr,
				     "'%s' is not an address; expected a host",
				     addr->text);
		else if (r == ADDR_HOSTNAME)
			build_unresolved(l, check_host, &s->check_addr, NULL, addr,
					 false);
	}
	if (port)
		addr_set_port(&s->check_addr, (int)value_uint(port->text));
	if (server_host.n)
		build_unresolved(l, server_host, &s->addr, addr ? NULL : &s->check_addr,
				 address, false);
	if (s->check && s->send_to_client_addr && !addr)
		report_error(
			l->report, address,
			"a check cannot go to '%s'; expected 'addr: host' for the check",
			address->text);
	else if (s->check && s->check_addr.kind != ADDR_UNIX &&
		 addr_port(&s->check_addr) == 0)
		report_error(
			l->report, address,
			"a check needs a port and '%s' has none; expected host:port, or "
			"'port: n' for the check",
			address->text);
}

/* Where the agent is, and what it is asked: a line. */
static void
build_agent(struct loading *l, struct cfg_server *s, const struct node *map)
{
	const struct node *addr = node_get(map, "agent_addr"),
			  *port = node_get(map, "agent_port");
	struct span host = {NULL, 0};
	if (!s->agent_check)
		return;
	s->agent = build_agent_check(l, node_text(map, "agent_send"));
	s->agent_addr = s->addr;
	s->agent_has_addr = addr != NULL;
	if (addr) {
		enum addr_result r =
			addr_parse(span_str(addr->text), 0, &s->agent_addr, &host);
		if (r < 0 || s->agent_addr.kind == ADDR_FD || addr->text[0] == '*')
			report_error(l->report, addr,
				     "'%s' is not an address; expected a host",
				     addr->text);
		else if (r == ADDR_HOSTNAME)
			build_unresolved(l, host, &s->agent_addr, NULL, addr, true);
	}
	if (port && s->agent_addr.kind != ADDR_UNIX)
		addr_set_port(&s->agent_addr, (int)value_uint(port->text));
	else if (s->agent_addr.kind != ADDR_UNIX)
		report_error(l->report, node_get(map, "agent_check"),
			     "the agent has no port; expected 'agent_port: n'");
}

/* The values of set_proxy_v2_tlv_fmt. */
static void
build_tlvs(struct loading *l, struct built *b, const struct node *map,
	   struct cfg_proxy_header *out)
{
	out->tlvs = arena_alloc(l->arena, (map->n + 1) * sizeof(*out->tlvs));
	l->cfg->env.at = EXPR_AT_LOG; /* what is known without a message at hand */
	for (size_t i = 0; i < map->n; i++) {
		uint64_t type;
		if (num_byte(span_str(map->keys[i]->text), &type) != NUM_OK) {
			report_error(l->report, map->items[i],
				     "'%s' is not a type; expected 0 to 255, or 0x00 to "
				     "0xff",
				     map->keys[i]->text);
			continue;
		}
		out->tlvs[out->tlvs_n++] = (struct cfg_tlv){
			.type = (uint8_t)type,
			.value =
				build_format(l, b, map->items[i],
					     span_str(map->items[i]->text), FORMAT_BYTES),
		};
	}
}

static bool
is_on(const struct node *map, const char *name)
{
	const char *text = node_text(map, name);
	return text && value_is_on(text);
}

static void
build_send_proxy(struct loading *l, struct built *b, struct cfg_server *s,
		 const struct node *map)
{
	struct cfg_proxy_header *h = &s->send_proxy;
	const struct node *options = node_get(map, "proxy_v2_options"),
			  *tlvs = node_get(map, "set_proxy_v2_tlv_fmt");
	h->version = is_on(map, "send_proxy_v2") ? 2 : is_on(map, "send_proxy") ? 1 : 0;
	for (size_t i = 0; options && i < options->n; i++) {
		const char *word = options->items[i]->text;
		h->authority |= strcmp(word, "authority") == 0;
		h->crc32c |= strcmp(word, "crc32c") == 0;
		h->unique_id |= strcmp(word, "unique_id") == 0;
	}
	if (tlvs)
		build_tlvs(l, b, tlvs, h);
	bool is_elsewhere = node_get(map, "addr") || node_get(map, "port");
	if (is_on(map, "check_send_proxy") || (h->version && !is_elsewhere))
		s->check_send_proxy = h->version ? h->version : 1;
	if (h->version != 2 && (options || tlvs))
		report_warning(l->report, options ? options : tlvs,
			       "has no effect; expected 'send_proxy_v2: true' with it");
}

static void
build_server(struct loading *l, struct built *b, const struct node *key,
	     const struct node *map)
{
	struct cfg_proxy *p = b->proxy;
	const struct node *address = node_get(map, "address");
	struct span host = {NULL, 0};
	if (!address)
		return;
	struct cfg_server *s = arena_alloc(l->arena, sizeof(*s));
	build_fields(l, SECTION_server, map, s);
	if (!parse_server(l, s, address, &host))
		return;
	s->name = arena_strdup(l->arena, key->text);
	s->addr_text = arena_strdup(l->arena, address->text);
	s->backend = p;
	const char *hash_key = node_text(map, "hash_key");
	if (hash_key)
		s->hash_key = (enum balance_identity)(
			BALANCE_BY_ID +
			value_choice("id|id32|name|addr|addr_port", hash_key));
	const struct node *check = node_get(map, "healthcheck");
	if (check)
		s->healthcheck = build_check_named(l, check);
	s->index = (uint32_t)p->servers_n;
	if (s->minconn > s->maxconn) /* written alone, or the higher one */
		s->maxconn = s->minconn;
	build_check_addr(l, s, map, host);
	build_agent(l, s, map);
	build_send_proxy(l, b, s, map);
	if (s->observe && !s->check)
		report_error(l->report, node_get(map, "observe"),
			     "the server is not checked; expected 'check: true' with it");
	if (s->observe == CFG_OBSERVE_LAYER7 && p->mode != CFG_MODE_HTTP)
		report_error(l->report, node_get(map, "observe"),
			     "layer7 is for mode http; expected layer4");
	p->servers = arena_grow(l->arena, p->servers, p->servers_n,
				sizeof(struct cfg_server *));
	p->servers[p->servers_n++] = s;
}

/* "backend/server", or a server of the same backend. */
static struct cfg_server *
find_tracked(struct loading *l, const struct cfg_proxy *p, const struct node *n)
{
	struct span server = span_str(n->text), backend = span_cut(&server, '/');
	struct suggest s = suggest_begin(span_str(n->text));
	if (backend.n == strlen(n->text)) {
		server = backend;
		backend = span_str(p->name);
	}
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		const struct cfg_proxy *q = l->cfg->proxies[i];
		for (size_t j = 0; j < q->servers_n; j++) {
			if (span_eq(backend, span_str(q->name)) &&
			    span_eq(server, span_str(q->servers[j]->name)))
				return q->servers[j];
			suggest_offer(&s,
				      q == p ? q->servers[j]->name
					     : arena_printf(l->arena, "%s/%s", q->name,
							    q->servers[j]->name));
		}
	}
	report_error(l->report, n, "unknown server '%s'; expected [backend/]server%s%s%s",
		     n->text, s.best ? "; did you mean '" : "", s.best ? s.best : "",
		     s.best ? "'?" : "");
	return NULL;
}

static void
link_track(struct loading *l, struct cfg_server *s, const struct node *map)
{
	const struct node *n = node_get(map, "track");
	if (!n)
		return;
	struct cfg_server *to = find_tracked(l, s->backend, n);
	if (s->check)
		report_error(l->report, n,
			     "'check' is given too: a server that tracks another is not "
			     "checked itself; expected one of them");
	else if (s->init_state != CFG_INIT_NONE)
		report_error(l->report, n,
			     "'init_state' is given too: a server that tracks another "
			     "has its state; expected one of them");
	else if (to) {
		to->is_referenced = true;
		s->track = to;
	}
}

/* It may track one that tracks another, and so on to one that is checked. */
static void
check_track(struct loading *l, struct cfg_server *s, const struct node *map)
{
	const struct cfg_server *end = s->track, *behind = s;
	for (bool moves = false; end && end->track && end != behind; moves = !moves) {
		end = end->track;
		if (moves)
			behind = behind->track;
	}
	if (!end || (end->check && !end->track))
		return;
	const struct node *n = node_get(map, "track");
	if (end->track)
		report_error(l->report, n,
			     "'%s' leads around in a circle; expected a server that is "
			     "checked at the end",
			     n->text);
	else
		report_error(l->report, n,
			     "'%s' is not checked; expected a server that is, or that "
			     "tracks one",
			     n->text);
}

typedef void server_fn(struct loading *l, struct cfg_server *s, const struct node *map);

static void
each_server(struct loading *l, server_fn *fn)
{
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		const struct cfg_proxy *p = l->cfg->proxies[i];
		const struct node *map = node_get(l->built[i].map, "servers");
		for (size_t j = 0; j < p->servers_n; j++)
			fn(l, p->servers[j], node_get(map, p->servers[j]->name));
	}
}

void
build_tracks(struct loading *l)
{
	each_server(l, link_track);
	each_server(l, check_track);
}

static bool
is_id_free(const struct cfg_proxy *p, uint32_t id)
{
	for (size_t i = 0; i < p->servers_n; i++)
		if (p->servers[i]->id == id)
			return false;
	return true;
}

/* Who has no id gets its place in the backend, or the next one that is free. */
static void
number_servers(struct loading *l, const struct cfg_proxy *p, const struct node *map)
{
	bool are_any_given = false;
	for (size_t i = 0; i < p->servers_n; i++) {
		const struct node *n = node_get(node_get(map, p->servers[i]->name), "id");
		uint32_t id = n ? (uint32_t)value_uint(n->text) : 0;
		if (id && !is_id_free(p, id))
			report_error(l->report, n,
				     "%u is the id of another server of the backend "
				     "already",
				     id);
		p->servers[i]->id = id;
		are_any_given |= id != 0;
	}
	uint32_t next = 1;
	for (size_t i = 0; i < p->servers_n; i++, next++) {
		if (p->servers[i]->id)
			continue;
		while (are_any_given && !is_id_free(p, next))
			next++;
		p->servers[i]->id = next;
	}
}

void
build_servers(struct loading *l, struct built *b)
{
	const struct node *map = node_get(b->map, "servers");
	for (size_t i = 0; map && i < map->n; i++)
		build_server(l, b, map->keys[i], map->items[i]);
	number_servers(l, b->proxy, map);
}
