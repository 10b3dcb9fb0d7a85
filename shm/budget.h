/* SPDX-License-Identifier: MIT
 *
 * A budget of retries that all workers share: one atomic word, no lock. Each request adds
 * its part of a retry, each retry takes one; some per second are allowed in any case. A
 * full budget is only read, so it costs nothing where nothing fails.
 */
#ifndef WEIR_SHM_BUDGET_H
#define WEIR_SHM_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A request has come: `percent` of a retry more. */
void shm_budget_earn(_Atomic uint64_t *word, uint32_t percent);
/* Takes one retry; false: there is none. min_rate: what each second adds. */
bool shm_budget_spend(_Atomic uint64_t *word, uint32_t min_rate, uint64_t now_ms);

#endif
