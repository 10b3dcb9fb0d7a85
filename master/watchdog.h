/* SPDX-License-Identifier: MIT
 *
 * Children that hang. Master.
 */
#ifndef WEIR_MASTER_WATCHDOG_H
#define WEIR_MASTER_WATCHDOG_H

#include <stdint.h>

/* Looks when it is time; returns when it wants to look again (ms, monotonic). */
uint64_t watchdog_step(void);

#endif
