/* SPDX-License-Identifier: MIT
 *
 * What expressions and formats of checks can ask: the response, the server, variables.
 * Runs in the checker.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checker/self.h"
#include "lib/base/must.h"
#include "lib/expr/vars.h"
#include "lib/http/values.h"
#include "shm/cells.h"

#define FETCH_FN(id)                                                                \
	static bool fetch_##id(const struct expr_context *c,                        \
			       const struct expr_arg *args __attribute__((unused)), \
			       struct expr_sample *s)

/* The head is parsed when the first one asks. */
static struct exam *
exam_of(const struct expr_context *c)
{
	return (struct exam *)(uintptr_t)c;
}

static bool
give_int(struct expr_sample *s, int64_t v)
{
	expr_set_int(s, v);
	return true;
}

static bool
give_span(struct expr_sample *s, struct span v)
{
	expr_set_str(s, v);
	return v.p != NULL;
}

static bool
give_bin(struct expr_sample *s, struct span v)
{
	expr_set_str(s, v);
	s->type = EXPR_BIN;
	return v.p != NULL;
}

/* --- the server ------------------------------------------------------------------- */

FETCH_FN(be_name)
{
	const struct checked *server = exam_of(c)->server;
	return server && give_span(s, span_str(server->cfg->backend->name));
}

FETCH_FN(be_id)
{
	const struct checked *server = exam_of(c)->server;
	return server && give_int(s, server->cfg->backend->id);
}

FETCH_FN(srv_name)
{
	const struct checked *server = exam_of(c)->server;
	return server && give_span(s, span_str(server->cfg->name));
}

FETCH_FN(srv_id)
{
	const struct checked *server = exam_of(c)->server;
	return server && give_int(s, server->cfg->id);
}

static const struct group *
group_of(const struct expr_context *c, const struct expr_arg *arg)
{
	const struct checked *server = exam_of(c)->server;
	if (arg->kind != EXPR_ARG_REF)
		return server ? server->group : NULL;
	for (size_t i = 0; i < checker.groups_n; i++)
		if (checker.groups[i].cfg == arg->ref)
			return &checker.groups[i];
	return NULL;
}

FETCH_FN(be_conn)
{
	const struct group *g = group_of(c, args);
	return g && give_int(s, shm_gauge_cur(g->object.gauge));
}

FETCH_FN(nbsrv)
{
	const struct group *g = group_of(c, args);
	return g && give_int(s, (int64_t)g->active_n + g->backup_n);
}

/* NULL: its backend is disabled. */
static const struct checked *
server_of(const struct expr_context *c, const struct expr_arg *arg)
{
	const struct cfg_server_ref *ref = arg->ref;
	struct expr_arg of = {.kind = EXPR_ARG_REF,
			      .ref = (void *)(uintptr_t)ref->backend};
	const struct group *g = group_of(c, &of);
	return g && ref->server ? g->servers[ref->server->index] : NULL;
}

FETCH_FN(srv_conn)
{
	const struct checked *server = server_of(c, args);
	return server && give_int(s, shm_gauge_cur(server->object.gauge));
}

FETCH_FN(srv_is_up)
{
	const struct checked *server = server_of(c, args);
	if (!server)
		return false;
	expr_set_bool(s, checked_effective(server, checked_health(server)).is_up);
	return true;
}

/* --- the backend's identifier ------------------------------------------------------- */

FETCH_FN(unique_id)
{
	const struct checked *server = exam_of(c)->server;
	const struct format *f = server ? server->cfg->backend->check_id : NULL;
	char *id = f ? expr_scratch_take(c->scratch, CFG_UNIQUE_ID_BYTES) : NULL;
	return id &&
	       give_span(s, span_of(id, format_write(f, c, id, CFG_UNIQUE_ID_BYTES)));
}

/* --- the response ------------------------------------------------------------------- */

FETCH_FN(res_len)
{
	return give_int(s, (int64_t)exam_of(c)->bytes.n);
}

