/* SPDX-License-Identifier: MIT
 *
 * Processes of the master before this one. They serve on; this master takes the sockets
 * they accept from, forks its own generation, and then they leave as at a reload. Master.
 */
#ifndef WEIR_MASTER_ADOPT_H
#define WEIR_MASTER_ADOPT_H

#include "master/estate.h"
#include "master/self.h"

/* Enters every living process of the region into the table, with its lease; returns their
 * number. After procs_init(). */
size_t adopt_processes(void);
/* Takes listening sockets and eventfds; what cannot be taken is bound beside, with a
 * warning. e may be NULL: the list is lost. */
void adopt_descriptors(const struct estate *e);
/* The relay for log lines goes on in g, when its numbers mean the same to g. */
void adopt_relay(const struct estate *e, struct generation *g);
/* The newest generation among them, 0: there is none. */
uint64_t adopt_newest_generation(void);
/* This start fails: they serve on, for the next one. */
void adopt_let_go(void);
/* Ends whoever lives in the region at path, which is about to be replaced. */
void adopt_end(const char *path);

#endif
