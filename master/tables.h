/* SPDX-License-Identifier: MIT
 *
 * Stick tables of a generation before it starts.
 */
#ifndef WEIR_MASTER_TABLES_H
#define WEIR_MASTER_TABLES_H

#include <sys/types.h>

#include "config/cfg.h"

/* Room was made in the region: what is new or damaged there becomes an empty table, or
 * what its file says. does_wait: nobody serves yet; else it is loaded meanwhile. */
void tables_prepare(const struct cfg *cfg, bool does_wait);
/* A process crashed: heads of tables are what they were, or the table begins anew. */
void tables_mend(const struct cfg *cfg);
/* That child was reaped: if it is the one that loads tables, this says how it ended. */
void tables_loader_ended(pid_t pid, int status);
/* Nobody writes tables from files any more. */
void tables_loader_end(void);

#endif