/* args: offset, length (0: all that is behind). */
FETCH_FN(res_payload)
{
	struct span b = exam_of(c)->bytes;
	int64_t n = (int64_t)b.n, offset = args[0].integer, length = args[1].integer;
	if (offset < 0 || length < 0 || offset > n)
		return false;
	if (length == 0)
		length = n - offset;
	if (length > n - offset)
		return false;
	return give_bin(s, span_of(b.p + offset, (size_t)length));
}

FETCH_FN(status)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_int(s, x->head.status);
}

FETCH_FN(res_ver)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_span(s, x->head.minor ? SPAN("1.1") : SPAN("1.0"));
}

FETCH_FN(res_body)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_bin(s, x->body.p ? x->body : SPAN(""));
}

FETCH_FN(res_body_len)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_int(s, (int64_t)x->body.n);
}

/* The next value at *place or behind (number of the field << 16 | offset in its value);
 * moves *place behind it. Commas end values where they are split. */
static bool
value_next(const struct http_head *h, struct span name, bool splits, uint32_t *place,
	   struct span *out)
{
	unsigned from = *place >> 16;
	int i = name.n ? http_head_find(h, name, from)
		       : (from < h->fields_n ? (int)from : -1);
	if (i < 0)
		return false;
	*out = http_value_take(h, (unsigned)i, splits, place);
	return true;
}

static int64_t
count_values(const struct http_head *h, const struct expr_arg *arg, bool splits)
{
	struct span v, name = arg->kind == EXPR_ARG_STR ? arg->str : span_of(NULL, 0);
	uint32_t place = 0;
	int64_t n = 0;
	while (value_next(h, name, splits, &place, &v))
		n++;
	return n;
}

/* The occurrence asked for, from 1, or from -1 backwards; else the last one. */
static bool
give_value(const struct expr_context *c, const struct expr_arg *args, bool splits,
	   struct expr_sample *s)
{
	struct exam *x = exam_of(c);
	struct span v = {NULL, 0},
		    name = args[0].kind == EXPR_ARG_STR ? args[0].str : SPAN("");
	if (!exam_head(x))
		return false;
	int64_t n = count_values(&x->head, args, splits),
		wanted = args[1].kind == EXPR_ARG_INT && args[1].integer ? args[1].integer
									 : -1;
	uint32_t place = 0;
	if (wanted < 0)
		wanted += n + 1;
	if (wanted < 1 || wanted > n)
		return false;
	while (wanted-- && value_next(&x->head, name, splits, &place, &v))
		;
	return give_span(s, v);
}

FETCH_FN(res_hdr)
{
	return give_value(c, args, true, s);
}

FETCH_FN(res_fhdr)
{
	return give_value(c, args, false, s);
}

FETCH_FN(res_hdr_cnt)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_int(s, count_values(&x->head, args, true));
}

FETCH_FN(res_fhdr_cnt)
{
	struct exam *x = exam_of(c);
	return exam_head(x) && give_int(s, count_values(&x->head, args, false));
}

static expr_fetch_fn *const fetches[EXPR_FETCHES_N] = {
#define ID(id) [EXPR_FETCH_##id] = fetch_##id
	ID(be_conn),  ID(be_id),       ID(be_name),	ID(nbsrv),     ID(res_body),
	ID(res_len),  ID(res_fhdr),    ID(res_hdr),	ID(res_ver),   ID(res_body_len),
	ID(srv_conn), ID(srv_id),      ID(res_hdr_cnt), ID(srv_name),  ID(res_fhdr_cnt),
	ID(status),   ID(res_payload), ID(srv_is_up),	ID(unique_id),
#undef ID
};

/* --- letters ------------------------------------------------------------------------ */

FETCH_FN(hostname)
{
	static char name[256]; /* does not change while a process lives */
	if (!name[0])
		(void)gethostname(name, sizeof(name) - 1);
	return c && give_span(s, span_str(name));
}

