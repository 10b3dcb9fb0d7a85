/* SPDX-License-Identifier: MIT
 *
 * The sockets of probes. A TCP connection is ended with RST by disconnecting its socket
 * (connect to AF_UNSPEC), which leaves no TIME_WAIT and a socket for the next probe: a
 * third of a probe's price is the making and closing of sockets.
 */
#ifndef WEIR_CHECKER_SOCKETS_H
#define WEIR_CHECKER_SOCKETS_H

/* A non-blocking stream socket; -1 with errno. */
int probe_socket_get(int family);
/* Takes it back: ends what it is connected to. It must not be in epoll. */
void probe_socket_put(int family, int fd);
/* Closes those that wait to be used. */
void probe_sockets_close(void);

#endif
