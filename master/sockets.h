/* SPDX-License-Identifier: MIT
 *
 * The listening sockets of all generations: opened once by the master, kept as long as
 * their address is configured. Master.
 */
#ifndef WEIR_MASTER_SOCKETS_H
#define WEIR_MASTER_SOCKETS_H

#include "lib/net/listen.h"
#include "master/self.h"

/* has_predecessors: another daemon listens there and ends when we serve (-sf). */
struct sockets *sockets_new(bool has_predecessors);
/* Before anything is opened: every fd@N is a socket we were given, not one that got the
 * number N from us. 0, or -1 with one line. */
int sockets_check_given(const struct cfg *cfg, char err[SHM_ERROR_BYTES]);
/* Finds or opens what g->cfg wants and fills in g's listeners and control sockets. On
 * failure -1 with one line that names the bind; call sockets_rollback then, and also when
 * the generation does not come to be for another reason. */
int sockets_open(struct sockets *s, struct generation *g, char err[SHM_ERROR_BYTES]);
void sockets_rollback(struct sockets *s);
/* The generation given to sockets_open() is the current one now: grown groups get their
 * share of connections; addresses it does not have wait for sockets_retire(). */
void sockets_commit(struct sockets *s);
/* Closes what the current generation does not have; whether there was anything. Call when
 * nobody accepts there. */
bool sockets_retire(struct sockets *s);
/* The end of everything: no connection is accepted or queued any more. */
void sockets_close(struct sockets *s);
/* What other processes may go on with: each socket that listens; members of one
 * group follow each other. */
void sockets_each(const struct sockets *s,
		  void (*fn)(void *arg, const struct net_listen *spec, int fd,
			     uint32_t group),
		  void *arg);
/* Sockets of the generation before ours, taken from a process of it. fds_n 0: that
 * process keeps them, ours are bound beside them. */
void sockets_restore(struct sockets *s, const struct net_listen *spec, const int *fds,
		     size_t fds_n);
/* Our generation will not be: what was restored goes on without us. */
void sockets_let_go(struct sockets *s, bool does_close);
void sockets_free(struct sockets **s);

#endif
