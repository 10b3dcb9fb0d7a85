/* SPDX-License-Identifier: MIT
 *
 * How the master reaches a child: signals, mail in the child's slot, and its own death.
 * All three arrive as ordinary events of the child's loop.
 */
#ifndef WEIR_NET_ORDERS_H
#define WEIR_NET_ORDERS_H

#include "lib/net/inherit.h"
#include "lib/net/loop.h"

struct net_orders {
	void (*told)(int signal); /* SIGTERM, SIGINT or SIGUSR1 */
	void (*mailed)(void);	  /* somebody wrote to the slot's mailbox; only a hint */
	void (*orphaned)(void);	  /* the master is gone */
	struct net_watch signals, mail, master;
};

/* The caller sets the three functions first. SIGPIPE, SIGHUP and SIGUSR2 are ignored from
 * now on: whoever sends one to the process group means the master. Aborts on failure. */
void net_orders_init(struct net_orders *o, struct net_loop *l,
		     const struct net_inherit *in);

#endif
