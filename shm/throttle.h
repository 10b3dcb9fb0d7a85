/* SPDX-License-Identifier: MIT
 *
 * So many events per second, over all processes: one word, changed by compare-and-swap,
 * so that nobody holds anything when he is killed. The rate is what the current second
 * has and, of the second before, as much as still lies within the last 1000 ms, as
 * HAProxy computes it.
 */
#ifndef WEIR_SHM_THROTTLE_H
#define WEIR_SHM_THROTTLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { SHM_THROTTLE_MAX = 1000000 }; /* events per second */

/* One more event; false: that would be more than `limit` per second. */
bool shm_throttle_take(_Atomic uint64_t *word, uint32_t limit, uint64_t now_ms);
/* How long until one more may happen, if nobody comes before; at least 1. */
uint64_t shm_throttle_wait_ms(const _Atomic uint64_t *word, uint32_t limit,
			      uint64_t now_ms);
/* It did not happen after all. */
void shm_throttle_give(_Atomic uint64_t *word, uint64_t now_ms);

#endif
