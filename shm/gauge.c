/* SPDX-License-Identifier: MIT
 *
 * Gauges that decide. Workers change them, the master takes away what a dead process
 * held, everybody reads.
 *
 * A change is: write the old values (undo record), make seq odd, store cur, store
 * held[slot], make seq even. Killed in between, the kernel marks the lock, and whoever
 * takes it next (the heir) finds seq odd and puts the old values back. Either way
 * cur == sum of held. Readers use seq as well.
 */
#include "shm/gauge.h"

#include "shm/layout.h"
#include "shm/seq.h"
#include "shm/slots.h"

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

static uint32_t
sum_held(const struct shm *s, const struct shm_gauge *g)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < s->at.slots_n; i++)
		sum += load(&g->held[i]);
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* Changes cur and held[slot] together by delta, not below 0. Under the lock. */
static inline void
change(struct shm_gauge *g, uint32_t slot, int32_t delta)
{
	uint32_t cur = load(&g->cur), held = load(&g->held[slot]);
	int64_t to = (int64_t)held + delta;
	uint32_t held_new = to < 0 ? 0 : (uint32_t)to;
	int64_t cur_to = (int64_t)cur + held_new - held;
	uint32_t cur_new = cur_to < 0 ? 0 : (uint32_t)cur_to;

	atomic_store_explicit(&g->undo_slot, slot, memory_order_relaxed);
	atomic_store_explicit(&g->undo_cur, cur, memory_order_relaxed);
	atomic_store_explicit(&g->undo_held, held, memory_order_relaxed);
	SHM_FAULT(gauge_undo);
	uint32_t odd = load(&g->seq) | 1;
	store(&g->seq, odd);
	SHM_FAULT(gauge_odd);
	store(&g->cur, cur_new);
	SHM_FAULT(gauge_cur);
	store(&g->held[slot], held_new);
	SHM_FAULT(gauge_held);
	if (cur_new > load(&g->max))
		store(&g->max, cur_new);
	SHM_FAULT(gauge_max);
	store(&g->seq, odd + 1);
	SHM_FAULT(gauge_even);
}

/* The heir's work. Killed in here, the next heir does it again: seq becomes even last.
 * An undo record that makes no sense (damage) is replaced by a recount. */
static void
repair(struct shm *s, struct shm_gauge *g)
{
	uint32_t seq = load(&g->seq), slot = load(&g->undo_slot);
	if (!(seq & 1))
		return;
	if (slot < s->at.slots_n) {
		store(&g->cur, load(&g->undo_cur));
		SHM_FAULT(repair_cur);
		store(&g->held[slot], load(&g->undo_held));
		SHM_FAULT(repair_held);
	}
	uint32_t sum = sum_held(s, g);
	if (load(&g->cur) != sum)
		store(&g->cur, sum);
	store(&g->seq, seq + 1);
	SHM_FAULT(repair_even);
}

static inline bool
gauge_lock(struct shm *s, struct shm_gauge *g)
{
	enum shm_lock got = shm_lock_take(&s->lock, &g->lock);
	if (__builtin_expect(got == SHM_LOCK_TAKEN, 1))
		return true;
	if (got == SHM_LOCK_HEIR) {
		repair(s, g);
		atomic_fetch_add_explicit(&shm_lane[SHM_GLOBAL_lock_repaired], 1,
					  memory_order_relaxed);
		return true;
	}
	atomic_fetch_add_explicit(&shm_lane[SHM_GLOBAL_lock_busy], 1,
				  memory_order_relaxed);
	return false;
}

static inline void
gauge_unlock(struct shm *s, struct shm_gauge *g)
{
	shm_lock_give(&s->lock, &g->lock);
}

/* --- what could not be applied at once ------------------------------------- */

static uint32_t
gauge_index(const struct shm *s, const struct shm_gauge *g)
{
	uint64_t off = (uint64_t)((const unsigned char *)g - s->base) - s->at.records_off;
	return (uint32_t)(off / s->at.record_bytes);
}

