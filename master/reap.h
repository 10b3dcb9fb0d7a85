/* SPDX-License-Identifier: MIT
 *
 * Children that ended. Master.
 */
#ifndef WEIR_MASTER_REAP_H
#define WEIR_MASTER_REAP_H

/* Waits for all that ended: gives back what they held, notes when to replace them. */
void reap(void);

#endif
