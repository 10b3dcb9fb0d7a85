/* SPDX-License-Identifier: MIT
 *
 * What servers are told about the client's connection: options forwardfor, originalto and
 * forwarded. Master (at load).
 */
#include <arpa/inet.h>

#include "config/loading.h"
#include "lib/base/num.h"

const char *
value_network(struct arena *a, const char *text, struct cfg_network *out)
{
	struct span bits = span_str(text), host = span_cut(&bits, '/');
	const char *name = arena_span(a, host);
	uint64_t n, most;
	out->family = strchr(name, ':') ? AF_INET6 : AF_INET;
	most = out->family == AF_INET6 ? 128 : 32;
	n = most;
	if (inet_pton(out->family, name, out->bytes) == 1 &&
	    (!bits.n || (num_u64(bits, &n) == NUM_OK && n <= most))) {
		out->bits = (uint8_t)n;
		return NULL;
	}
	return arena_printf(a,
			    "'%s' is not a network; expected an address, or one with a "
			    "length such as 10.0.0.0/8",
			    text);
}

/* Whether the option is on. */
static bool
build_one(struct loading *l, enum schema_section in, const struct node *n,
	  struct cfg_forward *f)
{
	if (!n || n->kind != NODE_MAP)
		return false;
	const char *except = node_text(n, "except");
	build_fields(l, in, n, f);
	if (except)
		(void)value_network(l->arena, except, &f->except);
	f->is_on = true;
	return true;
}

/* What defaults say is meant for backends, as in HAProxy, where frontends have none: one
 * that says no means it. */
static void
build_forwarded(struct loading *l, struct built *b, const struct node *n)
{
	struct cfg_forwarded *f = &b->proxy->forwarded;
	bool is_backend = b->proxy->caps & CFG_CAP_BACKEND;
	if (!n || n->kind != NODE_MAP || (!is_backend && !node_is_own(n)))
		return;
	l->cfg->env.at = EXPR_AT_REQUEST;
	f->is_on = build_members(l, b, SECTION_forwarded, n, f);
	if (!f->proto && !f->host && !f->host_expr && !f->by && !f->by_expr && !f->for_ &&
	    !f->for_expr)
		f->proto = f->for_ = true;
}

void
build_forward(struct loading *l, struct built *b, const struct node *options)
{
	struct cfg_proxy *p = b->proxy;
	build_one(l, SECTION_forwardfor, node_get(options, "forwardfor"), &p->forwardfor);
	build_one(l, SECTION_originalto, node_get(options, "originalto"), &p->originalto);
	build_forwarded(l, b, node_get(options, "forwarded"));
}
