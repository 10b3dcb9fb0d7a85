/* SPDX-License-Identifier: MIT
 *
 * Process slots and leases. The master gives slots out and takes them back; each
 * process beats, waits and reports in its own; anybody reads and mails.
 *
 * The master keeps in private memory which slots are free: what the pages say is for
 * readers.
 */
#include "shm/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "shm/layout.h"
#include "shm/queue.h"
#include "shm/seq.h"
#include "shm/sessions.h"
#include "shm/stick/stick.h"

_Static_assert(sizeof(struct shm_identity_data) % 4 == 0, "copied by words");

/* --- processes ------------------------------------------------------------------ */

/* Reads field 22 of /proc/PID/stat and whether there is more than a zombie; the second
 * field, the name, may hold anything. 0: no such process, or /proc can't be read. */
static uint64_t
process_look(uint32_t pid, bool *is_zombie)
{
	char path[40], text[1024];
	*is_zombie = false;
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	char *p = strrchr(text, ')');
	if (p && p[1] == ' ')
		*is_zombie = p[2] == 'Z' || p[2] == 'X';
	/* p stands before field 3, so field 22 is behind the 20th space from there */
	for (int spaces = 0; p && spaces < 20; spaces++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

uint64_t
shm_process_start_time(uint32_t pid)
{
	bool is_zombie;
	return process_look(pid, &is_zombie);
}

bool
shm_process_is_alive(uint32_t pid, uint64_t start_time)
{
	bool is_zombie;
	if (pid == 0 || pid > INT32_MAX)
		return false;
	if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
		return false;
	/* no answer (hidden /proc, chroot): believe kill() */
	uint64_t now = process_look(pid, &is_zombie);
	return !is_zombie && (now == 0 || start_time == 0 || now == start_time);
}

/* --- identities ------------------------------------------------------------------- */

void
shm_identity_read(const struct shm *s, uint32_t slot, struct shm_identity_data *out)
{
	const struct shm_identity *id = shm_identity(s, slot);
	shm_seq_read(&id->seq, out, &id->data, sizeof(*out));
}

void
shm_identity_write(struct shm *s, uint32_t slot, const struct shm_identity_data *d)
{
	struct shm_identity *id = shm_identity(s, slot);
	shm_seq_write(&id->seq, &id->data, d, sizeof(*d));
}

static uint64_t
lease_of(uint32_t slot, uint64_t epoch)
{
	return epoch << 16 | slot;
}

static void
slot_begin(struct shm *s, uint32_t slot)
{
	struct shm_slot *p = shm_slot(s, slot);
	atomic_store(&p->conns, 0);
	for (int i = 0; i < 4; i++)
		atomic_store(&p->waiting[i], 0);
	atomic_store(&p->mail, 0);
	atomic_store(&p->wake_at_ms, 0);
	atomic_store(&p->leave_at_ms, 0);
	atomic_store(&p->section, 0);
	atomic_store(&p->heartbeat_ms, clock_mono_ms());
	atomic_store(&p->state, SHM_PROC_STARTING);
}

static void
slot_clear(struct shm *s, uint32_t slot)
{
	struct shm_slot *p = shm_slot(s, slot);
	atomic_store(&p->state, SHM_PROC_FREE);
	atomic_store(&p->conns, 0);
	shm_identity_write(s, slot, &(struct shm_identity_data){0});
	s->slot_use[slot] = SHM_SLOT_IS_FREE;
}

int
shm_slot_reserve(struct shm *s, enum shm_role role, uint32_t index, uint64_t generation)
{
	uint32_t slot = role == SHM_ROLE_MASTER ? SHM_SLOT_MASTER : 1;
	while (slot < s->at.slots_n && s->slot_use[slot] != SHM_SLOT_IS_FREE)
		slot++;
	if (slot == s->at.slots_n)
		return -1;
	must(role != SHM_ROLE_WORKER || index < s->at.workers_max);
	uint64_t epoch = atomic_fetch_add(&shm_header(s)->epoch, 1) + 1;
	struct shm_identity_data d = {
		.index = index,
		.role = (uint32_t)role,
		.generation = generation,
		.epoch = epoch,
		.started_wall_s = clock_wall_us() / 1000000,
	};
	shm_identity_write(s, slot, &d);
	s->slot_use[slot] = SHM_SLOT_IS_USED;
	slot_begin(s, slot);
	return (int)slot;
}

void
shm_slot_identify(struct shm *s, uint32_t slot, uint32_t pid)
{
	struct shm_identity_data d;
	must(slot < s->at.slots_n);
	shm_identity_read(s, slot, &d);
	d.pid = pid;
	d.start_time = shm_process_start_time(pid);
	shm_identity_write(s, slot, &d);
	if (slot == SHM_SLOT_MASTER) {
		shm_self_enter(s, slot);
		s->live.master_pid = pid;
		s->live.master_start_time = d.start_time;
		shm_live_publish(s);
	}
}

static void
lock_register(struct shm *s)
{
	shm_lock_register(&s->lock);
	s->lock.section = &shm_slot(s, s->slot)->section;
	s->lock.base = (uintptr_t)s->base;
}

/* Called in every process at its start, and in the master. */
void
shm_self_enter(struct shm *s, uint32_t slot)
{
	struct shm_identity_data d;
	must(slot < s->at.slots_n);
	shm_identity_read(s, slot, &d);
	s->slot = slot;
	s->role = (enum shm_role)d.role;
	s->lease = lease_of(slot, d.epoch);
	uint32_t lane = s->at.workers_max;
	switch (s->role) {
	case SHM_ROLE_WORKER:
		must(d.index < s->at.workers_max);
		must(d.index < atomic_load(&shm_header(s)->workers_n));
		lane = d.index;
		break;
	case SHM_ROLE_CHECKER:
		break;
	case SHM_ROLE_CONTROL:
		lane += 1;
		break;
	case SHM_ROLE_MASTER:
		lane += 2;
		break;
	case SHM_ROLES_N:
		must(!"a role");
	}
	shm_lane = shm_cells(s, lane);
	lock_register(s);
}

void
shm_self_enter_master(struct shm *s)
{
	s->slot = SHM_SLOT_MASTER;
	s->role = SHM_ROLE_MASTER;
	shm_lane = shm_cells(s, s->at.workers_max + 2);
	lock_register(s);
}

/* --- giving back what a dead process held ------------------------------------------- */

/* False: a gauge was busy; the slot stays taken and is tried again. */
static bool
slot_drop(struct shm *s, uint32_t slot)
{
	uint32_t n = shm_objects_n(s);
	bool is_clean = true;
	shm_sessions_drop(s, slot);
	for (uint32_t i = 0; i < n; i++)
		is_clean &= shm_gauge_drop(s, shm_gauge_of(s, i), slot);
	is_clean &= shm_stick_release(s, slot);
	is_clean &= shm_queue_drop(s, slot);
	return is_clean;
}

void
shm_slot_release(struct shm *s, uint32_t slot)
{
	struct shm_identity_data d;
	must(slot != SHM_SLOT_MASTER && slot < s->at.slots_n);
	if (s->slot_use[slot] != SHM_SLOT_IS_USED)
		return;
	if (slot_drop(s, slot)) {
		slot_clear(s, slot);
		return;
	}
	/* nobody is there any more, but the ledger is */
	shm_identity_read(s, slot, &d);
	d.pid = 0;
	shm_identity_write(s, slot, &d);
	atomic_store(&shm_slot(s, slot)->state, SHM_PROC_FREE);
	s->slot_use[slot] = SHM_SLOT_IS_RELEASING;
	s->unreleased_n++;
}

bool
shm_slots_settle(struct shm *s)
{
	for (uint32_t slot = 1; s->unreleased_n > 0 && slot < s->at.slots_n; slot++) {
		struct shm_identity_data d;
		if (s->slot_use[slot] == SHM_SLOT_IS_ORPHAN) {
			shm_identity_read(s, slot, &d);
			if (shm_process_is_alive(d.pid, d.start_time))
				continue;
		} else if (s->slot_use[slot] != SHM_SLOT_IS_RELEASING) {
			continue;
		}
		if (slot_drop(s, slot)) {
			slot_clear(s, slot);
			s->unreleased_n--;
		}
	}
	return s->unreleased_n == 0;
}

/* The only owners a lock may have before our own children are started. */
static bool
is_orphan(void *arg, uint32_t tid)
{
	const struct shm *s = arg;
	struct shm_identity_data d;
	for (uint32_t slot = 1; slot < s->at.slots_n; slot++) {
		if (s->slot_use[slot] != SHM_SLOT_IS_ORPHAN)
			continue;
		shm_identity_read(s, slot, &d);
		if (d.pid == tid)
			return true;
	}
	return false;
}

void
shm_slots_adopt(struct shm *s)
{
	uint32_t objects_n = shm_objects_n(s);
	for (uint32_t slot = 1; slot < s->at.slots_n; slot++) {
		struct shm_identity_data d;
		shm_identity_read(s, slot, &d);
		if (d.pid == 0 || !shm_process_is_alive(d.pid, d.start_time))
			continue;
		s->slot_use[slot] = SHM_SLOT_IS_ORPHAN;
		s->unreleased_n++;
	}
	for (uint32_t i = 0; i < objects_n; i++)
		shm_lock_bury(&shm_gauge_of(s, i)->lock, is_orphan, s);
	shm_stick_bury(s, is_orphan, s);
	shm_queue_bury(s, is_orphan, s);
	for (uint32_t slot = 0; slot < s->at.slots_n; slot++) {
		if (s->slot_use[slot] == SHM_SLOT_IS_ORPHAN)
			continue;
		if (slot_drop(s, slot) || slot == SHM_SLOT_MASTER) {
			slot_clear(s, slot);
		} else {
			s->slot_use[slot] = SHM_SLOT_IS_RELEASING;
			s->unreleased_n++;
		}
	}
	for (uint32_t i = 0; i < objects_n; i++) {
		uint32_t cur;
		uint64_t held;
		if (!shm_gauge_sum(s, shm_gauge_of(s, i), &cur, &held) || cur != held)
			shm_gauge_recount(s, shm_gauge_of(s, i));
	}
}

void
shm_slot_claim(struct shm *s, uint32_t slot)
{
	must(slot < s->at.slots_n && s->slot_use[slot] == SHM_SLOT_IS_ORPHAN);
	s->slot_use[slot] = SHM_SLOT_IS_USED;
	s->unreleased_n--;
}

/* --- leases and mail
 * -------------------------------------------------------------------- */

void
shm_lease_grant(struct shm *s, enum shm_role role, uint32_t slot)
{
	struct shm_identity_data d;
	must((unsigned)role < SHM_ROLES_N && slot < s->at.slots_n);
	shm_identity_read(s, slot, &d);
	atomic_store_explicit(&shm_leases(s)->owner[role], lease_of(slot, d.epoch),
			      memory_order_release);
}

int
shm_lease_holder(const struct shm *s, enum shm_role role)
{
	struct shm_identity_data d;
	must((unsigned)role < SHM_ROLES_N);
	uint64_t owner = atomic_load(&shm_leases(s)->owner[role]);
	uint32_t slot = owner & UINT16_MAX;
	if (!owner || slot >= s->at.slots_n)
		return -1;
	shm_identity_read(s, slot, &d);
	bool holds = lease_of(slot, d.epoch) == owner &&
		     shm_process_is_alive(d.pid, d.start_time);
	return holds ? (int)slot : -1;
}

void
shm_leases_sweep(struct shm *s)
{
	for (int role = 0; role < SHM_ROLES_N; role++)
		if (role == SHM_ROLE_MASTER ||
		    shm_lease_holder(s, (enum shm_role)role) < 0)
			atomic_store(&shm_leases(s)->owner[role], 0);
}

bool
shm_lease_is_mine(const struct shm *s, enum shm_role role)
{
	return (unsigned)role < SHM_ROLES_N &&
	       atomic_load_explicit(&shm_leases(s)->owner[role], memory_order_acquire) ==
		       s->lease;
}

void
shm_slot_mail(struct shm *s, uint32_t slot, uint32_t bits)
{
	if (slot < s->at.slots_n)
		atomic_fetch_or(&shm_slot(s, slot)->mail, bits);
}

void
shm_slots_mail_workers(struct shm *s, uint32_t bits, void (*poke)(uint32_t slot))
{
	for (uint32_t slot = 1; slot < s->at.slots_n; slot++) {
		struct shm_slot_view v;
		if (!shm_slot_view(s, slot, &v) || v.role != SHM_ROLE_WORKER)
			continue;
		shm_slot_mail(s, slot, bits);
		poke(slot);
	}
}

/* --- the process itself
 * ------------------------------------------------------------------ */

void
shm_slot_set_state(struct shm *s, enum shm_proc_state state)
{
	atomic_store_explicit(&shm_slot(s, s->slot)->state, (uint32_t)state,
			      memory_order_release);
}

void
shm_slot_drain(struct shm *s, uint64_t leave_at_ms)
{
	atomic_store_explicit(&shm_slot(s, s->slot)->leave_at_ms, leave_at_ms,
			      memory_order_release);
	shm_slot_set_state(s, SHM_PROC_DRAINING);
}

uint32_t
shm_slot_take_mail(struct shm *s)
{
	struct shm_slot *p = shm_slot(s, s->slot);
	if (atomic_load_explicit(&p->mail, memory_order_relaxed) == 0)
		return 0;
	return atomic_exchange(&p->mail, 0);
}

void
shm_slot_beat(struct shm *s, uint64_t now_ms)
{
	struct shm_slot *p = shm_slot(s, s->slot);
	atomic_store_explicit(&p->heartbeat_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&p->wake_at_ms, 0, memory_order_release);
}

void
shm_slot_wait(struct shm *s, uint64_t now_ms, uint64_t wake_at_ms)
{
	struct shm_slot *p = shm_slot(s, s->slot);
	atomic_store_explicit(&p->heartbeat_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&p->wake_at_ms, wake_at_ms ? wake_at_ms : 1,
			      memory_order_release);
}

void
shm_slot_report(struct shm *s, uint32_t conns, const uint32_t waiting[4])
{
	struct shm_slot *p = shm_slot(s, s->slot);
	atomic_store_explicit(&p->conns, conns, memory_order_relaxed);
	for (int i = 0; i < 4; i++)
		atomic_store_explicit(&p->waiting[i], waiting ? waiting[i] : 0,
				      memory_order_relaxed);
}

/* --- anybody
 * ---------------------------------------------------------------------------------- */

bool
shm_slot_view(const struct shm *s, uint32_t slot, struct shm_slot_view *out)
{
	struct shm_identity_data d;
	if (slot >= s->at.slots_n)
		return false;
	shm_identity_read(s, slot, &d);
	if (d.pid == 0 || d.role >= SHM_ROLES_N)
		return false;
	const struct shm_slot *p = shm_slot(s, slot);
	uint32_t state = atomic_load_explicit(&p->state, memory_order_acquire);
	*out = (struct shm_slot_view){
		.slot = slot,
		.pid = d.pid,
		.index = d.index,
		.role = (enum shm_role)d.role,
		.state = state <= SHM_PROC_DRAINING ? (enum shm_proc_state)state
						    : SHM_PROC_STARTING,
		.generation = d.generation,
		.epoch = d.epoch,
		.start_time = d.start_time,
		.started_wall_s = d.started_wall_s,
		.heartbeat_ms = atomic_load(&p->heartbeat_ms),
		.wake_at_ms = atomic_load(&p->wake_at_ms),
		.leave_at_ms = atomic_load(&p->leave_at_ms),
		.conns = atomic_load(&p->conns),
	};
	for (int i = 0; i < 4; i++)
		out->waiting[i] = atomic_load(&p->waiting[i]);
	return true;
}

bool
shm_slot_is_alive(const struct shm *s, uint32_t slot)
{
	struct shm_identity_data d;
	must(slot < s->at.slots_n);
	shm_identity_read(s, slot, &d);
	return shm_process_is_alive(d.pid, d.start_time);
}

uint32_t
shm_slots_n(const struct shm *s)
{
	return s->at.slots_n;
}

int
shm_slot_of_worker(const struct shm *s, uint32_t index)
{
	int best = -1;
	uint64_t newest = 0;
	for (uint32_t slot = 1; slot < s->at.slots_n; slot++) {
		struct shm_identity_data d;
		shm_identity_read(s, slot, &d);
		if (d.pid == 0 || d.role != SHM_ROLE_WORKER || d.index != index)
			continue;
		if (atomic_load(&shm_slot(s, slot)->state) != SHM_PROC_READY)
			continue;
		if (best < 0 || d.generation >= newest) {
			best = (int)slot;
			newest = d.generation;
		}
	}
	return best;
}

bool
shm_slot_is_stale(const struct shm *s, uint32_t slot, uint64_t now_ms, uint64_t stale_ms)
{
	struct shm_identity_data d;
	if (slot >= s->at.slots_n)
		return true;
	shm_identity_read(s, slot, &d);
	if (d.pid == 0)
		return true;
	const struct shm_slot *p = shm_slot(s, slot);
	uint64_t wake = atomic_load_explicit(&p->wake_at_ms, memory_order_acquire);
	uint64_t alive = atomic_load_explicit(&p->heartbeat_ms, memory_order_relaxed);
	if (wake > alive)
		alive = wake;
	return now_ms > alive && now_ms - alive > stale_ms;
}

/* Reserved slots without a pid count as well: their process is about to be. */
uint64_t
shm_oldest_generation(const struct shm *s)
{
	uint64_t oldest = UINT64_MAX;
	for (uint32_t slot = 1; slot < s->at.slots_n; slot++) {
		struct shm_identity_data d;
		shm_identity_read(s, slot, &d);
		if (d.epoch != 0 && d.generation < oldest)
			oldest = d.generation;
	}
	return oldest;
}
