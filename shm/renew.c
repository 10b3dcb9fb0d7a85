/* SPDX-License-Identifier: MIT
 *
 * An object made new while others use it: under its locks, as far as their owners run.
 * Who is in the middle of a change afterwards leaves a valid object behind, if not an
 * empty one. Master.
 */
#include <stdatomic.h>
#include <string.h>

#include "shm/layout.h"
#include "shm/mend.h"
#include "shm/queue_area.h"
#include "shm/stick/scan.h"

/* --- queues ------------------------------------------------------------------------- */

/* What the servers of a backend have of its queue. */
static void
forget_slots(struct shm *s, const char *backend)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (shm_entry_read(s, i, &d) && d.facts.kind == SHM_SERVER &&
		    strcmp(d.facts.parent, backend) == 0)
			shm_record(s, i)->server.slots = (struct shm_slots_of){0};
	}
}

static void
renew_queue(struct shm *s, const struct shm_object *backend, const char *name)
{
	struct shm_queue_area *a = backend->area;
	uint32_t tickets_n = tickets_in(backend->area_bytes);
	if (!a || !tickets_n)
		return;
	bool is_ours = shm_undo_open(s, &a->undo);
	atomic_store(&a->free, 0); /* the clock goes on: turns are compared */
	atomic_store(&a->used_n, 0);
	a->line = (struct shm_line){0};
	for (uint32_t i = 0; i < tickets_n; i++)
		atomic_store_explicit(&a->tickets[i].state, 0, memory_order_release);
	forget_slots(s, name);
	if (is_ours)
		shm_undo_close(s, &a->undo);
	else
		atomic_store(&a->undo.lock, 0);
}

static void
renew_queue_of(struct shm *s, const char *backend)
{
	struct shm_object o;
	if (!shm_find(s, SHM_BACKEND, "", backend, NULL, &o))
		return;
	renew_queue(s, &o, backend);
	atomic_fetch_add(&o.backend->version, 1);
}

/* --- tables ------------------------------------------------------------------------- */

/* Births go on: who holds a reference finds that his entry is gone. */
static void
renew_bucket(struct shm *s, const struct shm_stick *t, struct stick_bucket *b)
{
	enum shm_lock got = shm_lock_take(&s->lock, &b->lock);
	uint32_t odd = atomic_load(&b->seq) | 1;
	atomic_store(&b->undo_way, UINT32_MAX); /* nothing to put back */
	atomic_store(&b->undo_record, 0);
	atomic_store(&b->seq, odd);
	for (uint32_t way = 0; way < STICK_WAYS; way++)
		atomic_store_explicit(&b->tags[way], 0, memory_order_relaxed);
	memset(stick_spare(b), 0, t->spec.bucket_bytes - sizeof(*b));
	atomic_store(&b->seq, odd + 1);
	if (got == SHM_LOCK_BUSY)
		atomic_store(&b->lock, 0);
	else
		shm_lock_give(&s->lock, &b->lock);
}

static void
renew_table(struct shm *s, const struct shm_object *o)
{
	struct shm_stick t;
	if (!shm_stick_open(&t, o))
		return; /* who knows its shape formats it */
	for (uint64_t bucket = 0; bucket < t.spec.buckets_n; bucket++)
		renew_bucket(s, &t, stick_bucket_at(&t, bucket));
	shm_stick_fini(&t);
}

/* --- any ---------------------------------------------------------------------------- */

/* All of a record but its gauge, which lies behind. */
static void
renew_record(struct shm *s, uint32_t i, const struct shm_facts *f)
{
	struct shm_record *r = shm_record(s, i);
	uint64_t version = f->kind == SHM_BACKEND ? atomic_load(&r->backend.version) : 0;
	*r = (struct shm_record){
		.magic = SHM_RECORD_MAGIC, .bytes = s->at.record_bytes, .index = i};
	if (f->kind == SHM_SERVER)
		shm_server_begin(s, i, f);
	if (f->kind == SHM_BACKEND)
		atomic_store(&r->backend.version, version + 1);
}

void
shm_renew(struct shm *s, uint32_t index)
{
	struct shm_entry_data d;
	struct shm_object o;
	if (!shm_entry_read(s, index, &d))
		return;
	shm_object_fill(s, index, &d, &o);
	shm_gauge_renew(s, o.gauge);
	renew_record(s, index, &d.facts);
	if (d.facts.kind == SHM_SERVER)
		renew_queue_of(s, d.facts.parent);
	if (d.facts.kind == SHM_BACKEND)
		renew_queue(s, &o, d.facts.name);
	if (d.facts.kind == SHM_TABLE)
		renew_table(s, &o);
}