static void
debt_add(struct shm *s, const struct shm_gauge *g, int32_t delta)
{
	uint32_t i = gauge_index(s, g), at = 0;
	while (at < s->debts_n && s->debtors[at] != i)
		at++;
	if (at == s->debts_n) {
		s->debtors[s->debts_n++] = i;
		s->debt[i] = 0;
	}
	s->debt[i] += delta;
	if (s->debt[i] == 0)
		s->debtors[at] = s->debtors[--s->debts_n];
}

/* What is owed to g, and forgets it: the caller applies it now. */
static int32_t
debt_claim(struct shm *s, const struct shm_gauge *g)
{
	uint32_t i = gauge_index(s, g);
	for (uint32_t at = 0; at < s->debts_n; at++) {
		if (s->debtors[at] != i)
			continue;
		s->debtors[at] = s->debtors[--s->debts_n];
		return s->debt[i];
	}
	return 0;
}

bool
shm_gauge_settle(struct shm *s)
{
	while (s->debts_n > 0) {
		struct shm_gauge *g = shm_gauge_of(s, s->debtors[s->debts_n - 1]);
		if (!gauge_lock(s, g))
			return false;
		change(g, s->slot, debt_claim(s, g));
		gauge_unlock(s, g);
	}
	return s->unreleased_n == 0 || shm_slots_settle(s);
}

bool
shm_gauge_is_unsettled(const struct shm *s)
{
	return s->debts_n > 0 || s->unreleased_n > 0;
}

/* --- take and give -------------------------------------------------------------- */

enum shm_take
shm_gauge_take(struct shm *s, struct shm_gauge *g, uint32_t limit)
{
	if (limit && load(&g->cur) >= limit)
		return SHM_FULL;
	if (__builtin_expect(!gauge_lock(s, g), 0)) {
		if (limit)
			return SHM_BUSY;
		debt_add(s, g, 1);
		return SHM_TAKEN;
	}
	enum shm_take got = SHM_FULL;
	if (limit == 0 || load(&g->cur) < limit) {
		int32_t delta = 1;
		if (__builtin_expect(s->debts_n > 0, 0))
			delta += debt_claim(s, g);
		change(g, s->slot, delta);
		got = SHM_TAKEN;
	}
	gauge_unlock(s, g);
	return got;
}

void
shm_gauge_give(struct shm *s, struct shm_gauge *g)
{
	if (__builtin_expect(!gauge_lock(s, g), 0)) {
		debt_add(s, g, -1);
		return;
	}
	int32_t delta = -1;
	if (__builtin_expect(s->debts_n > 0, 0))
		delta += debt_claim(s, g);
	change(g, s->slot, delta);
	gauge_unlock(s, g);
}

/* --- those who wait ------------------------------------------------------------- */

enum { AWAITED_BITS = 64 };

void
shm_gauge_await(struct shm *s, struct shm_gauge *g)
{
	atomic_fetch_or(&g->awaited, 1ULL << s->slot % AWAITED_BITS);
}

void
shm_gauge_forgo(struct shm *s, struct shm_gauge *g)
{
	atomic_fetch_and(&g->awaited, ~(1ULL << s->slot % AWAITED_BITS));
}

bool
shm_gauge_is_awaited(const struct shm_gauge *g)
{
	return atomic_load_explicit(&g->awaited, memory_order_relaxed) != 0;
}

/* The workers that a bit may stand for: those who waited may be gone. */
static bool
poke_all(struct shm *s, uint32_t bit, void (*poke)(uint32_t slot))
{
	bool is_any = false;
	for (uint32_t slot = bit; slot < s->at.slots_n; slot += AWAITED_BITS) {
		struct shm_slot_view v;
		if (!shm_slot_view(s, slot, &v) || v.role != SHM_ROLE_WORKER ||
		    v.state != SHM_PROC_READY)
			continue;
		poke(slot);
		is_any = true;
	}
	return is_any;
}

