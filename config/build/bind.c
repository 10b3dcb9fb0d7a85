/* SPDX-License-Identifier: MIT
 *
 * Listening addresses: one struct cfg_bind per address and port. Master (at load).
 */
#include <net/if.h>
#include <stdio.h>

#include "config/loading.h"
#include "lib/base/num.h"

/* One `bind` on its way. */
struct bind_making {
	struct loading *l;
	struct built *b;
	const struct node *map, *address; /* where messages point */
	struct cfg_bind made;		  /* all but the address */
	bool is_many;			  /* more than one comes from this map */
};

/* Names end up in the shared region: short, and one per listener of a frontend. */
static const char *
listener_name(struct bind_making *m, const char *text, int port)
{
	struct arena *a = m->l->arena;
	if (m->made.name && m->is_many)
		return port ? arena_printf(a, "%.*s:%d", CFG_NAME_MAX - 6, m->made.name,
					   port)
			    : arena_printf(a, "%.*s:%zu", CFG_NAME_MAX - 6, m->made.name,
					   m->b->proxy->binds_n + 1);
	if (m->made.name)
		return m->made.name;
	size_t n = strlen(text);
	if (n <= CFG_NAME_MAX)
		return arena_strdup(a, text);
	/* the end of a long path tells more than its beginning */
	return arena_printf(a, "...%s", text + n - (CFG_NAME_MAX - 3));
}

static void
bind_add(struct bind_making *m, const struct addr *addr, const char *text,
	 struct span host)
{
	struct loading *l = m->l;
	struct cfg *c = l->cfg;
	struct cfg_proxy *p = m->b->proxy;
	struct cfg_bind *bind = arena_alloc(l->arena, sizeof(*bind));
	*bind = m->made;
	bind->addr = *addr;
	bind->name = listener_name(m, text, addr_port(addr));
	bind->is_named = m->made.name != NULL;
	bind->frontend = p;
	bind->index = (uint32_t)c->binds_n;
	bind->where = report_place(l->arena, m->address->pos);
	for (size_t i = 0; i < p->binds_n; i++)
		if (m->made.name && strcmp(p->binds[i]->name, bind->name) == 0)
			report_error(l->report, m->address,
				     "'%s' is here twice; the first is at %s", bind->name,
				     p->binds[i]->where);
	p->binds = arena_grow(l->arena, p->binds, p->binds_n, sizeof(struct cfg_bind *));
	p->binds[p->binds_n++] = bind;
	c->binds = arena_grow(l->arena, c->binds, c->binds_n, sizeof(struct cfg_bind *));
	c->binds[c->binds_n++] = bind;
	if (host.n)
		build_unresolved(l, host, &bind->addr, NULL, m->address, true);
}

static void
wrong_address(struct bind_making *m, struct span text)
{
	report_error(
		m->l->report, m->address,
		"'%.*s' is not a listening address; expected ip:port, [v6]:port, *:port, "
		"a range such as *:8000-8010, unix@/path or fd@number",
		(int)text.n, text.p);
}

/* "8000-8010" or "80". */
static bool
parse_ports(struct span text, uint64_t *from, uint64_t *to)
{
	struct span high = text, low = span_cut(&high, '-');
	if (num_u64(low, from) != NUM_OK)
		return false;
	*to = *from;
	if (low.n < text.n && num_u64(high, to) != NUM_OK)
		return false;
	return *from >= 1 && *to <= 65535 && *from <= *to;
}

static void
check_kind(struct bind_making *m, const struct addr *addr)
{
	struct report *r = m->l->report;
	const struct node *v4v6 = node_get(m->map, "v4v6"),
			  *mode = node_get(m->map, "mode");
	if (m->made.v4v6 && m->made.v6only)
		report_error(r, v4v6, "'v6only' is given too; expected one of them");
	else if (m->made.v4v6 && addr->kind != ADDR_INET6)
		report_warning(r, v4v6,
			       "has no effect; expected an IPv6 address with it, such "
			       "as [::]:80");
	if (m->made.accept_proxy && m->b->proxy->mode == CFG_MODE_HEALTH)
		report_error(r, node_get(m->map, "accept_proxy"),
			     "mode health answers before it reads; expected mode tcp or "
			     "http");
	if (mode && addr->kind != ADDR_UNIX)
		report_error(r, mode,
			     "is for UNIX sockets; expected an address unix@/path");
	if (m->made.interface && strlen(m->made.interface) >= IFNAMSIZ)
		report_error(
			r, node_get(m->map, "interface"),
			"'%s' is not the name of an interface; expected at most %d bytes",
			m->made.interface, IFNAMSIZ - 1);
}

/* One address of the comma list. */
static void
bind_one(struct bind_making *m, struct span text)
{
	struct addr addr;
	struct span host = {NULL, 0};
	bool has_ports = text.n && text.p[0] != '/' &&
			 !span_begins(text, SPAN("unix@")) &&
			 !span_begins(text, SPAN("fd@"));
	if (!has_ports) {
		const char *plain = arena_span(m->l->arena, text);
		if (addr_parse(text, 0, &addr, NULL) != ADDR_OK) {
			wrong_address(m, text);
		} else if (addr.kind == ADDR_UNIX && addr.u.un.sun_path[0] != '/') {
			report_error(m->l->report, m->address,
				     "'%s' is not an absolute path; expected one such as "
				     "unix@/run/weir/web.sock",
				     plain);
		} else {
			check_kind(m, &addr);
			bind_add(m, &addr, plain, host);
		}
		return;
	}
	const char *colon = memrchr(text.p, ':', text.n);
	uint64_t from = 0, to = 0;
	struct span front = span_of(text.p, colon ? (size_t)(colon - text.p) : 0);
	if (!colon ||
	    !parse_ports(span_of(colon + 1, text.n - front.n - 1), &from, &to)) {
		wrong_address(m, text);
		return;
	}
	m->is_many |= to > from;
	for (uint64_t port = from; port <= to; port++) {
		const char *one = arena_printf(m->l->arena, "%.*s:%u", (int)front.n,
					       front.p, (unsigned)port);
		enum addr_result r = addr_parse(span_str(one), -1, &addr, &host);
		if (r < 0) {
			wrong_address(m, text);
			return;
		}
		if (port == from)
			check_kind(m, &addr);
		bind_add(m, &addr, one, host);
	}
}

void
build_binds(struct loading *l, struct built *b)
{
	const struct node *list = node_get(b->map, "bind");
	for (size_t i = 0; list && i < list->n; i++) {
		struct bind_making m = {.l = l, .b = b, .map = list->items[i]};
		m.address = node_get(m.map, "address");
		if (!m.address)
			continue;
		build_fields(l, SECTION_bind, m.map, &m.made);
		const char *mode = node_text(m.map, "mode");
		m.made.mode = mode ? (mode_t)value_octal(mode) : (mode_t)-1;
		struct span rest = span_str(m.address->text);
		m.is_many = memchr(rest.p, ',', rest.n) != NULL;
		if (rest.n == 0)
			wrong_address(&m, rest);
		while (rest.n)
			bind_one(&m, span_trim(span_cut(&rest, ',')));
	}
}
