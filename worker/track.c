/* SPDX-License-Identifier: MIT
 *
 * What connections and requests track in stick tables. Worker. A tracker holds a
 * reference on its entry, which the ledger of this process notes: it is given back when
 * the tracker ends, or by the master when we die.
 */
#include "worker/track.h"

#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/must.h"

enum {
	/* The owner of a bucket's lock that was preempted runs again within some time
	 * slices. What is counted must be counted, so that limits are exact: we wait. */
	PATIENCE_US = 50 * 1000,
	NAP_US = 50,
	GRUDGE_MS = 1000, /* one that did not run (SIGSTOP) is not waited for again */
	TRACKERS_SLAB_BYTES = 64 * 1024,
};

static void
table_init(struct rt_table *t, const struct cfg_table *cfg)
{
	char id[SHM_ADDR_BYTES];
	struct shm_object o;
	stick_spec_id(&cfg->spec, id, sizeof(id));
	t->cfg = cfg;
	must(shm_find(self.shm, SHM_TABLE, "", cfg->name, id, &o));
	must(shm_stick_init(&t->stick, &cfg->spec, &o));
	for (int type = 0; type < STICK_TYPES_N; type++) {
		const struct stick_column *c =
			stick_spec_find(&cfg->spec, (enum stick_type)type);
		t->column[type] = c ? (int16_t)c->value : -1;
		t->elements[type] = c ? c->n : 0;
	}
}

void
track_init(void)
{
	const struct cfg *cfg = self.cfg;
	uint32_t values_n = 1, key_bytes = 8;
	self.tables = must_calloc(cfg->tables_n, sizeof(*self.tables));
	for (size_t i = 0; i < cfg->tables_n; i++) {
		const struct stick_spec *s = &cfg->tables[i]->spec;
		table_init(&self.tables[i], cfg->tables[i]);
		values_n = s->values_n > values_n ? s->values_n : values_n;
		key_bytes = s->key_bytes > key_bytes ? s->key_bytes : key_bytes;
	}
	self.tracker_values_n = values_n;
	pool_init(&self.trackers,
		  sizeof(struct tracker) + values_n * sizeof(uint64_t) + key_bytes,
		  TRACKERS_SLAB_BYTES, 0);
}

struct rt_table *
table_of(const struct cfg_table *t)
{
	return &self.tables[t->index];
}

int
table_value(const struct rt_table *t, enum stick_type type, uint32_t element)
{
	static const uint8_t arrays[STICK_TYPES_N] = {
		[STICK_gpc0] = STICK_gpc,	    [STICK_gpc1] = STICK_gpc,
		[STICK_gpc0_rate] = STICK_gpc_rate, [STICK_gpc1_rate] = STICK_gpc_rate,
		[STICK_gpt0] = STICK_gpt,
	};
	if (element < t->elements[type])
		return t->column[type] + (int)element;
	/* gpc0 is the first of gpc where only that is stored (configuration.txt 11.1) */
	enum stick_type array = (enum stick_type)arrays[type];
	bool is_second = type == STICK_gpc1 || type == STICK_gpc1_rate;
	if (!array || t->elements[array] <= is_second)
		return -1;
	return t->column[array] + is_second;
}

/* --- keys ------------------------------------------------------------------------------
 */

bool
track_key(const struct rt_table *t, const struct expr_context *c, struct expr_sample *s,
	  unsigned char key[STICK_KEY_BYTES_MAX])
{
	static const uint8_t types[STICK_KEYS_N] = {
		[STICK_IP] = EXPR_IPV4,	    [STICK_IPV6] = EXPR_IPV6,
		[STICK_INTEGER] = EXPR_INT, [STICK_STRING] = EXPR_STR,
		[STICK_BINARY] = EXPR_BIN,
	};
	enum stick_key type = t->cfg->spec.key;
	uint32_t number;
	if (s->type != types[type] && !expr_cast(c, s, (enum expr_type)types[type]))
		return false;
	switch (type) {
	case STICK_IP:
		(void)shm_stick_key(&t->stick, &s->ipv4, sizeof(s->ipv4), key);
		return true;
	case STICK_IPV6:
		(void)shm_stick_key(&t->stick, &s->ipv6, sizeof(s->ipv6), key);
		return true;
	case STICK_INTEGER:
		number = (uint32_t)s->integer;
		(void)shm_stick_key(&t->stick, &number, sizeof(number), key);
		return true;
	case STICK_STRING:
	case STICK_BINARY:
		(void)shm_stick_key(&t->stick, s->str.p, s->str.n, key);
		return s->str.n > 0;
	case STICK_KEYS_N:
		break;
	}
	return false;
}

