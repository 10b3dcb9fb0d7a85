/* SPDX-License-Identifier: MIT
 *
 * The end of the daemon. Master.
 */
#ifndef WEIR_MASTER_STOP_H
#define WEIR_MASTER_STOP_H

#include <stdint.h>

/* Connections may end, for drain.timeout at most. */
void stop_gracefully(void);
/* Everybody is gone within a second. */
void stop_now(void);
/* Goes on as far as possible; returns when to call again (ms, monotonic). */
uint64_t stop_step(void);

#endif
