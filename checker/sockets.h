/* SPDX-License-Identifier: MIT
 *
 * The sockets of probes. A TCP connection is ended with RST by disconnecting its socket
 * (connect to AF_UNSPEC), which leaves no TIME_WAIT and a socket for the next probe; it
 * stays in epoll all its life. Making, closing, adding and removing would be a third of a
 * probe's price.
 */
#ifndef WEIR_CHECKER_SOCKETS_H
#define WEIR_CHECKER_SOCKETS_H

#include <stdbool.h>

#include "lib/net/loop.h"

struct probe;

struct probe_socket {
	struct net_watch watch;
	int family, type;
	struct probe *user; /* NULL: nobody's at the moment */
	bool tells_out; /* events say when it can be written to, from then on for good */
	bool may_read;	/* there was news that nobody has read yet */
	struct probe_socket *next;
};

/* A non-blocking socket of that type; NULL with errno. */
struct probe_socket *probe_socket_get(int family, int type, struct probe *user);
/* Takes it back: ends what it is connected to, with RST or in good order. */
void probe_socket_put(struct probe_socket **s, bool linger);
/* It cannot be written to now; an event will say when. Most of the time that is not asked
 * for: an event that says what is known costs as much as a system call. */
void probe_socket_await(struct probe_socket *s);
/* Closes those that wait to be used. */
void probe_sockets_close(void);

/* probe.c: something has happened on a socket in use. */
void probe_ready(struct probe *p, uint32_t events);

#endif