const void *
tracker_key(const struct tracker *k)
{
	return k->values + self.tracker_values_n;
}

/* --- trackers ------------------------------------------------------------------------
 */

static struct tracker *
find_in(struct tracker *list, uint8_t sc)
{
	while (list && list->sc != sc)
		list = list->next;
	return list;
}

struct tracker *
track_find(const struct session *s, const struct txn *t, uint8_t sc)
{
	struct tracker *k = t ? find_in(t->trackers, sc) : NULL;
	return k || !s ? k : find_in(s->trackers, sc);
}

/* Some changes of one entry under its lock. */
struct change {
	struct shm_stick_op ops[8];
	unsigned n;
};

static void
add(struct change *c, const struct rt_table *t, enum stick_type type, uint64_t n)
{
	if (t->column[type] >= 0 && n)
		c->ops[c->n++] = (struct shm_stick_op){(uint16_t)t->column[type],
						       SHM_STICK_ADD, n};
}

static void
add_request(struct change *c, const struct rt_table *t)
{
	add(c, t, STICK_http_req_cnt, 1);
	add(c, t, STICK_http_req_rate, 1);
}

static void
add_status(struct change *c, const struct rt_table *t, int status)
{
	bool is_err = status >= 400 && status < 500;
	bool is_fail = status >= 500 && status < 600 && status != 501 && status != 505;
	add(c, t, STICK_http_err_cnt, is_err);
	add(c, t, STICK_http_err_rate, is_err);
	add(c, t, STICK_http_fail_cnt, is_fail);
	add(c, t, STICK_http_fail_rate, is_fail);
}

/* A bucket was busy. true: after a nap, try again. */
static bool
is_worth_waiting(struct rt_table *t, uint64_t *since_us)
{
	const struct timespec nap = {.tv_nsec = NAP_US * 1000};
	uint64_t at_us = clock_mono_us();
	if (now_ms() < t->distrusted_until_ms)
		return false;
	if (!*since_us)
		*since_us = at_us;
	if (at_us - *since_us > PATIENCE_US) {
		t->distrusted_until_ms = now_ms() + GRUDGE_MS;
		return false;
	}
	(void)nanosleep(&nap, NULL);
	return true;
}

static enum shm_stick_result
apply(struct tracker *k, const struct change *c, unsigned flags)
{
	enum shm_stick_result r;
	uint64_t since_us = 0;
	do
		r = shm_stick_update_ref(self.shm, &k->table->stick, &k->ref, now_ms(),
					 c->ops, c->n, flags, k->values);
	while (r == SHM_STICK_BUSY && !(flags & SHM_STICK_LEAVE) &&
	       is_worth_waiting(k->table, &since_us));
	return r;
}

bool
track_change(struct tracker *k, int value, enum shm_stick_act act, uint64_t n)
{
	struct change c = {.ops = {{(uint16_t)value, (uint8_t)act, n}}, .n = 1};
	return apply(k, &c, 0) == SHM_STICK_OK;
}

enum shm_stick_result
track_update(struct rt_table *t, const void *key, const struct shm_stick_op *ops,
	     unsigned n, unsigned flags, struct shm_stick_ref *ref, uint64_t *values)
{
	enum shm_stick_result r;
	uint64_t since_us = 0;
	do
		r = shm_stick_update(self.shm, &t->stick, key, now_ms(), ops, n, flags,
				     ref, values);
	while (r == SHM_STICK_BUSY && is_worth_waiting(t, &since_us));
	return r;
}

enum shm_stick_result
track_take(struct rt_table *t, const void *key, const struct shm_stick_limit *l,
	   struct shm_token *out)
{
	enum shm_stick_result r;
	uint64_t since_us = 0;
	do
		r = shm_stick_take(self.shm, &t->stick, key, now_ms(), l, out);
	while (r == SHM_STICK_BUSY && is_worth_waiting(t, &since_us));
	return r;
}

