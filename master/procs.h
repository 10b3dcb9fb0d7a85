/* SPDX-License-Identifier: MIT
 *
 * The process family: what kinds of children there are, which of them live, and which
 * places the current generation must fill. Master.
 */
#ifndef WEIR_MASTER_PROCS_H
#define WEIR_MASTER_PROCS_H

#include "master/self.h"

/* What a child gets; the entry functions take their part of it. */
struct family_inherit {
	const struct generation *generation;
	struct net_inherit net;
	uint32_t index;
};

/* One kind of child. */
struct role {
	enum shm_role role;
	const char *name;   /* title: "weir: " name, and the number if there are many */
	bool is_many;	    /* nbproc of them; else exactly one */
	bool has_lease;	    /* writes only while it holds the lease of its role */
	bool has_listeners; /* keeps the listening sockets; the others close them */
	bool has_control;   /* keeps the control sockets and the reading end for log lines
			     */
	/* with all rights, before chroot */
	void (*prepare)(const struct family_inherit *in);
	/* without rights; returns the exit status */
	int (*run)(const struct family_inherit *in);
};

/* Checker and control first: workers ask them for nothing, but their news come early. */
extern const struct role procs_roles[];
extern const size_t procs_roles_n;
const struct role *procs_role(enum shm_role role);

/* Makes the tables for the slots of the region and the posts of the current generation.
 */
void procs_init(uint32_t slots_n);
void procs_fini(void);
/* Posts for so many workers, all without a past. */
void procs_reset_posts(uint32_t nbproc);
struct post *procs_post(enum shm_role role, uint32_t index);

struct proc *procs_find(pid_t pid);
/* The living child in that place of a generation that is not leaving, NULL: none. */
struct proc *procs_holder(uint64_t generation, enum shm_role role, uint32_t index);
/* A free entry; there are as many as slots, so there is one when a slot is. */
struct proc *procs_new(void);
size_t procs_count(void);
/* Living ones of generations older than that. */
size_t procs_count_before(uint64_t generation, enum shm_role role);
size_t procs_generations_n(void);
/* Whether a worker of a generation older than that has not stopped to accept. */
bool procs_are_accepting_before(uint64_t generation);
/* What the child says of itself. */
enum shm_proc_state procs_state(struct proc *p);
/* "worker 3", "checker" */
const char *procs_text(const struct proc *p, char buf[32]);

/* Forks what is missing in a generation. 0, or -1 with the reason. With `patient`, posts
 * that must wait (crash loop) are left out. */
int procs_fill(const struct generation *g, bool patient, char err[SHM_ERROR_BYTES]);
/* Every post of the generation is held by a ready process. */
bool procs_are_ready(const struct generation *g);
/* Grants leases nobody living holds to the ready child of the current generation. */
void procs_grant_leases(void);
bool procs_leases_are_held(void);
/* A signal to that very process. */
void procs_signal(const struct proc *p, int signal);
/* A signal, and SIGKILL after that time (0: never). */
void procs_tell(struct proc *p, int signal, uint64_t limit_ms);
/* Mail with a wake-up. */
void procs_mail(uint32_t slot, uint32_t bits);
/* Workers look again: there is room, or limits have changed. */
void procs_wake_workers(void);

#define PROCS_EACH(p)                                                               \
	for (struct proc *p = master.procs; p < master.procs + master.procs_n; p++) \
		if (p->pid)

#endif
