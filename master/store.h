/* SPDX-License-Identifier: MIT
 *
 * The service manager's store of descriptors (sd_notify(3), FDSTORE=1): it keeps a copy
 * of each listening socket, for a master that may not take them from the processes that
 * serve, or finds none alive. Connections that wait in them lose nothing. Master.
 */
#ifndef WEIR_MASTER_STORE_H
#define WEIR_MASTER_STORE_H

#include "master/estate.h"

/* A socket the manager keeps. */
struct stored {
	uint64_t cookie; /* its name, "weir-COOKIE" */
	int fd;		 /* as it was given to us; -1: not, or not any more */
};

/* Once, at the start: what was kept for us. */
void store_open(void);
bool store_has_any(void);
/* A copy of the descriptor for which is_it() is true; -1: there is none. */
int store_take(bool (*is_it)(const void *what, int fd), const void *what);
/* What was given and is not needed is closed; the manager still has it. */
void store_close(void);
/* The manager keeps these sockets, and no others. */
void store_publish(const struct estate *e);
void store_free(void);

#endif
