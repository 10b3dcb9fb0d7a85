/* SPDX-License-Identifier: MIT
 *
 * Choosing a server. What must be exact over all workers is shared (the cursor of a
 * backend, the connection counts); the weighted sequence is private, but a pure function
 * of weights and states, hence the same everywhere.
 */
#ifndef WEIR_WORKER_PICK_H
#define WEIR_WORKER_PICK_H

#include "worker/self.h"

/* A usable server of be, not `avoid` unless it is the only one; NULL: none is usable, or
 * those that are usable are full.
 * client: for `balance source`. *cursor: PICK_NO_CURSOR at first, and the same variable
 * when the request must go elsewhere: it then takes the next position, not a new turn. */
#define PICK_NO_CURSOR UINT64_MAX
struct rt_server *pick_server(struct rt_backend *be, const struct sockaddr *client,
			      const struct rt_server *avoid, uint64_t *cursor);
/* The balance chooses one server for each client, full or not. */
bool pick_is_bound(const struct rt_backend *be);
bool pick_is_usable(const struct rt_server *srv);
/* Usable servers now. */
uint32_t pick_usable_n(struct rt_backend *be);

/* Pure: fills out[0, cap) with indices of servers so that weights[i] is i's share and
 * equal ones are spread evenly; returns the length (sum of weights divided by their gcd,
 * or scaled down to fit cap), 0 when all weights are 0. */
size_t pick_sequence(const uint32_t *weights, size_t n, uint16_t *out, size_t cap);

#endif
