/* SPDX-License-Identifier: MIT
 *
 * What `balance` hashes of a request or connection (configuration.txt, balance). Worker.
 * The hash is made while the head is there and kept in the txn, as a request may be sent
 * more than once.
 */
#include "worker/fetch/context.h"
#include "worker/pick/pick.h"

static void
set_key(struct txn *t, struct span key)
{
	const struct cfg_balance *c = &t->be->cfg->balance;
	t->hash = balance_hash(c->function, c->avalanches, key);
	t->has_hash = true;
}

/* HAProxy hashes the address itself, whatever the function is. */
static void
set_source(struct txn *t)
{
	bool avalanches = t->be->cfg->balance.avalanches;
	const struct sockaddr *sa = &t->s->peer.sa;
	t->has_hash = true;
	if (sa->sa_family == AF_INET)
		t->hash = balance_address(&t->s->peer.in.sin_addr, 4, avalanches);
	else if (sa->sa_family == AF_INET6)
		t->hash = balance_address(&t->s->peer.in6.sin6_addr, 16, avalanches);
	else
		t->has_hash = false;
}

/* What stands before the path of an absolute URI; empty for others. */
static struct span
before_path(const struct http_head *h)
{
	struct span rest = h->target;
	if (h->target_form != HTTP_TARGET_ABSOLUTE)
		return span_of(NULL, 0);
	const char *authority = memmem(rest.p, rest.n, "://", 3);
	size_t n = authority ? (size_t)(authority + 3 - rest.p) : 0;
	while (n < rest.n && !strchr("/?", rest.p[n]))
		n++;
	return span_of(rest.p, n);
}

/* The target with what rules have made of path and query. */
static struct span
target_now(const struct http_head *h, bool path_only)
{
	struct span before = path_only ? span_of(NULL, 0) : before_path(h);
	bool has_path = h->target_form == HTTP_TARGET_ORIGIN ||
			h->target_form == HTTP_TARGET_ABSOLUTE;
	if (!has_path)
		return path_only ? span_of("", 0) : h->target;
	if (!h->is_edited && (before.n || before_path(h).n == 0))
		return h->target;
	size_t query_n = h->query.p ? h->query.n + 1 : 0;
	char *p = expr_scratch_take(&self.scratch, before.n + h->path.n + query_n);
	if (!p)
		return h->target;
	size_t n = 0;
	for (size_t i = 0; i < before.n; i++)
		p[n++] = before.p[i];
	memcpy(p + n, h->path.p, h->path.n);
	n += h->path.n;
	if (query_n) {
		p[n++] = '?';
		memcpy(p + n, h->query.p, h->query.n);
	}
	return span_of(p, before.n + h->path.n + query_n);
}

static void
set_uri(struct txn *t, const struct http_head *h)
{
	const struct cfg_balance *c = &t->be->cfg->balance;
	self.scratch.used = 0;
	set_key(t, balance_uri_part(target_now(h, c->path_only), &c->uri));
}

static void
set_param(struct txn *t, const struct http_head *h)
{
	struct span value =
		h->query.p ? balance_param(h->query, t->be->cfg->balance.name, false)
			   : span_of(NULL, 0);
	if (value.p)
		set_key(t, value);
}

/* The first value of the field, a comma ends it. */
static void
set_field(struct txn *t, const struct http_head *h)
{
	const struct cfg_balance *c = &t->be->cfg->balance;
	int i = http_head_find(h, c->name, 0);
	if (i < 0)
		return;
	struct span rest = http_field_value(h, &h->fields[i]);
	struct span value = span_trim(span_cut(&rest, ','));
	if (value.n)
		set_key(t, c->use_domain_only ? balance_domain(value) : value);
}

/* As HAProxy: the bytes of a value, or with hash_type none the text of a number. */
static void
set_expr(struct txn *t, struct http_head *h)
{
	const struct cfg_balance *c = &t->be->cfg->balance;
	struct txn_context x = context_for(t, h ? EXPR_AT_REQUEST : EXPR_AT_CONTENT);
	bool is_text = c->function == BALANCE_NONE || c->algorithm == BALANCE_RDP_COOKIE;
	struct expr_sample v;
	x.req = h;
	self.scratch.used = 0;
	if (expr_eval(c->expr, &x.base, is_text ? EXPR_STR : EXPR_BIN, &v) &&
	    (v.str.n || c->algorithm != BALANCE_RDP_COOKIE))
		set_key(t, v.str);
}

void
pick_key_run(struct txn *t, struct http_head *h)
{
	switch (t->be->cfg->balance.algorithm) {
	case BALANCE_SOURCE:
		set_source(t);
		break;
	case BALANCE_URI:
		set_uri(t, h);
		break;
	case BALANCE_URL_PARAM:
		set_param(t, h);
		break;
	case BALANCE_HDR:
		set_field(t, h);
		break;
	case BALANCE_EXPR:
	case BALANCE_RDP_COOKIE:
		set_expr(t, h);
		break;
	case BALANCE_ROUNDROBIN:
	case BALANCE_STATIC_RR:
	case BALANCE_LEASTCONN:
	case BALANCE_FIRST:
	case BALANCE_RANDOM:
	case BALANCE_PEAK_EWMA:
	case BALANCE_ALGORITHMS_N:
		break;
	}
}

/* --- check_post ------------------------------------------------------------ */

bool
pick_wants_body(const struct txn *t)
{
	return t->be->cfg->balance.check_post && !t->has_hash &&
	       t->method == HTTP_METHOD_POST;
}

void
pick_body(struct txn *t)
{
	if (!pick_wants_body(t))
		return;
	struct span value = balance_param(self.body, t->be->cfg->balance.name, true);
	if (value.p)
		set_key(t, value);
}
