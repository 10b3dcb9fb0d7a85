/* SPDX-License-Identifier: MIT
 *
 * What every child gets from the master through fork, besides the configuration and
 * the region. The descriptors are the child's own after fork; it never closes the
 * listening sockets of others (closing is only its copy, but see io: EPOLL_CTL_DEL).
 */
#ifndef WEIR_NET_INHERIT_H
#define WEIR_NET_INHERIT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* The listening sockets: [address][worker index]. Addresses are numbered as
 * cfg->binds. A shared one (fd@, unix@, shards: shared) has one socket in column 0
 * and -1 elsewhere. */
struct net_listeners {
	int *fd; /* [binds_n * columns_n] */
	size_t binds_n;
	size_t columns_n; /* >= nbproc: members are never closed while the address stays
			   */
};

struct net_inherit {
	uint32_t slot;
	uint64_t generation;
	int master_pidfd;	       /* readable: the master is gone */
	const int *slot_eventfds;      /* [slots_n] */
	_Atomic uint64_t *log_samples; /* [LOG_TARGETS_MAX] (log_target.h) */
	int log_relay_fd; /* datagram socket to control (its read end in control) */
	struct net_listeners listeners;
};

#endif