static expr_fetch_fn *const aliases[FORMAT_ALIASES_N] = {
	[FORMAT_ALIAS_H] = fetch_hostname,
	[FORMAT_ALIAS_b] = fetch_be_name,
	[FORMAT_ALIAS_s] = fetch_srv_name,
};

/* --- variables ---------------------------------------------------------------------- */

/* Those of all processes. */
static bool
shared_get(const struct expr_context *c, const struct expr_var *v,
	   struct expr_sample *out)
{
	struct shm_cell_value cell;
	if (!checker.in->cells)
		return false;
	shm_cell_get(checker.in->cells, v->place, &cell);
	return expr_value_copy(c, cell.tag, span_of(cell.bytes, cell.n), out);
}

static bool
shared_set(const struct expr_var *v, const struct expr_sample *value)
{
	struct span bytes = expr_value_bytes(value);
	return checker.in->cells && shm_cell_set(checker.shm, checker.in->cells, v->place,
						 expr_value_tag(value), bytes.p, bytes.n);
}

/* Scopes sess and check both end with the probe. */
static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	const struct probe *p = exam_of(c)->probe;
	if (v->scope == EXPR_SCOPE_PROC)
		return shared_get(c, v, out);
	if (!p || !p->vars)
		return false;
	struct expr_store store = {p->vars_used, PROBE_VARS_BYTES, p->vars};
	return expr_store_get(&store, v, out);
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	struct probe *p = exam_of(c)->probe;
	bool is_set = true;
	if (v->scope == EXPR_SCOPE_PROC)
		return shared_set(v, value);
	if (!p || (!p->vars && !value))
		return p != NULL;
	if (!p->vars)
		p->vars = must_alloc(PROBE_VARS_BYTES);
	struct expr_store store = {p->vars_used, PROBE_VARS_BYTES, p->vars};
	if (value)
		is_set = expr_store_set(&store, v, value);
	else
		expr_store_unset(&store, v);
	p->vars_used = store.used;
	return is_set;
}

void
context_set_var(struct exam *x, const struct cfg_rule *r)
{
	struct expr_sample v = {.next = 0};
	if (r->format) {
		const struct cfg_text text = {.format = r->format};
		expr_set_str(&v, exam_text(x, &text));
	} else if (!r->expr) {
		(void)var_set(&x->base, r->var, NULL);
		return;
	} else if (!expr_eval(r->expr, &x->base, EXPR_ANY, &v)) {
		return;
	}
	if (expr_var_may_set(&x->base, r->var, r->set_if, &v) &&
	    !var_set(&x->base, r->var, &v))
		shm_count(&checker.global, SHM_GLOBAL_vars_full, 1);
}

/* --- what checks have nothing of ---------------------------------------------------- */

static void
complain(const struct expr_context *c, const char *what, struct span detail)
{
	(void)c;
	(void)what;
	(void)detail;
	if (checker.shm)
		shm_count(&checker.global, SHM_GLOBAL_regex_limit, 1);
}

static void
capture(const struct expr_context *c, bool is_response, int64_t slot, struct span value)
{
	(void)c;
	(void)is_response;
	(void)slot;
	(void)value;
}

static bool
table(const struct expr_context *c, unsigned id, const struct expr_arg *args,
      struct expr_sample *s)
{
	(void)c;
	(void)id;
	(void)args;
	(void)s;
	return false;
}

static bool
is_in_state(const struct expr_context *c, enum expr_state state)
{
	(void)c;
	(void)state;
	return false;
}

static void
debug(const struct expr_context *c, const char *prefix, struct span value)
{
	(void)c;
	(void)prefix;
	(void)value;
}

const struct expr_host checker_host = {
	.fetches = fetches,
	.aliases = aliases,
	.var_get = var_get,
	.var_set = var_set,
	.capture = capture,
	.table = table,
	.complain = complain,
	.is_in_state = is_in_state,
	.debug = debug,
};
