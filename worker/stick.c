/* SPDX-License-Identifier: MIT
 *
 * Persistence by stick tables (configuration.txt, stick match, stick store-request, stick
 * store-response): a key leads to the server that it was stored with. Worker. Keys of a
 * request wait in a buffer of the txn until the server that answers is known.
 */
#include "worker/stick.h"

#include <string.h>

#include "lib/base/hash.h"
#include "worker/pick/farm.h"
#include "worker/track.h"

enum { STORES_MAX = 8 }; /* of one request */

/* The conditions of stick look at what is there: nothing is waited for. */
static bool
applies(const struct cfg_when *w, const struct txn_context *c)
{
	self.scratch.used = 0;
	return !w->cond || (expr_cond_eval(w->cond, &c->base) == EXPR_TRUE) != w->unless;
}

static bool
key_of(const struct cfg_stick *r, const struct txn_context *c,
       unsigned char key[STICK_KEY_BYTES_MAX])
{
	struct expr_sample v;
	return applies(&r->when, c) && expr_eval(r->expr, &c->base, EXPR_ANY, &v) &&
	       track_key(table_of(r->table), &c->base, &v, key);
}

/* What stands for a server over reloads, which may change its place. */
static uint64_t
server_key(const struct cfg_table *t, const struct rt_server *srv)
{
	const char *text =
		t->srvkey == CFG_SRVKEY_NAME ? srv->cfg->name : srv->cfg->addr_text;
	uint64_t hash = hash_bytes(text, strlen(text), 0);
	return hash ? hash : 1; /* 0: none is stored */
}

/* As stored; key 0 (set by hand, or by a build that did not know it): by its place. */
static struct rt_server *
server_of(const struct txn *t, const struct cfg_table *table, uint64_t id, uint64_t key)
{
	struct rt_server **at = t->be->servers;
	size_t n = t->be->servers_n, i = 0;
	bool has_place = id > 0 && id <= n;
	if (has_place && (!key || server_key(table, at[id - 1]) == key))
		return at[id - 1];
	while (key && i < n && server_key(table, at[i]) != key)
		i++;
	return key && i < n ? at[i] : NULL;
}

/* The server stored for the key, whose expiry is put off; NULL: none that is usable. */
static struct rt_server *
find_server(const struct txn *t, struct rt_table *table, const unsigned char *key)
{
	uint64_t *values = self.stick_view.values;
	if (track_update(table, key, NULL, 0, 0, NULL, values) != SHM_STICK_OK)
		return NULL;
	struct rt_server *srv =
		server_of(t, table->cfg, values[table->column[STICK_server_id]],
			  values[table->column[STICK_server_key]]);
	return srv && farm_may_stick(srv, t->is_forced) ? srv : NULL;
}

static void
store(const struct txn *t, struct rt_table *table, const unsigned char *key)
{
	const struct shm_stick_op ops[] = {{(uint16_t)table->column[STICK_server_id],
					    SHM_STICK_SET, t->srv->cfg->id},
					   {(uint16_t)table->column[STICK_server_key],
					    SHM_STICK_SET,
					    server_key(table->cfg, t->srv)}};
	if (!t->srv->cfg->non_stick)
		(void)track_update(table, key, ops, 2, SHM_STICK_CREATE, NULL, NULL);
}

/* A record in t->stores: the table's index, then the key. */
static bool
has_store(const struct txn *t, const struct rt_table *table)
{
	struct span rest = buf_span(t->stores);
	unsigned n = 0;
	while (rest.n && n < STORES_MAX) {
		uint32_t index;
		memcpy(&index, rest.p, sizeof(index));
		if (index == table->cfg->index)
			return true;
		size_t bytes = sizeof(index) + self.tables[index].cfg->spec.key_bytes;
		rest = span_of(rest.p + bytes, rest.n - bytes);
		n++;
	}
	return n == STORES_MAX;
}

static void
keep(struct txn *t, const struct rt_table *table, const unsigned char *key)
{
	uint32_t index = table->cfg->index, bytes = table->cfg->spec.key_bytes;
	size_t whole = sizeof(index) + bytes, had = buf_len(t->stores);
	if (!buf_append(&self.bufs, &t->stores, (const char *)&index, sizeof(index)) ||
	    !buf_append(&self.bufs, &t->stores, (const char *)key, bytes)) {
		if (t->stores && buf_len(t->stores) < had + whole)
			buf_put(&self.bufs, &t->stores); /* no memory: nothing is kept */
	}
}

void
stick_request_run(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->be->cfg;
	struct txn_context c = context_for(t, h ? EXPR_AT_REQUEST : EXPR_AT_CONTENT);
	unsigned char key[STICK_KEY_BYTES_MAX];
	c.req = h;
	for (size_t i = 0; i < p->sticks_n; i++) {
		const struct cfg_stick *r = &p->sticks[i];
		struct rt_table *table = table_of(r->table);
		if (!(r->does & (CFG_STICK_MATCH | CFG_STICK_STORE)) ||
		    has_store(t, table) || !key_of(r, &c, key))
			continue;
		if (r->does & CFG_STICK_MATCH && !t->wanted)
			t->wanted = find_server(t, table, key);
		if (r->does & CFG_STICK_STORE)
			keep(t, table, key);
	}
}

void
stick_stores(struct txn *t)
{
	struct span rest = buf_span(t->stores);
	while (rest.n && t->srv) {
		uint32_t index;
		memcpy(&index, rest.p, sizeof(index));
		struct rt_table *table = &self.tables[index];
		size_t bytes = sizeof(index) + table->cfg->spec.key_bytes;
		store(t, table, (const unsigned char *)rest.p + sizeof(index));
		rest = span_of(rest.p + bytes, rest.n - bytes);
	}
	buf_put(&self.bufs, &t->stores);
}

void
stick_response_run(struct txn *t, struct http_head *h)
{
	const struct cfg_proxy *p = t->be->cfg;
	struct txn_context c = context_for(t, EXPR_AT_RESPONSE);
	unsigned char key[STICK_KEY_BYTES_MAX];
	c.res = h;
	for (size_t i = 0; i < p->sticks_n && t->srv; i++) {
		const struct cfg_stick *r = &p->sticks[i];
		if (r->does & CFG_STICK_RESPONSE && key_of(r, &c, key))
			store(t, table_of(r->table), key);
	}
}
