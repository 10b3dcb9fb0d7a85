/* SPDX-License-Identifier: MIT
 *
 * Sockets that are used again. Runs in the checker; owns those that wait.
 */
#include "checker/sockets.h"

#include <sys/socket.h>
#include <unistd.h>

enum { IDLE_MAX = 128 };

struct idle {
	int family;
	int fds[IDLE_MAX];
	unsigned n;
};

static struct idle idle[] = {{.family = AF_INET}, {.family = AF_INET6}};

static struct idle *
idle_of(int family)
{
	for (unsigned i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		if (idle[i].family == family)
			return &idle[i];
	return NULL; /* UNIX sockets cannot be disconnected */
}

int
probe_socket_get(int family)
{
	struct idle *i = idle_of(family);
	if (i && i->n)
		return i->fds[--i->n];
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void
probe_socket_put(int family, int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct idle *i = idle_of(family);
	if (i && i->n < IDLE_MAX && connect(fd, &nobody, sizeof(nobody)) == 0) {
		i->fds[i->n++] = fd;
		return;
	}
	if (i)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

void
probe_sockets_close(void)
{
	for (unsigned i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		while (idle[i].n)
			close(idle[i].fds[--idle[i].n]);
}
