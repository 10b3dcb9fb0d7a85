/* SPDX-License-Identifier: MIT
 *
 * Names of proxies and servers in expressions: what they refer to. Master (at load).
 */
#include "config/loading.h"
#include "lib/base/suggest.h"

struct scope {
	struct loading *loading;
	const struct built *in; /* the proxy the expression stands in */
};

static const struct {
	const char *what;
	unsigned caps;
} kinds[] = {
	[EXPR_REF_BACKEND] = {"backend", CFG_CAP_BACKEND},
	[EXPR_REF_FRONTEND] = {"frontend", CFG_CAP_FRONTEND},
	[EXPR_REF_PROXY] = {"proxy", 0},
};

static const struct built *
find_proxy(const struct loading *l, enum expr_ref kind, struct span name,
	   struct expr_error *err)
{
	unsigned caps = kinds[kind].caps;
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < l->cfg->proxies_n; i++) {
		const struct built *b = &l->built[i];
		if ((b->proxy->caps & caps) != caps)
			continue;
		suggest_offer(&s, b->proxy->name);
		if (span_eq(name, span_str(b->proxy->name)))
			return b;
	}
	expr_fail(err, 0, "unknown %s '%.*s'%s%s%s", kinds[kind].what, (int)name.n,
		  name.p, s.best ? "; did you mean '" : "", s.best ? s.best : "",
		  s.best ? "'?" : "");
	return NULL;
}

/* "server" of the proxy itself, or "backend/server". */
static struct cfg_server_ref *
find_server(const struct scope *scope, struct span name, struct expr_error *err)
{
	const struct built *b = scope->in;
	struct span rest = name, first = span_cut(&rest, '/');
	if (first.n < name.n) {
		b = find_proxy(scope->loading, EXPR_REF_BACKEND, first, err);
		name = rest;
	}
	if (!b)
		return NULL;
	struct loading *l = scope->loading;
	const struct node *servers = node_get(b->map, "servers");
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; servers && i < servers->n; i++) {
		suggest_offer(&s, servers->keys[i]->text);
		if (!span_eq(name, span_str(servers->keys[i]->text)))
			continue;
		struct cfg_server_ref *ref = arena_alloc(l->arena, sizeof(*ref));
		*ref = (struct cfg_server_ref){.backend = b->proxy};
		l->server_refs = arena_grow(l->arena, l->server_refs, l->server_refs_n,
					    sizeof(*l->server_refs));
		l->server_refs[l->server_refs_n++] =
			(struct server_ref){ref, servers->keys[i]->text};
		return ref;
	}
	expr_fail(err, 0, "unknown server '%.*s' in '%s'%s%s%s", (int)name.n, name.p,
		  b->proxy->name, s.best ? "; did you mean '" : "", s.best ? s.best : "",
		  s.best ? "'?" : "");
	return NULL;
}

void
build_refs_link(struct loading *l)
{
	for (size_t i = 0; i < l->server_refs_n; i++) {
		const struct server_ref *r = &l->server_refs[i];
		const struct cfg_proxy *p = r->ref->backend;
		for (size_t j = 0; j < p->servers_n; j++)
			if (strcmp(p->servers[j]->name, r->name) == 0) {
				p->servers[j]->is_referenced = true;
				r->ref->server = p->servers[j];
			}
	}
}

static void *
find_userlist(struct cfg *c, struct span name, struct expr_error *err)
{
	struct suggest s = suggest_begin(name);
	for (size_t i = 0; i < c->userlists_n; i++) {
		if (span_eq(name, span_str(c->userlists[i].name)))
			return &c->userlists[i];
		suggest_offer(&s, c->userlists[i].name);
	}
	expr_fail(err, 0, "unknown userlist '%.*s'%s%s%s", (int)name.n, name.p,
		  s.best ? "; did you mean '" : "", s.best ? s.best : "",
		  s.best ? "'?" : "");
	return NULL;
}

/* A condition of one term. */
static void *
find_acl(struct expr_env *env, const struct scope *scope, struct span name,
	 struct expr_error *err)
{
	struct span bare = name;
	if (bare.n && bare.p[0] == '!')
		bare = span_of(bare.p + 1, bare.n - 1);
	if (bare.n && !memchr(bare.p, ' ', bare.n) && bare.p[0] != '{')
		return (void *)(uintptr_t)expr_cond_compile(env, scope->in->acls, name,
							    err);
	expr_fail(err, 0, "'%.*s' is not the name of an ACL", (int)name.n, name.p);
	return NULL;
}

static void *
resolve(struct expr_env *env, enum expr_ref kind, struct span name,
	struct expr_error *err)
{
	const struct scope *scope = env->subject;
	switch (kind) {
	case EXPR_REF_BACKEND:
	case EXPR_REF_FRONTEND:
	case EXPR_REF_PROXY: {
		const struct built *b = find_proxy(scope->loading, kind, name, err);
		return b ? b->proxy : NULL;
	}
	case EXPR_REF_SERVER:
		return find_server(scope, name, err);
	case EXPR_REF_TABLE:
		return build_table_find(scope->loading, scope->in, name, err);
	case EXPR_REF_USERLIST:
		return find_userlist(scope->loading->cfg, name, err);
	case EXPR_REF_ACL:
		return find_acl(env, scope, name, err);
	}
	expr_fail(err, 0, "'%.*s': not implemented in this release", (int)name.n, name.p);
	return NULL;
}

void
build_refs(struct loading *l, const struct built *b)
{
	struct scope *scope = arena_alloc(l->arena, sizeof(*scope));
	*scope = (struct scope){l, b};
	l->cfg->env.resolve = resolve;
	l->cfg->env.subject = scope;
}
