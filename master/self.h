/* SPDX-License-Identifier: MIT
 *
 * The state of the master process, private to the room: one per process (`master`).
 */
#ifndef WEIR_MASTER_SELF_H
#define WEIR_MASTER_SELF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/cfg.h"
#include "lib/net/inherit.h"
#include "master/options.h"
#include "shm/cells.h"
#include "shm/object.h"
#include "shm/region.h"
#include "shm/slots.h"

enum {
	MASTER_READY_MS = 30000, /* a new generation must be ready by then */
};

/* What one configuration becomes: what its processes inherit. */
struct generation {
	uint64_t number; /* from 1 */
	struct cfg *cfg;
	struct shm_cell *cells; /* NULL: no variables of the scope proc */
	void *patterns;		/* where ACLs and maps change; NULL: they do not */
	uint64_t patterns_bytes;
	_Atomic uint64_t *log_samples; /* numbers of log lines, of all its processes */
	struct net_listeners listeners;
	int *control_fds;  /* one per cfg->global.sockets */
	int relay_read_fd; /* datagram socketpair for log lines to control */
	int relay_write_fd;
};

/* A child, from fork until it is reaped and its slot is given back. */
struct proc {
	pid_t pid; /* 0: this entry is free */
	int pidfd; /* no child of ours: its end is seen here; -1: a child */
	enum shm_role role;
	uint32_t index; /* worker number */
	uint32_t slot;
	uint64_t generation;
	uint64_t started_at_ms;
	uint64_t kill_at_ms; /* SIGKILL then; 0: never */
	uint32_t stale_n;    /* looks in a row that found no heartbeat */
	bool is_ready;	     /* has said so; it cannot take that back */
	bool is_leaving;     /* was told to drain or to end */
	bool is_forced;	     /* was told to end now */
	bool is_adopted;     /* of the master before us */
};

enum master_phase {
	MASTER_STARTING,
	MASTER_RUNNING,
	MASTER_STOPPING, /* SIGTERM: connections may end */
	MASTER_ENDING,	 /* everybody must go now */
};

enum reload_phase {
	RELOAD_NONE,
	RELOAD_TRIAL,	 /* a child parses the files */
	RELOAD_WAITING,	 /* the new generation starts */
	RELOAD_HANDOVER, /* committed; checker and control of the old one leave */
};

struct reload {
	enum reload_phase phase;
	bool is_wanted; /* one more, however often it was asked for */
	bool says_why;	/* it has been told why that one waits */
	uint64_t wanted_at_ms;
	pid_t trial_pid;
	int trial_status; /* of waitpid, valid when trial_pid is 0 again */
	int trial_fd;	  /* its error texts; -1: at its end */
	char *text;	  /* what came, text_n bytes */
	size_t text_n;
	uint64_t deadline_ms;
	struct generation *next;       /* RELOAD_WAITING */
	char failure[SHM_ERROR_BYTES]; /* why `next` cannot be, empty: it may */
};

/* SIGUSR2 */
struct upgrade {
	bool is_wanted;
	pid_t pid;   /* of the trial; 0: none runs */
	int status;  /* of the last trial, not looked at yet; -1: none */
	int text_fd; /* what the trial says */
	uint64_t deadline_ms;
};

/* The latest deaths inside of objects, a ring (mend.h). */
struct mend_deaths {
	struct {
		uint64_t at_ms; /* 0: none */
		int64_t object; /* index */
	} at[16];
	uint32_t next;
};

struct pollfd;
struct post;
struct stored;
struct sockets;

struct master {
	const struct options *options;
	pid_t pid;
	enum master_phase phase;
	uint64_t now_ms; /* monotonic, read once per round */
	uint64_t started_at_ms, stopping_at_ms;

	struct generation *current;
	struct reload reload;
	struct upgrade upgrade;
	pid_t loader_pid; /* tables.c; 0: none runs */
	struct sockets *sockets;
	struct shm *shm;
	struct shm_object global; /* for the counters of the daemon */

	struct proc *procs; /* [procs_n] */
	uint32_t procs_n;
	struct post *posts; /* checker, control, worker 0, worker 1, ... */
	uint32_t posts_n;
	pid_t lease_pids[SHM_ROLES_N]; /* who holds the lease of a role; 0: nobody */
	struct pollfd *pollfds;	       /* [procs_n + 5], of the main loop */
	struct mend_deaths deaths;
	int *slot_eventfds; /* [slots_n]; made before the first fork, never replaced */
	uint32_t slots_n;

	int reload_fd;	   /* eventfd: control was asked to reload; no worker has it */
	int member_fds[2]; /* control asks at the second one (members.h) */
	int pidfd;	   /* of this process: readable in the children when it is gone */
	struct stored *stored; /* sockets the service manager keeps (store.h) */
	size_t stored_n;
	int signal_fd;
	int lock_fd;
	int pidfile_fd;
	char *pidfile;	    /* as at the start; a reload does not move it */
	int daemon_fd;	    /* the starter waits at its other end; -1: nobody does */
	int signal;	    /* the last one */
	bool is_left_alone; /* its children outlive it */
	int exit_status;
	uint64_t watched_at_ms; /* the watchdog's last look */
};

extern struct master master;

#endif
