/* SPDX-License-Identifier: MIT
 *
 * Fetches and converters of stick tables (configuration.txt 7.3.1, 7.3.3). Worker. What
 * sc_* gives is what the tracker saw at its last change; everything else is read live.
 */
#include "worker/fetch/fetch.h"
#include "worker/track.h"

enum { ONE, MANY };
enum how { READ, KBYTES, INC, CLR };

/* One of lib/expr/stick_words.def. */
struct wanted {
	enum stick_type column;
	bool is_array;
	enum how how;
};

/* The rate that goes with a counter; 0 (a tag): none. */
static enum stick_type
rate_of(enum stick_type count)
{
	switch ((int)count) {
	case STICK_gpc0:
		return STICK_gpc0_rate;
	case STICK_gpc1:
		return STICK_gpc1_rate;
	case STICK_gpc:
		return STICK_gpc_rate;
	default:
		return STICK_server_id;
	}
}

/* What a word does to an entry. What has been counted stays in a rate when its counter is
 * cleared. */
static unsigned
ops_of(const struct rt_table *t, const struct wanted *w, int value, uint32_t element,
       struct shm_stick_op ops[2])
{
	enum stick_type rate = rate_of(w->column);
	bool has_rate = w->how == INC && rate != STICK_server_id;
	int rate_at = has_rate ? table_value(t, rate, element) : -1;
	unsigned n = 0;
	uint8_t act = w->how == INC ? SHM_STICK_ADD : SHM_STICK_SET;
	ops[n++] = (struct shm_stick_op){(uint16_t)value, act, w->how == INC};
	if (rate_at >= 0)
		ops[n++] = (struct shm_stick_op){(uint16_t)rate_at, SHM_STICK_ADD, 1};
	return n;
}

static bool
give(struct expr_sample *s, const struct wanted *w, uint64_t v)
{
	expr_set_int(s, (int64_t)(w->how == KBYTES ? v / 1024 : v));
	return true;
}

/* The value of a key, read live or changed. false: the table does not store it. */
static bool
of_key(struct rt_table *t, const void *key, const struct wanted *w, uint32_t element,
       bool creates, struct expr_sample *s)
{
	struct shm_stick_view *v = &self.stick_view;
	int at = table_value(t, w->column, element);
	if (at < 0)
		return false;
	if (shm_stick_read(&t->stick, key, now_ms(), v) != SHM_STICK_OK)
		v->values[at] = 0;
	uint64_t before = v->values[at];
	if (w->how == READ || w->how == KBYTES)
		return give(s, w, before);
	struct shm_stick_op ops[2];
	unsigned n = ops_of(t, w, at, element, ops);
	enum shm_stick_result r = track_update(
		t, key, ops, n, creates ? SHM_STICK_CREATE : 0, NULL, v->values);
	bool is_done = r == SHM_STICK_OK || r == SHM_STICK_NEW;
	return give(s, w, w->how == CLR ? before : is_done ? v->values[at] : 0);
}

/* --- what is tracked -------------------------------------------------------------------
 */

static struct tracker *
tracker(const struct expr_context *c, int64_t sc)
{
	const struct txn_context *x = context_of(c);
	return sc >= 0 && sc < CFG_TRACKERS_MAX ? track_find(x->s, x->t, (uint8_t)sc)
						: NULL;
}

/* Another table than the one it is tracked in; NULL: none is named. */
static struct rt_table *
other_table(const struct tracker *k, const struct expr_arg *arg)
{
	struct rt_table *t = arg->kind == EXPR_ARG_REF ? table_of(arg->ref) : NULL;
	return t == k->table ? NULL : t;
}

static bool
has_same_keys(const struct rt_table *a, const struct rt_table *b)
{
	return a->cfg->spec.key == b->cfg->spec.key &&
	       a->cfg->spec.key_bytes == b->cfg->spec.key_bytes;
}

static bool
fetch_sc(const struct expr_context *c, int64_t sc, const struct expr_arg *table,
	 const struct wanted *w, uint32_t element, struct expr_sample *s)
{
	struct tracker *k = tracker(c, sc);
	if (!k)
		return false;
	struct rt_table *other = other_table(k, table);
	if (other && !has_same_keys(k->table, other)) /* so the key is not there */
		return table_value(other, w->column, element) >= 0 && give(s, w, 0);
	if (other)
		return of_key(other, tracker_key(k), w, element, false, s);
	int at = table_value(k->table, w->column, element);
	if (at < 0)
		return false;
	if (w->how == READ || w->how == KBYTES)
		return give(s, w, k->values[at]);
	struct shm_stick_op ops[2];
	struct shm_stick_view *v = &self.stick_view;
	unsigned n = ops_of(k->table, w, at, element, ops);
	bool is_there = shm_stick_read(&k->table->stick, tracker_key(k), now_ms(), v) ==
			SHM_STICK_OK;
	uint64_t before = is_there ? v->values[at] : 0;
	for (unsigned i = n; i-- > 0;)
		(void)track_change(k, ops[i].value, (enum shm_stick_act)ops[i].act,
				   ops[i].n);
	return give(s, w, w->how == CLR ? before : k->values[at]);
}

