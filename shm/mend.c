/* SPDX-License-Identifier: MIT
 *
 * Looking for damage in what workers write, and making new what is damaged. The master
 * does it when a child has crashed, and when it adopts a region; others go on meanwhile.
 */
#include "shm/mend.h"

#include <stdatomic.h>
#include <string.h>

#include "shm/layout.h"
#include "shm/queue.h"
#include "shm/sessions.h"
#include "shm/stick/stick.h"

struct mend {
	struct shm *s;
	uint32_t dead; /* slot */
	shm_mend_told *told;
	void *arg;
	unsigned n;
};

/* --- looking ------------------------------------------------------------------------ */

static bool
is_living(void *arg, uint32_t tid)
{
	const struct mend *m = arg;
	for (uint32_t slot = 0; slot < m->s->at.slots_n; slot++) {
		struct shm_identity_data d;
		if (m->s->slot_use[slot] == SHM_SLOT_IS_FREE || slot == m->dead)
			continue;
		shm_identity_read(m->s, slot, &d);
		if (d.pid == tid)
			return true;
	}
	return false;
}

static bool
record_is_sound(const struct shm *s, uint32_t i)
{
	const struct shm_record *r = shm_record(s, i);
	return r->magic == SHM_RECORD_MAGIC && r->bytes == s->at.record_bytes &&
	       r->index == i;
}

/* What the master wrote into the admin word must still be there. A master that was killed
 * in the middle of a commit leaves what was there before; the next commit writes it. */
static bool
server_is_sound(const struct mend *m, uint32_t i, const struct shm_entry_data *d)
{
	uint64_t word = atomic_load(&shm_record(m->s, i)->server.admin);
	struct shm_admin_word a = shm_admin_unpack(word);
	if (d->state != SHM_ENTRY_CURRENT)
		return true;
	if (shm_admin_pack(a) != word)
		return false;
	return m->dead == UINT32_MAX || (a.config_weight == d->facts.weight &&
					 a.config_disabled == d->facts.is_disabled);
}

static void
found(struct mend *m, uint32_t i, const struct shm_entry_data *d, const char *how)
{
	m->n++;
	shm_renew(m->s, i);
	if (m->told)
		m->told(m->arg, &d->facts, how);
}

static void
look_at(struct mend *m, uint32_t i)
{
	struct shm_entry_data d;
	struct shm *s = m->s;
	if (!shm_entry_read(s, i, &d))
		return;
	shm_lock_bury(&shm_gauge_of(s, i)->lock, is_living, m);
	if (!record_is_sound(s, i))
		found(m, i, &d, "its record was overwritten");
	else if (!shm_gauge_is_sound(s, shm_gauge_of(s, i)))
		found(m, i, &d, "what processes hold of it does not add up");
	else if (d.facts.kind == SHM_SERVER && !server_is_sound(m, i, &d))
		found(m, i, &d, "its state was overwritten");
}

static void
note_odd(void *arg, const struct shm_stick_odd *odd)
{
	(void)odd;
	*(bool *)arg = true;
}

static bool
is_sound_inside(struct mend *m, const struct shm_object *o)
{
	bool is_odd = false;
	if (o->kind == SHM_BACKEND)
		return shm_queue_verify(m->s, o, NULL, NULL) == 0;
	if (o->kind == SHM_TABLE)
		shm_stick_verify(m->s, o, note_odd, &is_odd);
	return !is_odd;
}

/* Damage was found somewhere, or somebody died in the middle: what is large is looked at
 * as well. */
static void
look_inside(struct mend *m)
{
	struct shm_entry_data d;
	struct shm_object o;
	shm_queue_bury(m->s, is_living, m);
	shm_stick_bury(m->s, is_living, m);
	shm_sessions_sweep(m->s);
	for (uint32_t i = 0; i < shm_objects_n(m->s); i++)
		if (shm_object_at(m->s, i, &o) && shm_entry_read(m->s, i, &d) &&
		    !is_sound_inside(m, &o))
			found(m, i, &d, "what is in it does not add up");
}

unsigned
shm_mend(struct shm *s, uint32_t dead, shm_mend_told *told, void *arg)
{
	struct mend m = {.s = s, .dead = dead, .told = told, .arg = arg};
	for (uint32_t i = 0; i < shm_objects_n(s); i++)
		look_at(&m, i);
	if (m.n || dead == UINT32_MAX)
		look_inside(&m);
	return m.n;
}

/* --- who died where ------------------------------------------------------------------
 */

int64_t
shm_slot_section(const struct shm *s, uint32_t slot)
{
	uint64_t off = atomic_load(&shm_slot(s, slot)->section);
	uint64_t records_bytes = (uint64_t)shm_objects_n(s) * s->at.record_bytes;
	if (off >= s->at.records_off && off - s->at.records_off < records_bytes)
		return (int64_t)((off - s->at.records_off) / s->at.record_bytes);
	for (uint32_t i = 0; off && i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (shm_entry_read(s, i, &d) && shm_area_at(s, &d) && off >= d.area_off &&
		    off - d.area_off < d.area_bytes)
			return i;
	}
	return -1;
}
