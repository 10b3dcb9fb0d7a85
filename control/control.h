/* SPDX-License-Identifier: MIT
 *
 * Entry of the control process: runtime API sockets, files and
 * sockets of the log, rates sampled once per second.
 */
#ifndef WEIR_CONTROL_CONTROL_H
#define WEIR_CONTROL_CONTROL_H

#include "config/cfg.h"
#include "lib/net/inherit.h"
#include "shm/cells.h"
#include "shm/region.h"

struct control_inherit {
	const struct cfg *cfg;
	struct shm *shm;
	struct net_inherit net;
	int reload_fd; /* eventfd: the master reloads; workers have none, whatever they
			  write */
	int member_fd; /* who joins or leaves (roster/request.h); workers have none */
	const int *socket_fds;	/* listening, one per cfg->global.sockets, owned by the
				   master */
	struct shm_cell *cells; /* variables of the scope proc */
};

/* Called in the child after privileges are dropped and shm_child_enter(); reports
 * ready in its slot, runs until told to stop, returns the exit status. */
int control_main(const struct control_inherit *in);
/* Called in the master before anything is started: whether the log files can be opened
 * (they are made), and the files of tables written. 0, or -1 with a line that names the
 * setting. */
int control_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES]);
/* Called before privileges are dropped: what needs them (log files, log sockets). */
void control_prepare(const struct control_inherit *in);

#endif