static bool
src_key(const struct expr_context *c, const struct rt_table *t,
	unsigned char key[STICK_KEY_BYTES_MAX])
{
	struct expr_sample src = {.next = 0};
	return fetch_src(c, NULL, &src) && track_key(t, c, &src, key);
}

static bool
fetch_of_src(const struct expr_context *c, const struct expr_arg *table,
	     const struct wanted *w, uint32_t element, struct expr_sample *s)
{
	unsigned char key[STICK_KEY_BYTES_MAX];
	struct rt_table *t = table_of(table->ref);
	return src_key(c, t, key) && of_key(t, key, w, element, w->how == INC, s);
}

static uint32_t
element_of(const struct expr_arg *args, bool is_array)
{
	return is_array ? (uint32_t)args[0].integer : 0;
}

#define STICK_WORD(word, col, kind, how, help)                                           \
	static const struct wanted word_##word = {STICK_##col, kind, how};               \
	FETCH_FN(sc_##word)                                                              \
	{                                                                                \
		return fetch_sc(c, args[kind].integer, &args[kind + 1], &word_##word,    \
				element_of(args, kind), s);                              \
	}                                                                                \
	FETCH_FN(sc0_##word)                                                             \
	{                                                                                \
		return fetch_sc(c, 0, &args[kind], &word_##word, element_of(args, kind), \
				s);                                                      \
	}                                                                                \
	FETCH_FN(sc1_##word)                                                             \
	{                                                                                \
		return fetch_sc(c, 1, &args[kind], &word_##word, element_of(args, kind), \
				s);                                                      \
	}                                                                                \
	FETCH_FN(sc2_##word)                                                             \
	{                                                                                \
		return fetch_sc(c, 2, &args[kind], &word_##word, element_of(args, kind), \
				s);                                                      \
	}                                                                                \
	FETCH_FN(src_##word)                                                             \
	{                                                                                \
		return fetch_of_src(c, &args[kind], &word_##word,                        \
				    element_of(args, kind), s);                          \
	}
#include "lib/expr/stick_words.def"
#undef STICK_WORD

/* --- of the entry itself --------------------------------------------------------------
 */

/* The entry that is tracked, or that of the same key in another table. */
static bool
view_sc(const struct expr_context *c, int64_t sc, const struct expr_arg *table)
{
	struct tracker *k = tracker(c, sc);
	struct rt_table *other = k ? other_table(k, table) : NULL;
	if (!k || (other && !has_same_keys(k->table, other)))
		return false;
	return shm_stick_read(&(other ? other : k->table)->stick, tracker_key(k),
			      now_ms(), &self.stick_view) == SHM_STICK_OK;
}

static bool
is_tracked(const struct expr_context *c, int64_t sc, const struct expr_arg *table,
	   struct expr_sample *s)
{
	const struct tracker *k = tracker(c, sc);
	bool found = k && (!other_table(k, table) || view_sc(c, sc, table));
	return give_bool(s, found);
}

static bool
trackers_of(const struct expr_context *c, int64_t sc, const struct expr_arg *table,
	    struct expr_sample *s)
{
	return view_sc(c, sc, table) && give_int(s, self.stick_view.refs);
}

FETCH_FN(sc_tracked)
{
	return is_tracked(c, args[0].integer, &args[1], s);
}

FETCH_FN(sc0_tracked)
{
	return is_tracked(c, 0, &args[0], s);
}

FETCH_FN(sc1_tracked)
{
	return is_tracked(c, 1, &args[0], s);
}

FETCH_FN(sc2_tracked)
{
	return is_tracked(c, 2, &args[0], s);
}

FETCH_FN(sc_trackers)
{
	return trackers_of(c, args[0].integer, &args[1], s);
}

FETCH_FN(sc0_trackers)
{
	return trackers_of(c, 0, &args[0], s);
}

FETCH_FN(sc1_trackers)
{
	return trackers_of(c, 1, &args[0], s);
}

FETCH_FN(sc2_trackers)
{
	return trackers_of(c, 2, &args[0], s);
}

FETCH_FN(sc_key)
{
	const struct tracker *k = tracker(c, args[0].integer);
	if (!k)
		return false;
	const char *key = tracker_key(k);
	uint32_t bytes = k->table->cfg->spec.key_bytes, number;
	switch (k->table->cfg->spec.key) {
	case STICK_IP:
		s->type = EXPR_IPV4;
		memcpy(&s->ipv4, key, sizeof(s->ipv4));
		return true;
	case STICK_IPV6:
		s->type = EXPR_IPV6;
		memcpy(&s->ipv6, key, sizeof(s->ipv6));
		return true;
	case STICK_INTEGER:
		memcpy(&number, key, sizeof(number));
		return give_int(s, number);
	case STICK_STRING:
		return give_span(s, span_of(key, strnlen(key, bytes)));
	case STICK_BINARY:
		return give_bin(s, span_of(key, bytes));
	case STICK_KEYS_N:
		break;
	}
	return false;
}

FETCH_FN(src_updt_conn_cnt)
{
	static const struct wanted word = {STICK_conn_cnt, false, INC};
	return fetch_of_src(c, &args[0], &word, 0, s);
}

FETCH_FN(table_cnt)
{
	return give_int(s, (int64_t)shm_stick_used(&table_of(args[0].ref)->stick));
}

FETCH_FN(table_avl)
{
	const struct rt_table *t = table_of(args[0].ref);
	uint64_t used = shm_stick_used(&t->stick), size = t->cfg->spec.size;
	return give_int(s, used < size ? (int64_t)(size - used) : 0);
}

/* --- converters ------------------------------------------------------------------------
 */

static const struct wanted conv_words[EXPR_CONVS_N] = {
#define WORD(word, col, kind, how) [EXPR_CONV_table_##word] = {STICK_##col, kind, how}
	WORD(bytes_in_rate, bytes_in_rate, ONE, READ),
	WORD(bytes_out_rate, bytes_out_rate, ONE, READ),
	WORD(clr_gpc, gpc, MANY, CLR),
	WORD(clr_gpc0, gpc0, ONE, CLR),
	WORD(clr_gpc1, gpc1, ONE, CLR),
	WORD(conn_cnt, conn_cnt, ONE, READ),
	WORD(conn_cur, conn_cur, ONE, READ),
	WORD(conn_rate, conn_rate, ONE, READ),
	WORD(gpc, gpc, MANY, READ),
	WORD(gpc0, gpc0, ONE, READ),
	WORD(gpc0_rate, gpc0_rate, ONE, READ),
	WORD(gpc1, gpc1, ONE, READ),
	WORD(gpc1_rate, gpc1_rate, ONE, READ),
	WORD(gpc_rate, gpc_rate, MANY, READ),
	WORD(gpt, gpt, MANY, READ),
	WORD(gpt0, gpt0, ONE, READ),
	WORD(http_err_cnt, http_err_cnt, ONE, READ),
	WORD(http_err_rate, http_err_rate, ONE, READ),
	WORD(http_fail_cnt, http_fail_cnt, ONE, READ),
	WORD(http_fail_rate, http_fail_rate, ONE, READ),
	WORD(http_req_cnt, http_req_cnt, ONE, READ),
	WORD(http_req_rate, http_req_rate, ONE, READ),
	WORD(inc_gpc, gpc, MANY, INC),
	WORD(inc_gpc0, gpc0, ONE, INC),
	WORD(inc_gpc1, gpc1, ONE, INC),
	WORD(kbytes_in, bytes_in_cnt, ONE, KBYTES),
	WORD(kbytes_out, bytes_out_cnt, ONE, KBYTES),
	WORD(server_id, server_id, ONE, READ),
	WORD(sess_cnt, sess_cnt, ONE, READ),
	WORD(sess_rate, sess_rate, ONE, READ),
#undef WORD
};

bool
table_convert(const struct expr_context *c, unsigned id, const struct expr_arg *args,
	      struct expr_sample *s)
{
	const struct wanted *w = &conv_words[id];
	struct rt_table *t = table_of(args[w->is_array].ref);
	unsigned char key[STICK_KEY_BYTES_MAX];
	struct shm_stick_view *v = &self.stick_view;
	bool is_entry = id == EXPR_CONV_in_table || id == EXPR_CONV_table_trackers ||
			id == EXPR_CONV_table_expire || id == EXPR_CONV_table_idle;
	if (!track_key(t, c, s, key))
		return false;
	if (!is_entry)
		return of_key(t, key, w, element_of(args, w->is_array), false, s);
	bool found = shm_stick_read(&t->stick, key, now_ms(), v) == SHM_STICK_OK;
	if (id == EXPR_CONV_in_table)
		return give_bool(s, found);
	if (!found && id == EXPR_CONV_table_trackers)
		return give_int(s, 0);
	if (!found) /* the default, where there is one */
		return args[1].kind == EXPR_ARG_INT && give_int(s, args[1].integer);
	uint64_t idle_ms = t->cfg->spec.expire_ms > v->expires_in_ms
				   ? t->cfg->spec.expire_ms - v->expires_in_ms
				   : 0;
	return give_int(s, id == EXPR_CONV_table_trackers ? (int64_t)v->refs
			   : id == EXPR_CONV_table_expire ? (int64_t)v->expires_in_ms
							  : (int64_t)idle_ms);
}
