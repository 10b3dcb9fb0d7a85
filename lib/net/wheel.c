/* SPDX-License-Identifier: MIT
 *
 * Timer wheel. Any process with an event loop.
 */
#include "lib/net/wheel.h"

void
wheel_init(struct wheel *w, uint64_t now_ms)
{
	*w = (struct wheel){.tick = now_ms / WHEEL_SLOT_MS};
	for (unsigned i = 0; i < WHEEL_SLOTS_N; i++)
		list_init(&w->slots[i]);
}

void
wheel_add(struct wheel *w, struct net_timer *t)
{
	/* rounded up: a timer never fires early */
	uint64_t tick = (t->deadline_ms + WHEEL_SLOT_MS - 1) / WHEEL_SLOT_MS;
	if (tick < w->tick)
		tick = w->tick;
	if (tick >= w->tick + WHEEL_SLOTS_N)
		tick = w->tick + WHEEL_SLOTS_N - 1;
	t->slot_ms = tick * WHEEL_SLOT_MS;
	unsigned i = tick % WHEEL_SLOTS_N;
	list_add_back(&w->slots[i], &t->node);
	w->used[i / 64] |= 1ULL << (i % 64);
}

static void
expire_slot(struct wheel *w, unsigned i, uint64_t now_ms)
{
	struct list due;
	w->used[i / 64] &= ~(1ULL << (i % 64));
	list_take_all(&due, &w->slots[i]);
	while (!list_is_empty(&due)) {
		struct net_timer *t = list_entry(due.next, struct net_timer, node);
		list_remove(&t->node);
		if (t->deadline_ms == 0)
			continue;
		if (t->deadline_ms > now_ms) {
			wheel_add(w, t);
			continue;
		}
		t->deadline_ms = 0;
		t->expired(t);
	}
}

void
wheel_expire(struct wheel *w, uint64_t now_ms)
{
	uint64_t now_tick = now_ms / WHEEL_SLOT_MS;
	/* after a long pause one turn visits every slot */
	if (now_tick >= w->tick + WHEEL_SLOTS_N)
		w->tick = now_tick - WHEEL_SLOTS_N + 1;
	while (w->tick <= now_tick) {
		unsigned i = w->tick % WHEEL_SLOTS_N;
		w->tick++; /* first: what is added again goes to a later slot */
		if (w->used[i / 64] & (1ULL << (i % 64)))
			expire_slot(w, i, now_ms);
	}
}

uint64_t
wheel_sleep_ms(const struct wheel *w, uint64_t now_ms, uint64_t cap_ms)
{
	uint64_t cap_ticks = cap_ms / WHEEL_SLOT_MS + 1;
	for (uint64_t k = 0; k < cap_ticks && k < WHEEL_SLOTS_N;) {
		unsigned i = (w->tick + k) % WHEEL_SLOTS_N;
		uint64_t bits = w->used[i / 64] >> (i % 64);
		if (!bits) {
			k += 64 - i % 64;
			continue;
		}
		k += (uint64_t)__builtin_ctzll(bits);
		uint64_t at_ms = (w->tick + k) * WHEEL_SLOT_MS;
		uint64_t sleep_ms = at_ms > now_ms ? at_ms - now_ms : 0;
		return sleep_ms < cap_ms ? sleep_ms : cap_ms;
	}
	return cap_ms;
}
