/* SPDX-License-Identifier: MIT
 *
 * Where variables are kept: those of the scope sess with the session; txn, req and res
 * with the txn; proc in cells that all workers share. In mode tcp a session is one txn.
 * Worker. The buffers belong to their owner, who gives them back.
 */
#include "worker/fetch/vars.h"

enum { VARS_FIRST_BYTES = 1024, VARS_BYTES_MAX = 64 * 1024 };

/* The buffer of a scope; NULL: there is no such owner here. */
static struct buf **
place_of(const struct expr_context *c, enum expr_scope scope)
{
	const struct txn_context *x = context_of(c);
	switch (scope) {
	case EXPR_SCOPE_SESS:
		return x->s ? &x->s->vars : NULL;
	case EXPR_SCOPE_TXN:
	case EXPR_SCOPE_REQ:
	case EXPR_SCOPE_RES:
		return x->t ? &x->t->vars : NULL;
	case EXPR_SCOPE_PROC:
	case EXPR_SCOPE_CHECK:
	case EXPR_SCOPES_N:
		break;
	}
	return NULL;
}

static struct expr_store
store_of(struct buf *b)
{
	return (struct expr_store){.used = b->to, .cap = b->cap, .bytes = b->bytes};
}

static bool
is_text(const struct expr_sample *s)
{
	return s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD;
}

/* --- those of all workers -------------------------------------------------------- */

static bool
shared_get(const struct expr_context *c, const struct expr_var *v,
	   struct expr_sample *out)
{
	struct shm_cell_value cell;
	shm_cell_get(self.in->cells, v->place, &cell);
	return expr_value_copy(c, cell.tag, span_of(cell.bytes, cell.n), out);
}

static bool
shared_set(const struct expr_var *v, const struct expr_sample *value)
{
	struct span bytes = expr_value_bytes(value);
	return shm_cell_set(self.shm, self.in->cells, v->place, expr_value_tag(value),
			    bytes.p, bytes.n);
}

/* --- those of sessions and txns ------------------------------------------------- */

bool
vars_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	if (v->scope == EXPR_SCOPE_PROC)
		return shared_get(c, v, out);
	struct buf **place = place_of(c, v->scope);
	if (!place || !*place)
		return false;
	struct expr_store store = store_of(*place);
	return expr_store_get(&store, v, out);
}

/* A larger buffer with the same content; false: none. *value may be part of it. */
static bool
grow(struct buf **place, struct expr_sample *value)
{
	struct buf *old = *place;
	uint32_t need = old ? 2 * old->cap : VARS_FIRST_BYTES;
	struct buf *b = need > VARS_BYTES_MAX ? NULL : buf_get(&self.bufs, need);
	if (!b)
		return false;
	if (old) {
		memcpy(b->bytes, old->bytes, old->to);
		b->to = old->to;
		if (is_text(value) && value->str.p >= old->bytes &&
		    value->str.p < old->bytes + old->to)
			value->str.p = b->bytes + (value->str.p - old->bytes);
		buf_put(&self.bufs, &old);
	}
	*place = b;
	return true;
}

bool
vars_set(const struct expr_context *c, const struct expr_var *v,
	 const struct expr_sample *value)
{
	if (v->scope == EXPR_SCOPE_PROC)
		return shared_set(v, value);
	struct buf **place = place_of(c, v->scope);
	struct expr_sample kept;
	if (value)
		kept = *value;
	if (!place || (!*place && value && !grow(place, &kept)))
		return false;
	if (!*place)
		return true; /* nothing to forget */
	struct expr_store store = store_of(*place);
	bool is_set = true;
	if (!value)
		expr_store_unset(&store, v);
	else
		while (!(is_set = expr_store_set(&store, v, &kept)) && grow(place, &kept))
			store = store_of(*place);
	(*place)->to = store.used;
	return is_set;
}

void
vars_response(struct txn *t)
{
	if (!t->vars)
		return;
	struct expr_store store = store_of(t->vars);
	expr_store_clear(&store, EXPR_SCOPE_REQ);
	t->vars->to = store.used;
}
