/* SPDX-License-Identifier: MIT
 *
 * Changes of stick tables: workers and control.
 *
 * A change is made on a private copy of the entry. Then, under the bucket's lock: the old
 * entry goes to the spare place, the undo record is filled, seq becomes odd, the new
 * entry, its tag and the ledger record are stored, seq becomes even. Killed in between,
 * the kernel marks the lock, and the next one who takes it (the heir) finds seq odd and
 * puts back what was there.
 */
#include "shm/stick/stick.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "shm/layout.h"
#include "shm/ledger.h"
#include "shm/seq.h"
#include "shm/stick/memory.h"
#include "shm/stick/scan.h"

enum { NO_WAY = STICK_WAYS };

static uint32_t
load(const _Atomic uint32_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

/* Release: the kernel publishes our death after our last store; among themselves the
 * stores must stay in this order. */
static void
store(_Atomic uint32_t *p, uint32_t v)
{
	atomic_store_explicit(p, v, memory_order_release);
}

/* --- repair ------------------------------------------------------------------------- */

/* The heir's work. Killed in here, the next heir does it again: seq becomes even last. */
static void
repair(struct shm *s, const struct shm_stick *t, struct stick_bucket *b)
{
	uint32_t seq = load(&b->seq), way = load(&b->undo_way);
	uint32_t record = load(&b->undo_record);
	if (!(seq & 1))
		return;
	if (way < t->spec.ways) {
		stick_put(stick_way(t, b, way), stick_spare(b), t->spec.entry_bytes);
		SHM_FAULT(stick_repair_entry);
		atomic_store_explicit(&b->tags[way], (uint8_t)load(&b->undo_tag),
				      memory_order_release);
		SHM_FAULT(stick_repair_tag);
	}
	if (record)
		shm_ledger_restore(s, load(&b->undo_slot), record - 1, b->undo_held);
	SHM_FAULT(stick_repair_ledger);
	store(&b->seq, seq + 1);
}

static void
count(const struct shm_stick *t, enum shm_table_counter what)
{
	atomic_fetch_add_explicit(&shm_lane[t->counters + what], 1, memory_order_relaxed);
}

static bool
bucket_lock(struct shm *s, const struct shm_stick *t, struct stick_bucket *b)
{
	__builtin_prefetch(b->tags);
	stick_fetch_entry(t, stick_spare(b));
	enum shm_lock got = shm_lock_take(&s->lock, &b->lock);
	if (__builtin_expect(got == SHM_LOCK_TAKEN, 1))
		return true;
	bool is_heir = got == SHM_LOCK_HEIR;
	if (is_heir)
		repair(s, t, b);
	else
		count(t, SHM_TABLE_busy);
	atomic_fetch_add_explicit(
		&shm_lane[is_heir ? SHM_GLOBAL_lock_repaired : SHM_GLOBAL_lock_busy], 1,
		memory_order_relaxed);
	return is_heir;
}

static void
bucket_unlock(struct shm *s, struct stick_bucket *b)
{
	shm_lock_give(&s->lock, &b->lock);
}

/* --- publishing a change ------------------------------------------------------------ */

/* Entry, tag and ledger record of one way become what the caller made; all or nothing. */
static void
publish(struct shm *s, const struct shm_stick *t, struct stick_bucket *b, uint32_t way,
	uint8_t tag, const struct shm_ledger_change *ledger)
{
	unsigned char *place = stick_way(t, b, way);
	memcpy(stick_spare(b), place, t->spec.entry_bytes);
	store(&b->undo_way, way);
	store(&b->undo_tag, atomic_load_explicit(&b->tags[way], memory_order_relaxed));
	store(&b->undo_record, ledger ? ledger->record + 1 : 0);
	if (ledger) {
		store(&b->undo_slot, ledger->slot);
		shm_ledger_save(s, ledger, b->undo_held);
	}
	SHM_FAULT(stick_undo);
	uint32_t odd = load(&b->seq) | 1;
	store(&b->seq, odd);
	SHM_FAULT(stick_odd);
	if (tag)
		stick_put(place, t->scratch, t->spec.entry_bytes);
	SHM_FAULT(stick_entry);
	atomic_store_explicit(&b->tags[way], tag, memory_order_release);
	SHM_FAULT(stick_tag);
	if (ledger)
		shm_ledger_apply(s, ledger);
	SHM_FAULT(stick_ledger);
	store(&b->seq, odd + 1);
	SHM_FAULT(stick_even);
}

/* --- the private copy -----------------------------------------------------------------
 */

static struct stick_entry *
scratch(const struct shm_stick *t)
{
	return (struct stick_entry *)(void *)t->scratch;
}

/* A new entry for the key in the scratch. */
static void
make_entry(const struct shm_stick *t, struct stick_bucket *b, const void *key)
{
	struct stick_entry *e = scratch(t);
	uint32_t birth = load(&b->births) + 1;
	memset(e, 0, t->spec.entry_bytes);
	memcpy(e->key, key, t->spec.key_bytes);
	e->birth = birth;
	store(&b->births, birth);
}

static void
apply(const struct shm_stick *t, const struct shm_stick_op *op, uint64_t now_ms)
{
	uint64_t *cell = stick_cells(t, t->scratch) + t->cell_of[op->value];
	uint32_t period_ms = t->period_of[op->value];
	if (period_ms && op->act == SHM_STICK_ADD) {
		struct shm_rate r = {cell[0], cell[1], cell[2]};
		r = shm_rate_add(r, period_ms, now_ms, op->n);
		cell[0] = r.start_ms;
		cell[1] = r.current;
		cell[2] = r.previous;
	} else if (period_ms) {
		cell[0] = now_ms;
		cell[1] = op->n;
		cell[2] = 0;
	} else if (op->act == SHM_STICK_SET) {
		*cell = op->n;
	} else if (op->act == SHM_STICK_ADD) {
		*cell += op->n;
	} else {
		*cell -= *cell < op->n ? *cell : op->n;
	}
}

/* One token, or one more refusal. */
static void
take(const struct shm_stick *t, const struct shm_stick_limit *l, uint64_t now_ms,
     struct shm_token *out)
{
	uint64_t *cells = stick_cells(t, t->scratch);
	uint64_t *cell = cells + t->cell_of[l->tokens_value];
	struct shm_rate r = {cell[0], cell[1], cell[2]};
	*out = shm_tokens_take(&r, t->period_of[l->tokens_value], now_ms, l->tokens,
			       l->burst);
	cell[0] = r.start_ms;
	cell[1] = r.current;
	cell[2] = r.previous;
	if (!out->is_taken && l->refused_value >= 0)
		cells[t->cell_of[l->refused_value]]++;
	count(t, out->is_taken ? SHM_TABLE_tokens : SHM_TABLE_tokens_refused);
}

/* --- updates
 * ---------------------------------------------------------------------------- */

struct change {
	uint64_t now_ms;
	const struct shm_stick_op *ops;
	unsigned ops_n, flags;
	struct shm_stick_ref *ref;
	uint64_t *values;
	const uint64_t *cells; /* of an entry that comes back; NULL: an update */
	const struct shm_stick_limit *limit; /* NULL: no token is taken */
	struct shm_token *token;
};

/* References are counted in the entry and written down in the ledger. false: no room
 * there. */
static bool
count_refs(struct shm *s, const struct shm_stick *t, const struct change *c,
	   uint64_t bucket, uint32_t way, struct shm_ledger_change *out)
{
	struct stick_entry *e = scratch(t);
	if (c->flags & SHM_STICK_LEAVE) {
		*out = (struct shm_ledger_change){.slot = s->slot,
						  .record = c->ref->record - 1};
		e->refs -= e->refs > 0;
		return true;
	}
	int64_t record = shm_ledger_take(s);
	if (record < 0)
		return false;
	*out = (struct shm_ledger_change){.slot = s->slot,
					  .record = (uint32_t)record,
					  .is_held = true,
					  .table = t->table,
					  .birth = e->birth,
					  .bucket = bucket,
					  .way = way};
	*c->ref = (struct shm_stick_ref){.bucket = bucket,
					 .way = way,
					 .birth = e->birth,
					 .record = (uint32_t)record + 1};
	e->refs++;
	return true;
}

/* The scratch holds the entry as it is: changes it and publishes it. Under the lock. */
static bool
change_entry(struct shm *s, const struct shm_stick *t, struct stick_bucket *b,
	     uint64_t bucket, uint32_t way, uint8_t tag, const struct change *c)
{
	struct stick_entry *e = scratch(t);
	struct shm_ledger_change ledger;
	bool counts = c->flags & (SHM_STICK_HOLD | SHM_STICK_LEAVE);
	uint64_t now_ms = c->now_ms > e->used_ms ? c->now_ms : e->used_ms;
	if (counts && !count_refs(s, t, c, bucket, way, &ledger))
		return false;
	if (c->cells)
		memcpy(stick_cells(t, t->scratch), c->cells, t->spec.cells_n * 8);
	for (unsigned i = 0; i < c->ops_n; i++)
		apply(t, &c->ops[i], now_ms);
	if (c->limit)
		take(t, c->limit, now_ms, c->token);
	if (!(c->flags & SHM_STICK_KEEP) || !e->used_ms)
		e->used_ms = now_ms;
	publish(s, t, b, way, tag, counts ? &ledger : NULL);
	if (c->values)
		stick_values(t, t->scratch, now_ms, c->values);
	if (c->flags & SHM_STICK_LEAVE) {
		shm_ledger_give(s, ledger.record);
		c->ref->record = 0;
	}
	return true;
}

/* A place for a new entry: its home, a free one, else the least recently used that nobody
 * holds (an entry that comes back takes none from younger ones); NO_WAY: none. Under the
 * lock. */
static uint32_t
make_way(const struct shm_stick *t, struct stick_bucket *b, uint32_t home,
	 const struct change *c)
{
	uint64_t now_ms = c->now_ms, oldest_ms = c->cells ? now_ms : UINT64_MAX;
	uint32_t best = NO_WAY;
	if (!atomic_load_explicit(&b->tags[home], memory_order_relaxed))
		return home;
	for (uint32_t way = 0; way < t->spec.ways; way++) {
		const struct stick_entry *e = stick_entry_at(t, b, way);
		if (!atomic_load_explicit(&b->tags[way], memory_order_relaxed))
			return way;
		bool must_stay = e->refs ||
				 (t->spec.is_nopurge && !stick_is_expired(t, e, now_ms));
		if (must_stay || e->used_ms >= oldest_ms)
			continue;
		oldest_ms = e->used_ms;
		best = way;
	}
	if (best != NO_WAY && !stick_is_expired(t, stick_entry_at(t, b, best), now_ms))
		count(t, SHM_TABLE_evicted);
	return best;
}

static enum shm_stick_result
update_locked(struct shm *s, struct shm_stick *t, struct stick_bucket *b, uint64_t bucket,
	      uint64_t hash, const void *key, const struct change *c)
{
	uint8_t tag = stick_tag_of(hash);
	uint32_t way = stick_find(t, b, hash, key);
	bool is_there = way < NO_WAY;
	if (is_there) {
		memcpy(t->scratch, stick_way(t, b, way), t->spec.entry_bytes);
		is_there = !stick_is_expired(t, scratch(t), c->now_ms);
	}
	if (is_there && c->cells)
		return SHM_STICK_OK; /* what was counted meanwhile stands */
	if (!is_there) {
		if (!(c->flags & SHM_STICK_CREATE))
			return SHM_STICK_NONE;
		if (way == NO_WAY)
			way = make_way(t, b, stick_home_of(t, hash), c);
		if (way == NO_WAY) {
			count(t, SHM_TABLE_refused);
			return SHM_STICK_FULL;
		}
		make_entry(t, b, key);
		count(t, SHM_TABLE_stored);
	}
	if (!change_entry(s, t, b, bucket, way, tag, c))
		return SHM_STICK_FULL;
	return is_there ? SHM_STICK_OK : SHM_STICK_NEW;
}

static enum shm_stick_result
change_key(struct shm *s, struct shm_stick *t, const void *key, const struct change *c)
{
	uint64_t hash = stick_hash(t, key), bucket = stick_bucket_of(t, hash);
	struct stick_bucket *b = stick_bucket_at(t, bucket);
	stick_fetch(t, b, hash);
	if (c->flags & SHM_STICK_HOLD)
		shm_ledger_note(s, t->table, bucket);
	if (!bucket_lock(s, t, b))
		return SHM_STICK_BUSY;
	enum shm_stick_result r = update_locked(s, t, b, bucket, hash, key, c);
	bucket_unlock(s, b);
	return r;
}

enum shm_stick_result
shm_stick_update(struct shm *s, struct shm_stick *t, const void *key, uint64_t now_ms,
		 const struct shm_stick_op *ops, unsigned ops_n, unsigned flags,
		 struct shm_stick_ref *ref, uint64_t *values)
{
	const struct change c = {.now_ms = stick_time(now_ms),
				 .ops = ops,
				 .ops_n = ops_n,
				 .flags = flags,
				 .ref = ref,
				 .values = values};
	return change_key(s, t, key, &c);
}

enum shm_stick_result
shm_stick_take(struct shm *s, struct shm_stick *t, const void *key, uint64_t now_ms,
	       const struct shm_stick_limit *l, struct shm_token *out)
{
	const struct change c = {.now_ms = stick_time(now_ms),
				 .flags = SHM_STICK_CREATE,
				 .limit = l,
				 .token = out};
	return change_key(s, t, key, &c);
}

enum shm_stick_result
shm_stick_restore(struct shm *s, struct shm_stick *t, const void *key, uint64_t used_ms,
		  const uint64_t *cells)
{
	const struct change c = {
		.now_ms = used_ms, .flags = SHM_STICK_CREATE, .cells = cells};
	return change_key(s, t, key, &c);
}

enum shm_stick_result
shm_stick_update_ref(struct shm *s, struct shm_stick *t, struct shm_stick_ref *ref,
		     uint64_t now_ms, const struct shm_stick_op *ops, unsigned ops_n,
		     unsigned flags, uint64_t *values)
{
	const struct change c = {.now_ms = stick_time(now_ms),
				 .ops = ops,
				 .ops_n = ops_n,
				 .flags = flags & ~(unsigned)SHM_STICK_HOLD,
				 .ref = ref,
				 .values = values};
	struct stick_bucket *b = stick_bucket_at(t, ref->bucket);
	enum shm_stick_result r = SHM_STICK_NONE;
	if (flags & SHM_STICK_LEAVE)
		shm_ledger_note(s, t->table, ref->bucket);
	if (!bucket_lock(s, t, b))
		return SHM_STICK_BUSY;
	memcpy(t->scratch, stick_way(t, b, ref->way), t->spec.entry_bytes);
	uint8_t tag = atomic_load_explicit(&b->tags[ref->way], memory_order_relaxed);
	if (tag && scratch(t)->birth == ref->birth) {
		r = change_entry(s, t, b, ref->bucket, ref->way, tag, &c)
			    ? SHM_STICK_OK
			    : SHM_STICK_FULL;
	} else if (flags &
		   SHM_STICK_LEAVE) { /* removed under us: only our record is left */
		shm_ledger_clear(s, s->slot, ref->record - 1);
		shm_ledger_give(s, ref->record - 1);
		ref->record = 0;
	}
	bucket_unlock(s, b);
	return r;
}

enum shm_stick_result
shm_stick_remove(struct shm *s, struct shm_stick *t, const void *key)
{
	uint64_t hash = stick_hash(t, key);
	struct stick_bucket *b = stick_bucket_at(t, stick_bucket_of(t, hash));
	if (!bucket_lock(s, t, b))
		return SHM_STICK_BUSY;
	uint32_t way = stick_find(t, b, hash, key);
	if (way < NO_WAY)
		publish(s, t, b, way, 0, NULL);
	bucket_unlock(s, b);
	return way < NO_WAY ? SHM_STICK_OK : SHM_STICK_NONE;
}

/* --- after a death
 * ---------------------------------------------------------------------- */

/* One reference of a dead process; false: busy. */
static bool
release_ref(struct shm *s, const struct shm_stick *t,
	    const struct shm_ledger_change *held)
{
	struct shm_ledger_change freed = {.slot = held->slot, .record = held->record};
	const struct stick_column *cur = stick_spec_find(&t->spec, STICK_conn_cur);
	struct stick_bucket *b = stick_bucket_at(t, held->bucket);
	shm_ledger_note(s, t->table, held->bucket);
	if (!bucket_lock(s, t, b))
		return false;
	memcpy(t->scratch, stick_way(t, b, held->way), t->spec.entry_bytes);
	struct stick_entry *e = scratch(t);
	uint8_t tag = atomic_load_explicit(&b->tags[held->way], memory_order_relaxed);
	if (tag && e->birth == held->birth && e->refs > 0) {
		e->refs--;
		uint64_t *cell = cur ? stick_cells(t, t->scratch) + cur->cell : NULL;
		if (cell && *cell > 0)
			--*cell;
		publish(s, t, b, held->way, tag, &freed);
	} else {
		shm_ledger_clear(s, held->slot, held->record);
	}
	bucket_unlock(s, b);
	return true;
}

/* The handle for a table, kept from one call to the next. */
static bool
switch_table(const struct shm *s, struct shm_stick *t, uint32_t table)
{
	struct shm_object o;
	if (t->memory && t->table == table)
		return true;
	shm_stick_fini(t);
	return shm_object_at(s, table, &o) && shm_stick_open(t, &o);
}

/* The bucket in which the dead one may have died: once its lock was taken after the
 * death, what an heir puts back of the ledger has been put back. false: busy. */
static bool
repair_noted(struct shm *s, struct shm_stick *t, uint32_t slot)
{
	uint32_t table;
	uint64_t bucket;
	if (!shm_ledger_noted(s, slot, &table, &bucket) || !switch_table(s, t, table) ||
	    bucket >= t->spec.buckets_n)
		return true;
	struct stick_bucket *b = stick_bucket_at(t, bucket);
	if (!bucket_lock(s, t, b))
		return false;
	bucket_unlock(s, b);
	return true;
}

bool
shm_stick_release(struct shm *s, uint32_t slot)
{
	struct shm_stick t = {.table = UINT32_MAX};
	uint32_t records_n = shm_ledger_records_n(s);
	bool is_done = repair_noted(s, &t, slot);
	for (uint32_t i = 0; i < records_n && is_done; i++) {
		struct shm_ledger_change held;
		if (!shm_ledger_read(shm_ledger_at(s, slot, i), &held))
			continue;
		held.slot = slot;
		held.record = i;
		if (switch_table(s, &t, held.table) && held.bucket < t.spec.buckets_n &&
		    held.way < t.spec.ways)
			is_done = release_ref(s, &t, &held);
		else
			shm_ledger_clear(s, slot, i); /* damage, or the table is gone */
	}
	shm_stick_fini(&t);
	if (is_done && slot != s->slot)
		shm_ledger_forget(s, slot);
	return is_done;
}

/* --- birth and death -------------------------------------------------------------------
 */

void
shm_stick_format(void *memory, const struct stick_spec *spec)
{
	struct stick_head *head = memory;
	must(stick_spec_write(spec, head->text) > 0);
	head->magic = SHM_STICK_MAGIC;
}

void
shm_stick_bury(struct shm *s, bool (*is_alive)(void *arg, uint32_t tid), void *arg)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_object o;
		struct shm_stick t;
		if (!shm_object_at(s, i, &o) || o.kind != SHM_TABLE ||
		    !shm_stick_open(&t, &o))
			continue;
		for (uint64_t bucket = 0; bucket < t.spec.buckets_n; bucket++)
			shm_lock_bury(&stick_bucket_at(&t, bucket)->lock, is_alive, arg);
		shm_stick_fini(&t);
	}
}

