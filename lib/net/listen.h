/* SPDX-License-Identifier: MIT
 *
 * Opening listening sockets: TCP groups (SO_REUSEPORT, one member per worker), shared
 * ones, UNIX sockets, and sockets somebody else opened (fd@N). Used by the master.
 */
#ifndef WEIR_NET_LISTEN_H
#define WEIR_NET_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/addr.h"

enum { LISTEN_ERROR_BYTES = 256 };

struct net_listen {
	struct addr addr;
	int backlog;
	bool is_group;	       /* TCP: member of a SO_REUSEPORT group */
	bool is_deferred;      /* TCP: bound, but not yet listening (net_listen_start) */
	bool v4v6;	       /* [::] serves IPv4 as well */
	bool v6only;	       /* [::] serves IPv6 alone */
	const char *interface; /* NULL: any */
	mode_t mode;	       /* UNIX: (mode_t)-1: as umask says */
	uid_t uid;	       /* UNIX: (uid_t)-1: as created */
	gid_t gid;
};

/* Whether the two describe the same socket; backlog, mode and owner may differ. */
bool net_listen_eq(const struct net_listen *a, const struct net_listen *b);
/* SO_REUSEPORT would let us share a port silently with another program that sets it too.
 * So: 0 when nobody holds the address, else -1 with the reason in err ("address already
 * in use", without the address). */
int net_listen_probe(const struct net_listen *l, char err[LISTEN_ERROR_BYTES]);
/* A listening, non-blocking, close-on-exec socket, or -1 with the reason in err. For fd@N
 * this is N itself. A UNIX socket is bound under a tight umask beside its path and
 * renamed into place; what is there must be a socket nobody listens on, unless `replace`.
 */
int net_listen_open(const struct net_listen *l, bool replace,
		    char err[LISTEN_ERROR_BYTES]);
/* Listens, or gives a listening socket's accept queue another length. A member joins its
 * SO_REUSEPORT group, and gets its share of the connections, only here. 0 or -1. */
int net_listen_start(int fd, int backlog);

#endif
