/* SPDX-License-Identifier: MIT
 *
 * The pidfile: opened early, so that a wrong path ends the start; written when ready.
 */
#ifndef WEIR_MASTER_PIDFILE_H
#define WEIR_MASTER_PIDFILE_H

#include "shm/region.h"

/* A descriptor, or -1 with one line in err. */
int pidfile_open(const char *path, char err[SHM_ERROR_BYTES]);
void pidfile_write(int fd, long pid);
/* The end: removes it, if it still says `pid`. */
void pidfile_remove(int fd, const char *path, long pid);
/* The start failed: removes it if pidfile_open() made it. */
void pidfile_abandon(int fd, const char *path);

#endif