/* Everything but the look at the memory. */
static void
handle_fill(struct shm_stick *t, const struct stick_spec *spec,
	    const struct shm_object *o)
{
	*t = (struct shm_stick){.spec = *spec,
				.memory = o->area,
				.table = o->index,
				.counters = o->cells};
	for (uint32_t i = 0; i < spec->columns_n; i++) {
		const struct stick_column *c = &spec->columns[i];
		for (uint32_t j = 0; j < c->n; j++) {
			uint32_t cells = c->period_ms ? SHM_RATE_CELLS : 1;
			t->cell_of[c->value + j] = (uint16_t)(c->cell + j * cells);
			t->period_of[c->value + j] = c->period_ms;
		}
	}
	t->scratch = must_alloc(spec->entry_bytes);
}

bool
shm_stick_init(struct shm_stick *t, const struct stick_spec *spec,
	       const struct shm_object *o)
{
	const struct stick_head *head = o->area;
	char text[STICK_TEXT_BYTES];
	if (!head || spec->bytes > o->area_bytes || head->magic != SHM_STICK_MAGIC ||
	    !stick_spec_write(spec, text) || strncmp(head->text, text, sizeof(text)) != 0)
		return false;
	handle_fill(t, spec, o);
	return true;
}

bool
shm_stick_open(struct shm_stick *t, const struct shm_object *o)
{
	const struct stick_head *head = o->area;
	struct stick_spec spec;
	char text[STICK_TEXT_BYTES]; /* a copy: what is checked is what is used */
	if (!head || o->area_bytes < STICK_HEAD_BYTES)
		return false;
	memcpy(text, head->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	if (head->magic != SHM_STICK_MAGIC || !stick_spec_read(text, &spec) ||
	    spec.bytes > o->area_bytes)
		return false;
	handle_fill(t, &spec, o);
	return true;
}

void
shm_stick_fini(struct shm_stick *t)
{
	free(t->scratch);
	*t = (struct shm_stick){0};
}

const void *
shm_stick_key(const struct shm_stick *t, const void *bytes, size_t n,
	      unsigned char out[STICK_KEY_BYTES_MAX])
{
	if (n > t->spec.key_bytes)
		n = t->spec.key_bytes;
	memcpy(out, bytes, n);
	memset(out + n, 0, t->spec.key_bytes - n);
	return out;
}
