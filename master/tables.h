/* SPDX-License-Identifier: MIT
 *
 * Stick tables of a generation before it starts.
 */
#ifndef WEIR_MASTER_TABLES_H
#define WEIR_MASTER_TABLES_H

#include "config/cfg.h"

/* Room was made in the region: what is new or damaged there becomes an empty table. */
void tables_prepare(const struct cfg *cfg);

#endif
