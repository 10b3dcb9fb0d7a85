/* SPDX-License-Identifier: MIT
 *
 * Persistence by cookies in requests: which server, and what the server is to see.
 * Worker.
 *
 *   Cookie: NAME=SERVER[|LAST-USED[|FIRST-SET]]	insert, rewrite, passive
 *   Cookie: NAME=SERVER~VALUE				prefix
 */
#include "worker/pick/persist.h"

#include <xxhash.h>

#include "lib/base/clock.h"
#include "lib/http/cookie.h"
#include "lib/http/edit.h"
#include "worker/pick/farm.h"

enum { FUTURE_MAX_S = 86400 }; /* clocks of that much ahead are believed */

/* --- servers ------------------------------------------------------------------- */

/* The same on all balancers that know the secret: address and port, hashed with it. */
static void
make_dynamic(struct rt_server *srv, struct span key)
{
	struct addr a = farm_address(srv);
	uint32_t port = htonl((uint32_t)addr_port(&a));
	bool is_v6 = a.kind == ADDR_INET6;
	const void *bytes =
		is_v6 ? (const void *)&a.u.in6.sin6_addr : (const void *)&a.u.in.sin_addr;
	if (!is_v6 && a.kind != ADDR_INET)
		return;
	XXH64_state_t *state = XXH64_createState();
	XXH64_reset(state, 0);
	XXH64_update(state, key.p, key.n);
	XXH64_update(state, bytes, is_v6 ? 16 : 4);
	XXH64_update(state, &port, sizeof(port));
	uint64_t hash = XXH64_digest(state);
	XXH64_freeState(state);
	for (int i = sizeof(srv->dynamic_cookie) - 1; i >= 0; i--, hash >>= 4)
		srv->dynamic_cookie[i] = "0123456789abcdef"[hash & 15];
	srv->cookie = span_of(srv->dynamic_cookie, sizeof(srv->dynamic_cookie));
}

void
persist_init(struct rt_server *srv)
{
	const struct cfg_cookie *c = &srv->be->cfg->cookie;
	srv->cookie = srv->cfg->cookie;
	if (!srv->cookie.n && c->dynamic && c->key.n)
		make_dynamic(srv, c->key);
}

void
persist_lost(struct txn *t)
{
	if (t->cookie == PERSIST_VALID)
		t->cookie = PERSIST_DOWN;
}

void
persist_assigned(struct txn *t)
{
	if (t->srv != t->wanted)
		persist_lost(t);
}

void
persist_letters(const struct txn *t, char out[2])
{
	const struct cfg_proxy *p = t->be ? t->be->cfg : t->fe->cfg;
	if (!p->cookie.name.n ||
	    (p->cookie.mode == CFG_COOKIE_PASSIVE && !p->cookie.indirect))
		return;
	out[0] = "NIDVEOU"[t->cookie];
	out[1] = "NPDIRU"[t->set_cookie];
}

/* --- which server -------------------------------------------------------------- */

/* Cuts the dates off a value, and remembers them. */
static struct span
cut_dates(struct txn *t, struct span value)
{
	struct span rest = value, name = span_cut(&rest, '|');
	if (name.n == value.n)
		return value;
	struct span used = span_cut(&rest, '|');
	uint64_t used_s = http_cookie_date(used), set_s = http_cookie_date(rest);
	t->cookie_used_s = used_s ? used_s : t->cookie_used_s;
	t->cookie_set_s = set_s ? set_s : t->cookie_set_s;
	return name;
}

static bool
is_too_old(uint64_t date_s, uint64_t limit_ms)
{
	int64_t age_s = (int64_t)(clock_wall_us() / 1000000) - (int64_t)date_s;
	return date_s && limit_ms &&
	       (age_s > (int64_t)(limit_ms / 1000) || -age_s > FUTURE_MAX_S);
}

/* maxlife, maxidle. */
static bool
is_believed(struct txn *t)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	if (is_too_old(t->cookie_set_s, c->maxlife_ms))
		t->cookie = PERSIST_OLD;
	else if (is_too_old(t->cookie_used_s, c->maxidle_ms))
		t->cookie = PERSIST_EXPIRED;
	else
		return true;
	t->cookie_used_s = t->cookie_set_s = 0;
	return false;
}

