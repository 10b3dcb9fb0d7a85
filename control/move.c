/* SPDX-License-Identifier: MIT
 *
 * Stick tables whose shape the configuration has changed: their entries move over, a few
 * between other work. Control, with the lease.
 */
#include <stdlib.h>
#include <syslog.h>

#include "control/self.h"
#include "lib/base/must.h"
#include "shm/stick/move.h"

enum { AT_ONCE = 2000, PAUSE_MS = 1 };

struct mover {
	struct net_timer timer;
	size_t next; /* of cfg->tables */
	bool is_moving;
	struct shm_stick_move move;
};

static void
tell_lost(const char *name, uint32_t lost)
{
	for (int type = 0; type < STICK_TYPES_N; type++)
		if (lost & 1u << type)
			control_log(LOG_WARNING,
				    "table %s: the new shape has no room for %s", name,
				    stick_type_name((enum stick_type)type));
}

static void
begin(struct mover *m, const struct cfg_table *t)
{
	char id[SHM_ADDR_BYTES];
	struct shm_object o;
	stick_spec_id(&t->spec, id, sizeof(id));
	if (!shm_find(control.shm, SHM_TABLE, "", t->name, id, &o))
		return;
	switch (shm_stick_move_begin(&m->move, control.shm, &o)) {
	case SHM_STICK_NOTHING:
		break;
	case SHM_STICK_OTHER_KEYS:
		control_log(LOG_WARNING,
			    "table %s: keys of another type, it begins empty", t->name);
		break;
	case SHM_STICK_MOVES:
		m->is_moving = true;
		tell_lost(t->name, m->move.lost);
		break;
	}
}

static void
step(struct net_timer *timer)
{
	struct mover *m = control.mover;
	uint64_t now_ms = net_loop_now_ms(control.loop);
	if (!m->is_moving) {
		if (m->next == control.cfg->tables_n) {
			free(m);
			control.mover = NULL;
			return;
		}
		begin(m, control.cfg->tables[m->next++]);
	} else if (!shm_stick_move_some(&m->move, control.shm, now_ms, AT_ONCE)) {
		control_log(LOG_NOTICE, "table %s: %llu keys moved to its new shape",
			    control.cfg->tables[m->next - 1]->name,
			    (unsigned long long)m->move.moved_n);
		shm_stick_move_end(&m->move);
		m->is_moving = false;
	}
	net_timer_set(control.loop, timer, now_ms + PAUSE_MS);
}

void
move_begin(void)
{
	struct mover *m = control.mover = must_calloc(1, sizeof(*m));
	net_timer_init(&m->timer, step);
	net_timer_set(control.loop, &m->timer, net_loop_now_ms(control.loop) + 1);
}
