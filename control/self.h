/* SPDX-License-Identifier: MIT
 *
 * The state of the control process, private to the room: one per process.
 *
 * save: tables as files; socket: connections of operators; command: the table of what
 * they may say; show, process, server, limits, session, stick: the answers; writer: files
 * and sockets of the log; rates: what is measured once per second.
 */
#ifndef WEIR_CONTROL_SELF_H
#define WEIR_CONTROL_SELF_H

#include "control/control.h"
#include "lib/net/loop.h"
#include "shm/object.h"
#include "shm/stats/text.h"

struct control {
	const struct control_inherit *in;
	const struct cfg *cfg;
	struct shm *shm;
	struct net_loop *loop;
	struct logger *logger;
	struct shm_object global;
	bool has_lease;	 /* before that: prepared, but silent */
	bool is_leaving; /* answers what is under way, then ends */
	struct net_timer lease_timer, leave_timer;
	struct mover *mover; /* move.c; NULL: nothing to move */
	struct saver *saver; /* save.c; NULL: nothing to save */
};

extern struct control control;

/* One line to the global log targets at a syslog level (LOG_NOTICE ...). */
void control_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Asks the master to reload. */
void control_ask_reload(void);
/* Nothing is left to answer: leave now. */
void control_leave_now(void);

/* --- socket.c ----------------------------------------------------------- */

/* Begins to accept; called with the lease. */
void socket_begin(void);
/* No new connections; those under way are answered. */
void socket_end(void);
/* Connections open now. */
size_t socket_clients_n(void);

/* limits.c: frontends shut down by hand are open again after a start; with the lease. */
void limits_begin(void);

/* asked.c: does what was asked for on statistics pages; with the lease. */
void asked_serve(void);

/* member.c: configuration and region agree on the servers of each backend; with the
 * lease, and before they are looked at. */
void members_begin(void);
void members_follow(void);

/* move.c: entries of tables that have a new shape; called with the lease. */
void move_begin(void);

/* --- save.c: tables as files ---------------------------------------------- */

/* Whether the files can be written. 0, or -1 with a line that names the setting. */
int save_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES]);
/* Opens their directories; while paths are still as the configuration has them. */
void save_prepare(const struct cfg *cfg);
/* Writes each file when it is time, a piece between other work; called with the lease. */
void save_begin(void);
/* Leaves what is half written. */
void save_cancel(void);
/* The daemon stops: all of them, once more. */
void save_all(void);

/* --- writer.c ----------------------------------------------------------- */

/* Whether the log files can be opened; they are made. 0, or -1 with a line that names
 * the setting. */
int writer_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES]);

/* Opens files and log sockets; while paths are still as the configuration has them. */
void writer_prepare(const struct cfg *cfg);
/* A finished line (or several, separated by newlines) for a target. */
void writer_write(size_t target, struct span lines);
/* Files again by their names, after rotation. */
void writer_reopen(void);
/* Reads what processes have sent over the relay; called with the lease. */
void writer_begin(void);
/* Takes what is still in the relay. */
void writer_drain(void);
/* Drops since the last call. */
uint64_t writer_dropped(void);

/* --- rates.c ------------------------------------------------------------ */

/* Measures once per second from now on; called with the lease. */
void rates_begin(void);

#endif
