/* SPDX-License-Identifier: MIT
 *
 * Servers that join and leave at run time, as control asks for it. Master.
 */
#ifndef WEIR_MASTER_MEMBERS_H
#define WEIR_MASTER_MEMBERS_H

/* Where control asks: made before the first fork. */
void members_open(void);
void members_close(void);
/* Does what was asked for. */
void members_step(void);

#endif