bool
track_begin(struct session *s, struct txn *t, const struct cfg_table *table, uint8_t sc,
	    const unsigned char *key, int status)
{
	struct rt_table *at = table_of(table);
	struct tracker *k = pool_get(&self.trackers);
	struct tracker **list = t ? &t->trackers : &s->trackers;
	struct change c = {.n = 0};
	enum shm_stick_result r;
	if (!k)
		return false;
	k->table = at;
	k->sc = sc;
	memcpy(k->values + self.tracker_values_n, key, table->spec.key_bytes);
	add(&c, at, STICK_conn_cnt, 1);
	add(&c, at, STICK_conn_cur, 1);
	add(&c, at, STICK_conn_rate, 1);
	if (t && t->is_counted)
		add_request(&c, at);
	add_status(&c, at, status);
	r = track_update(at, key, c.ops, c.n, SHM_STICK_CREATE | SHM_STICK_HOLD, &k->ref,
			 k->values);
	if (r != SHM_STICK_OK && r != SHM_STICK_NEW) {
		pool_put(&self.trackers, k);
		return false;
	}
	k->next = *list;
	*list = k;
	return true;
}

/* false: busy. */
static bool
leave(struct tracker *k)
{
	int cur = k->table->column[STICK_conn_cur];
	struct change c = {.ops = {{(uint16_t)cur, SHM_STICK_TAKE_AWAY, 1}},
			   .n = cur >= 0};
	return apply(k, &c, SHM_STICK_LEAVE) != SHM_STICK_BUSY;
}

void
track_end(struct tracker **list)
{
	while (*list) {
		struct tracker *k = *list;
		*list = k->next;
		if (leave(k)) {
			pool_put(&self.trackers, k);
		} else {
			k->next = self.owed;
			self.owed = k;
		}
	}
}

bool
track_settle(void)
{
	struct tracker *list = self.owed;
	self.owed = NULL;
	track_end(&list);
	return !self.owed;
}

/* --- events --------------------------------------------------------------------------
 */

typedef void event_fn(struct change *c, const struct tracker *k, const void *arg);

static void
each(struct tracker *list, event_fn *event, const void *arg)
{
	for (struct tracker *k = list; k; k = k->next) {
		struct change c = {.n = 0};
		event(&c, k, arg);
		if (c.n)
			(void)apply(k, &c, 0);
	}
}

static void
on_session(struct change *c, const struct tracker *k, const void *arg)
{
	(void)arg;
	add(c, k->table, STICK_sess_cnt, 1);
	add(c, k->table, STICK_sess_rate, 1);
}

static void
on_request(struct change *c, const struct tracker *k, const void *arg)
{
	(void)arg;
	add_request(c, k->table);
}

static void
on_status(struct change *c, const struct tracker *k, const void *arg)
{
	add_status(c, k->table, *(const int *)arg);
}

struct bytes {
	uint64_t in, out;
};

static void
on_bytes(struct change *c, const struct tracker *k, const void *arg)
{
	const struct bytes *b = arg;
	add(c, k->table, STICK_bytes_in_cnt, b->in);
	add(c, k->table, STICK_bytes_in_rate, b->in);
	add(c, k->table, STICK_bytes_out_cnt, b->out);
	add(c, k->table, STICK_bytes_out_rate, b->out);
}

void
track_session(struct session *s)
{
	each(s->trackers, on_session, NULL);
}

void
track_request_run(struct txn *t)
{
	each(t->s->trackers, on_request, NULL);
	each(t->trackers, on_request, NULL);
}

void
track_status_run(struct txn *t, int status)
{
	each(t->s->trackers, on_status, &status);
	each(t->trackers, on_status, &status);
}

void
track_bytes(struct txn *t)
{
	struct bytes b = {t->bytes_in - t->tracked_in, t->bytes_out - t->tracked_out};
	t->tracked_in = t->bytes_in;
	t->tracked_out = t->bytes_out;
	if (!b.in && !b.out)
		return;
	each(t->s->trackers, on_bytes, &b);
	each(t->trackers, on_bytes, &b);
}
