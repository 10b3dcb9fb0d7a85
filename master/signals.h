/* SPDX-License-Identifier: MIT
 *
 * Signals to the master, as a descriptor.
 */
#ifndef WEIR_MASTER_SIGNALS_H
#define WEIR_MASTER_SIGNALS_H

/* Blocks them and returns the descriptor that is readable when one came. Before the first
 * fork: children unblock them after they have dropped their rights. */
int signals_open(void);
/* Acts on all that came. */
void signals_read(int fd);

#endif