/* Several servers may have the same cookie: the first one that may be used. */
static void
choose(struct txn *t, struct span name)
{
	struct rt_backend *be = t->be;
	bool is_free = !t->ignores_persist && !t->wanted;
	for (size_t i = 0; name.n && is_free && i < be->servers_n; i++) {
		struct rt_server *srv = be->servers[i];
		if (!srv->cookie.n || !span_eq(srv->cookie, name))
			continue;
		t->cookie = PERSIST_DOWN;
		if (!farm_may_stick(srv, t->is_forced))
			continue;
		if (farm_state(srv).is_up)
			t->cookie = PERSIST_VALID;
		t->wanted = srv;
		return;
	}
	/* what an earlier cookie of that name has told stands */
	if (t->cookie == PERSIST_NONE || t->cookie == PERSIST_INVALID)
		t->cookie = is_free ? PERSIST_INVALID : PERSIST_UNUSED;
}

/* What is left of the value for the server. */
static struct span
found(struct txn *t, struct span value)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	if (c->mode == CFG_COOKIE_PREFIX) {
		struct span rest = value, name = span_cut(&rest, '~');
		choose(t, name);
		return name.n < value.n ? rest : value;
	}
	struct span name = cut_dates(t, value);
	choose(t, is_believed(t) ? name : span_of(NULL, 0));
	return value;
}

/* --- what the server sees ------------------------------------------------------------
 */

/* A Cookie field as it is written anew. */
struct rewriting {
	char *p;
	size_t n;
	bool has_gap;	 /* cookies were taken out since the last one that stays */
	bool is_changed; /* else it stays as it is */
};

static void
put(struct rewriting *w, struct span s)
{
	memcpy(w->p + w->n, s.p ? s.p : "", s.n);
	w->n += s.n;
}

/* Where something was taken out, one "; " is left. */
static void
keep(struct rewriting *w, const struct http_cookie *k, struct span value)
{
	if (w->has_gap) {
		while (w->n && strchr(" \t", w->p[w->n - 1]))
			w->n--;
		if (w->n)
			put(w, SPAN("; "));
	} else {
		put(w, k->before);
	}
	w->has_gap = false;
	put(w, k->name);
	if (value.p) {
		put(w, SPAN("="));
		put(w, value);
	}
	put(w, k->behind);
	/* blanks around '=' are taken out: servers do not agree about them */
	size_t was = k->whole.n - k->before.n;
	w->is_changed |= value.p && k->name.n + 1 + value.n + k->behind.n != was;
}

/* '$' begins what RFC 2109 says about the cookie in front of it. */
static bool
goes_with(const struct http_cookie *k)
{
	return k->name.n && k->name.p[0] == '$';
}

static void
rewrite_field(struct txn *t, struct http_head *h, unsigned i)
{
	const struct cfg_cookie *c = &t->be->cfg->cookie;
	struct span rest = http_field_value(h, &h->fields[i]);
	struct rewriting w = {.p = expr_scratch_take(&self.scratch, rest.n + 2)};
	struct http_cookie k;
	bool hides = c->mode == CFG_COOKIE_INSERT && c->indirect;
	if (!w.p)
		return;
	for (bool is_first = true; http_cookie_next(&rest, is_first, &k);
	     is_first = false) {
		bool is_ours = k.value.p && span_eq(k.name, c->name);
		struct span value = is_ours ? found(t, k.value) : k.value;
		if ((is_ours && hides) || (w.has_gap && goes_with(&k)))
			w.has_gap = w.is_changed = true;
		else
			keep(&w, &k, value);
	}
	if (!w.is_changed)
		return;
	if (!h->is_edited)
		http_edit_begin(h, self.edits, WORKER_EDITS_BYTES);
	if (w.n)
		(void)http_edit_value(h, i, span_of(w.p, w.n));
	else
		(void)http_edit_delete(h, i);
}

void
persist_request_run(struct txn *t, struct http_head *h)
{
	self.scratch.used = 0;
	for (int i = http_head_find(h, SPAN("Cookie"), 0); i >= 0;
	     i = http_head_find(h, SPAN("Cookie"), (unsigned)i + 1))
		rewrite_field(t, h, (unsigned)i);
}
