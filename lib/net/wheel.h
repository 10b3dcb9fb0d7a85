/* SPDX-License-Identifier: MIT
 *
 * The timer wheel of one event loop: 4096 slots of 8 ms (32 s a turn). A timer further
 * away waits more than one turn: the wheel looks at it once per turn. Internal to
 * lib/net.
 */
#ifndef WEIR_NET_WHEEL_H
#define WEIR_NET_WHEEL_H

#include "lib/net/loop.h"

enum { WHEEL_SLOTS_N = 4096, WHEEL_SLOT_MS = 8 };

struct wheel {
	uint64_t tick; /* next slot to look at, in units of WHEEL_SLOT_MS since boot */
	uint64_t used[WHEEL_SLOTS_N / 64]; /* bit: the slot may hold timers */
	struct list slots[WHEEL_SLOTS_N];
};

void wheel_init(struct wheel *w, uint64_t now_ms);
/* Puts a timer that is in no list where its deadline will be seen. */
void wheel_add(struct wheel *w, struct net_timer *t);
/* Runs what has expired at now_ms. */
void wheel_expire(struct wheel *w, uint64_t now_ms);
/* Milliseconds until the next slot with timers, at most cap_ms. */
uint64_t wheel_sleep_ms(const struct wheel *w, uint64_t now_ms, uint64_t cap_ms);

#endif
