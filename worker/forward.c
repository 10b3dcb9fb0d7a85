/* SPDX-License-Identifier: MIT
 *
 * Options forwardfor, originalto, forwarded (RFC 7239) and via, of the backend or else of
 * the frontend. Worker.
 */
#include "worker/forward.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "lib/base/forwarded.h"
#include "lib/base/num.h"
#include "lib/expr/program.h"
#include "worker/fetch/context.h"

struct lines {
	char *p;
	size_t n;
};

/* What does not fit is left out: values are short, or made by expressions. */
static void
put(struct lines *l, struct span s)
{
	if (s.n > FORWARD_BYTES - l->n)
		return;
	if (s.n)
		memcpy(l->p + l->n, s.p, s.n);
	l->n += s.n;
}

/* --- X-Forwarded-For, X-Original-To --------------------------------------------------
 */

static bool
is_in(const struct sockaddr *sa, const struct cfg_network *net)
{
	const uint8_t *bytes =
		sa->sa_family == AF_INET
			? (const uint8_t *)&((const struct sockaddr_in *)(const void *)sa)
				  ->sin_addr
			: ((const struct sockaddr_in6 *)(const void *)sa)
				  ->sin6_addr.s6_addr;
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	if (net->family != sa->sa_family || memcmp(bytes, net->bytes, whole) != 0)
		return false;
	return rest == 0 || ((bytes[whole] ^ net->bytes[whole]) >> (8 - rest)) == 0;
}

static void
put_host(struct lines *l, const struct sockaddr *sa)
{
	struct addr a;
	char host[ADDR_TEXT_BYTES];
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in =
			(const struct sockaddr_in *)(const void *)sa;
		put(l, span_of(host, addr_put_ipv4(host, &in->sin_addr)));
		return;
	}
	addr_from_sockaddr(&a, sa, sizeof(struct sockaddr_in6));
	put(l, span_str(addr_format_host(&a, host)));
}

/* A UNIX client has no address, only a name of its own choice. */
static void
put_address(struct lines *l, const struct cfg_forward *f, bool if_none,
	    const struct sockaddr *sa, const struct http_head *h)
{
	if ((sa->sa_family != AF_INET && sa->sa_family != AF_INET6) ||
	    (f->except.family && is_in(sa, &f->except)) ||
	    (if_none && http_head_find(h, f->header, 0) >= 0))
		return;
	put(l, f->header);
	put(l, SPAN(": "));
	put_host(l, sa);
	put(l, SPAN("\r\n"));
}

/* --- Forwarded ------------------------------------------------------------------------
 */

static void
put_quoted(struct lines *l, struct span s)
{
	put(l, SPAN("\""));
	for (size_t i = 0; i < s.n; i++) {
		bool is_special = s.p[i] == '"' || s.p[i] == '\\';
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			continue;
		if (is_special)
			put(l, SPAN("\\"));
		put(l, span_of(s.p + i, 1));
	}
	put(l, SPAN("\""));
}