void
shm_gauge_wake(struct shm *s, struct shm_gauge *g, void (*poke)(uint32_t slot))
{
	uint64_t bits;
	while ((bits = atomic_load(&g->awaited)) != 0) {
		/* in turn: the first one behind the last */
		uint32_t from = (load(&g->woken) + 1) % AWAITED_BITS;
		uint64_t later = bits >> from << from;
		uint32_t bit = (uint32_t)__builtin_ctzll(later ? later : bits);
		if (!(atomic_fetch_and(&g->awaited, ~(1ULL << bit)) & 1ULL << bit))
			continue; /* somebody else wakes it */
		store(&g->woken, bit);
		if (poke_all(s, bit, poke))
			return;
	}
}

/* --- the master's part ------------------------------------------------------------ */

bool
shm_gauge_drop(struct shm *s, struct shm_gauge *g, uint32_t slot)
{
	/* Nothing to take away, and nobody in the middle of a change who could still
	 * give it back to a dead process by undoing. */
	uint32_t before = atomic_load_explicit(&g->seq, memory_order_acquire);
	uint32_t held = atomic_load_explicit(&g->held[slot], memory_order_acquire);
	uint32_t word = atomic_load_explicit(&g->lock, memory_order_acquire);
	if (!(before & 1) && held == 0 && !(word & FUTEX_OWNER_DIED) &&
	    load(&g->seq) == before)
		return true;
	if (!gauge_lock(s, g))
		return false;
	held = load(&g->held[slot]);
	if (held > 0)
		change(g, slot, held > INT32_MAX ? -INT32_MAX : -(int32_t)held);
	held = load(&g->held[slot]);
	gauge_unlock(s, g);
	return held == 0;
}

bool
shm_gauge_recount(struct shm *s, struct shm_gauge *g)
{
	if (!gauge_lock(s, g))
		return false;
	repair(s, g);
	store(&g->cur, sum_held(s, g));
	gauge_unlock(s, g);
	return true;
}

/* More than a process can have descriptors. */
enum { HELD_MAX = 1 << 26 };

static bool
holders_are_sound(const struct shm *s, const struct shm_gauge *g)
{
	for (uint32_t i = 0; i < s->at.slots_n; i++)
		if (load(&g->held[i]) >
		    (s->slot_use[i] == SHM_SLOT_IS_FREE ? 0 : HELD_MAX))
			return false;
	return true;
}

bool
shm_gauge_is_sound(struct shm *s, struct shm_gauge *g)
{
	uint32_t cur;
	uint64_t held;
	if (!holders_are_sound(s, g))
		return false;
	if (shm_gauge_sum(s, g, &cur, &held) && cur == held)
		return true;
	if (!gauge_lock(s, g)) /* somebody was stopped in the middle */
		return true;
	bool is_sound = !(load(&g->seq) & 1) && load(&g->cur) == sum_held(s, g);
	gauge_unlock(s, g);
	return is_sound;
}

void
shm_gauge_renew(struct shm *s, struct shm_gauge *g)
{
	bool is_ours = gauge_lock(s, g);
	uint32_t odd = load(&g->seq) | 1;
	store(&g->seq, odd);
	atomic_store(&g->undo_slot, UINT32_MAX); /* nothing to put back */
	for (uint32_t i = 0; i < s->at.slots_n; i++)
		store(&g->held[i], 0);
	store(&g->cur, 0);
	store(&g->max, 0);
	store(&g->seq, odd + 1);
	if (is_ours)
		gauge_unlock(s, g);
	else
		store(&g->lock, 0);
}

/* --- readers ---------------------------------------------------------------------- */

uint32_t
shm_gauge_cur(const struct shm_gauge *g)
{
	return load(&g->cur);
}

uint32_t
shm_gauge_max(const struct shm_gauge *g)
{
	return load(&g->max);
}

bool
shm_gauge_sum(const struct shm *s, const struct shm_gauge *g, uint32_t *cur,
	      uint64_t *held)
{
	for (int i = 0; i < SHM_SEQ_TRIES; i++) {
		uint32_t before = atomic_load_explicit(&g->seq, memory_order_acquire);
		*cur = atomic_load_explicit(&g->cur, memory_order_acquire);
		*held = 0;
		for (uint32_t slot = 0; slot < s->at.slots_n; slot++)
			*held += atomic_load_explicit(&g->held[slot],
						      memory_order_acquire);
		if (!(before & 1) && load(&g->seq) == before)
			return true;
	}
	return false;
}
