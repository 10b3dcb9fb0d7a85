/* SPDX-License-Identifier: MIT
 *
 * A table that was given another shape: what the former one knows goes over. Control,
 * a few entries at a time; workers of older generations go on in the former one.
 */
#include "shm/stick/move.h"

#include <string.h>

#include "lib/base/must.h"
#include "shm/layout.h"
#include "shm/stick/memory.h"

/* Whether entry i is a table the current generation does without, with its memory: the
 * next reload may give that to others. */
static bool
is_former(const struct shm *s, uint32_t i, struct shm_entry_data *d)
{
	return shm_entry_read(s, i, d) && d->state == SHM_ENTRY_GONE &&
	       d->gone_generation == shm_header(s)->live.generation &&
	       d->facts.kind == SHM_TABLE && d->area_bytes;
}

static bool
find_former(const struct shm *s, const char *name, struct shm_object *out)
{
	for (uint32_t i = 0; i < shm_objects_n(s); i++) {
		struct shm_entry_data d;
		if (!is_former(s, i, &d) || strcmp(d.facts.name, name) != 0)
			continue;
		shm_object_fill(s, i, &d, out);
		return out->area != NULL;
	}
	return false;
}

static void
map_values(struct shm_stick_move *m)
{
	for (uint32_t i = 0; i < m->from.spec.columns_n; i++) {
		const struct stick_column *a = &m->from.spec.columns[i];
		enum stick_type type = (enum stick_type)a->type;
		const struct stick_column *b = stick_spec_find(&m->to.spec, type);
		if (!b || b->n < a->n)
			m->lost |= 1u << type;
		if (!b || stick_type_kind(type) == STICK_IS_GAUGE)
			continue; /* what is held is held in the former one */
		for (uint8_t j = 0; j < a->n && j < b->n; j++) {
			m->source[m->ops_n] = (uint16_t)(a->value + j);
			m->ops[m->ops_n++] = (struct shm_stick_op){
				(uint16_t)(b->value + j), SHM_STICK_SET, 0};
		}
	}
}

enum shm_stick_moving
shm_stick_move_begin(struct shm_stick_move *m, const struct shm *s,
		     const struct shm_object *table)
{
	struct shm_object former;
	struct shm_facts f;
	memset(m, 0, sizeof(*m));
	shm_object_facts(s, table, &f);
	if (!shm_stick_open(&m->to, table))
		return SHM_STICK_NOTHING;
	struct stick_head *head = (struct stick_head *)(void *)m->to.memory;
	bool is_first = !atomic_exchange(&head->is_settled, 1);
	if (!is_first || !find_former(s, f.name, &former) ||
	    !shm_stick_open(&m->from, &former)) {
		shm_stick_move_end(m);
		return SHM_STICK_NOTHING;
	}
	if (m->from.spec.key != m->to.spec.key ||
	    m->from.spec.key_bytes != m->to.spec.key_bytes) {
		shm_stick_move_end(m);
		return SHM_STICK_OTHER_KEYS;
	}
	map_values(m);
	return SHM_STICK_MOVES;
}

/* Where both have a key, what the new one has counted meanwhile stands. */
static void
move_one(struct shm_stick_move *m, struct shm *s, uint64_t now_ms)
{
	struct shm_stick_view seen;
	const struct stick_spec *from = &m->from.spec;
	uint64_t idle_ms = from->expire_ms > m->view.expires_in_ms && !m->view.refs
				   ? from->expire_ms - m->view.expires_in_ms
				   : 0;
	if (shm_stick_read(&m->to, m->view.key, now_ms, &seen) == SHM_STICK_OK)
		return;
	for (unsigned i = 0; i < m->ops_n; i++)
		m->ops[i].n = m->view.values[m->source[i]];
	(void)shm_stick_update(s, &m->to, m->view.key, now_ms - idle_ms, m->ops, m->ops_n,
			       SHM_STICK_CREATE, NULL, NULL);
	m->moved_n++;
}

bool
shm_stick_move_some(struct shm_stick_move *m, struct shm *s, uint64_t now_ms,
		    unsigned most)
{
	struct shm_entry_data d;
	if (!is_former(s, m->from.table, &d))
		return false;
	while (most-- > 0) {
		enum shm_stick_result r =
			shm_stick_each(&m->from, &m->at, now_ms, &m->view);
		if (r == SHM_STICK_NONE)
			return false;
		if (r == SHM_STICK_OK)
			move_one(m, s, now_ms);
	}
	return true;
}

void
shm_stick_move_end(struct shm_stick_move *m)
{
	shm_stick_fini(&m->from);
	shm_stick_fini(&m->to);
}