/* A token as it is, anything else in quotes (RFC 7239 4). */
static void
put_value(struct lines *l, struct span s)
{
	bool is_token = s.n > 0;
	for (size_t i = 0; i < s.n; i++)
		is_token &= (s.p[i] >= '0' && s.p[i] <= '9') ||
			    ((s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z') ||
			    s.p[i] == '.' || s.p[i] == '-' || s.p[i] == '_';
	if (is_token)
		put(l, s);
	else
		put_quoted(l, s);
}

static struct span
evaluate(const struct txn_context *c, const struct expr_program *p)
{
	struct expr_sample v;
	return expr_eval(p, &c->base, EXPR_STR, &v) ? v.str : span_of(NULL, 0);
}

/* A name or port that an expression gave: as it is where it is one, else behind a '_', or
 * not at all (RFC 7239 6.3). */
static void
put_node_part(struct lines *t, struct span s, bool is_valid)
{
	if (!is_valid && !forwarded_may_be_hidden(s))
		return;
	if (!is_valid)
		put(t, SPAN("_"));
	put(t, s);
}

static bool
is_ip(struct span s)
{
	struct in6_addr a;
	char text[INET6_ADDRSTRLEN];
	if (s.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)s.n, s.p);
	return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

/* One end of the connection as text: the parts that are asked for. */
struct node {
	bool has_host, has_port;
	const struct expr_program *host, *port;
	const struct sockaddr *sa;
};

static void
put_node(struct lines *l, const struct txn_context *c, const char *name,
	 const struct node *node)
{
	char text[256], host[ADDR_TEXT_BYTES], digits[20];
	struct addr a;
	struct span h = {NULL, 0}, port = {NULL, 0};
	addr_from_sockaddr(&a, node->sa, sizeof(struct sockaddr_in6));
	if (node->host)
		h = evaluate(c, node->host);
	else if (a.kind == ADDR_INET || a.kind == ADDR_INET6)
		h = span_str(addr_format_host(&a, host));
	if (node->port)
		port = evaluate(c, node->port);
	else if (node->has_port)
		port = span_of(digits, num_put(digits, (uint64_t)addr_port(&a)));
	struct lines t = {.p = text};
	bool is_address = h.n && is_ip(h);
	bool is_ipv6 = is_address && memchr(h.p, ':', h.n) != NULL;
	put(&t, is_ipv6 ? SPAN("[") : SPAN(""));
	if (h.n <= sizeof(text) / 2)
		put_node_part(&t, h,
			      is_address || forwarded_is_hidden(h) ||
				      span_eq(h, SPAN("unknown")));
	if (t.n == 0)
		put(&t, SPAN("unknown"));
	put(&t, is_ipv6 ? SPAN("]") : SPAN(""));
	size_t before_port = t.n;
	put(&t, SPAN(":"));
	if (port.n < 32)
		put_node_part(&t, port, forwarded_is_port(port));
	if (t.n == before_port + 1)
		t.n = before_port;
	put(l, span_str(name));
	put_value(l, span_of(t.p, t.n));
}

static void
put_forwarded(struct lines *l, struct txn *t, struct http_head *h,
	      const struct cfg_forwarded *f)
{
	struct addr own = {.kind = ADDR_NONE};
	struct txn_context c = context_for(t, EXPR_AT_REQUEST);
	const char *next = "Forwarded: ";
	c.req = h;
	self.scratch.used = 0;
	if (f->by)
		own = session_dst(t->s);
	const struct node by = {f->by, f->by_port, f->by_expr, f->by_port_expr,
				&own.u.sa};
	const struct node from = {f->for_, f->for_port, f->for_expr, f->for_port_expr,
				  &t->s->peer.sa};
	if (f->proto) {
		put(l, span_str(next));
		put(l, SPAN("proto=http"));
		next = ";";
	}
	if (f->host || f->host_expr) {
		put(l, span_str(next));
		put(l, SPAN("host="));
		put_quoted(l, f->host_expr ? evaluate(&c, f->host_expr) : h->authority);
		next = ";";
	}
	if (by.has_host || by.host) {
		put(l, span_str(next));
		put_node(l, &c, "by=", &by);
		next = ";";
	}
	if (from.has_host || from.host) {
		put(l, span_str(next));
		put_node(l, &c, "for=", &from);
	}
	put(l, SPAN("\r\n"));
}

struct span
forward_lines_run(struct txn *t, struct http_head *h, char out[FORWARD_BYTES])
{
	const struct cfg_proxy *be = t->be->cfg, *fe = t->fe->cfg;
	const struct cfg_proxy *p = be->forwardfor.is_on ? be : fe;
	/* who does not say if_none wants it in any case */
	bool if_none = (!be->forwardfor.is_on || be->forwardfor.if_none) &&
		       (!fe->forwardfor.is_on || fe->forwardfor.if_none);
	struct lines l = {.p = out};
	if (p->forwardfor.is_on)
		put_address(&l, &p->forwardfor, if_none, &t->s->peer.sa, h);
	p = be->originalto.is_on ? be : fe;
	if (p->originalto.is_on) {
		struct addr own = session_dst(t->s);
		put_address(&l, &p->originalto, p->originalto.if_none, &own.u.sa, h);
	}
	p = be->forwarded.is_on ? be : fe;
	if (p->forwarded.is_on)
		put_forwarded(&l, t, h, &p->forwarded);
	if ((be->options | fe->options) & CFG_OPT_VIA)
		put(&l, h->minor ? SPAN("Via: 1.1 weir\r\n") : SPAN("Via: 1.0 weir\r\n"));
	return span_of(l.p, l.n);
}
