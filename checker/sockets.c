/* SPDX-License-Identifier: MIT
 *
 * Sockets that are used again. Runs in the checker; owns those that wait.
 */
#include "checker/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checker/self.h"
#include "lib/base/must.h"

/* So many wait at most; when more probes are under way at once, a part of them. */
enum { IDLE_MAX = 2048, IDLE_PART = 4 };

static struct idle {
	int family;
	unsigned n;
	struct probe_socket *first;
} idle[] = {{.family = AF_INET}, {.family = AF_INET6}};

static struct idle *
idle_of(int family, int type)
{
	for (unsigned i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		if (idle[i].family == family && type == SOCK_STREAM)
			return &idle[i];
	return NULL; /* UNIX sockets cannot be disconnected, others need not be kept */
}

/* News of an earlier use look like news of this one: whoever reads finds nothing. */
static void
ready(struct net_watch *w, uint32_t events)
{
	struct probe_socket *s = list_entry(w, struct probe_socket, watch);
	if (!s->user)
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		s->may_read = true;
	probe_ready(s->user, events);
}

static bool
may_keep(const struct idle *i)
{
	return i && i->n < IDLE_MAX && i->n < checker.probes_max / IDLE_PART;
}

struct probe_socket *
probe_socket_get(int family, int type, struct probe *user)
{
	struct idle *i = idle_of(family, type);
	struct probe_socket *s = i ? i->first : NULL;
	if (s) {
		i->first = s->next;
		i->n--;
	} else {
		int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return NULL;
		s = must_calloc(1, sizeof(*s));
		s->family = family;
		s->type = type;
		net_watch_init(&s->watch, fd, ready);
		net_watch_set(checker.loop, &s->watch, EPOLLIN | EPOLLET);
	}
	s->user = user;
	s->may_read = false;
	return s;
}

void
probe_socket_await(struct probe_socket *s)
{
	if (!s->tells_out)
		net_watch_set(checker.loop, &s->watch, EPOLLIN | EPOLLOUT | EPOLLET);
	s->tells_out = true;
}

/* Events of this round may still name it. */
static void
destroy(struct probe_socket *s)
{
	s->user = NULL;
	close(s->watch.fd);
	s->watch.is_registered = false;
	net_loop_bury(checker.loop, NULL, s);
}

void
probe_socket_put(struct probe_socket **socket, bool linger)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	struct probe_socket *s = *socket;
	*socket = NULL;
	if (!s)
		return;
	struct idle *i = linger ? NULL : idle_of(s->family, s->type);
	s->user = NULL;
	if (may_keep(i) && connect(s->watch.fd, &nobody, sizeof(nobody)) == 0) {
		s->next = i->first;
		i->first = s;
		i->n++;
		return;
	}
	if (!linger && s->family != AF_UNIX && s->type == SOCK_STREAM)
		(void)setsockopt(s->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	destroy(s);
}

void
probe_sockets_close(void)
{
	for (unsigned i = 0; i < sizeof(idle) / sizeof(*idle); i++)
		while (idle[i].first) {
			struct probe_socket *s = idle[i].first;
			idle[i].first = s->next;
			idle[i].n--;
			close(s->watch.fd);
			free(s);
		}
}
