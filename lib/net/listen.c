/* SPDX-License-Identifier: MIT
 *
 * Opening listening sockets. TCP options that connections inherit from their listener
 * (TCP_NODELAY) are set here once, which saves a system call per connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/net/listen.h"

static int
failed(char err[LISTEN_ERROR_BYTES], const char *what)
{
	int number = errno;
	if (number == EADDRINUSE)
		snprintf(err, LISTEN_ERROR_BYTES, "address already in use");
	else if (number == EADDRNOTAVAIL)
		snprintf(err, LISTEN_ERROR_BYTES,
			 "no interface of this machine has this address");
	else if (number == EMFILE || number == ENFILE)
		snprintf(err, LISTEN_ERROR_BYTES, "no file descriptor left (ulimit -n)");
	else
		snprintf(err, LISTEN_ERROR_BYTES, "%s: %s", what, strerror(number));
	return -1;
}

static bool
str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool
net_listen_eq(const struct net_listen *a, const struct net_listen *b)
{
	if (a->addr.kind != b->addr.kind)
		return false;
	if (a->addr.kind == ADDR_FD)
		return a->addr.fd == b->addr.fd;
	if (!addr_eq(&a->addr, &b->addr))
		return false;
	if (a->addr.kind == ADDR_UNIX)
		return true;
	return a->is_group == b->is_group && a->v4v6 == b->v4v6 &&
	       a->v6only == b->v6only && str_eq(a->interface, b->interface);
}

static int
set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* A bound TCP socket; `reuseport` is what makes it a member of a group. */
static int
bind_inet(const struct net_listen *l, bool reuseport, char err[LISTEN_ERROR_BYTES])
{
	int fd = socket(l->addr.u.sa.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(err, "socket");
	const char *what = "setsockopt SO_REUSEADDR";
	if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		goto fail;
	what = "setsockopt SO_REUSEPORT";
	if (reuseport && set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		goto fail;
	what = "setsockopt IPV6_V6ONLY";
	if (l->addr.kind == ADDR_INET6 && (l->v6only || l->v4v6) &&
	    set(fd, IPPROTO_IPV6, IPV6_V6ONLY, l->v6only))
		goto fail;
	what = "setsockopt SO_BINDTODEVICE";
	if (l->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, l->interface,
				       (socklen_t)strlen(l->interface) + 1))
		goto fail;
	what = "setsockopt TCP_NODELAY";
	if (set(fd, IPPROTO_TCP, TCP_NODELAY, 1))
		goto fail;
	what = "bind";
	if (bind(fd, &l->addr.u.sa, l->addr.len))
		goto fail;
	return fd;
fail:
	failed(err, what);
	close(fd);
	return -1;
}

/* A path where nobody answers is free, one where somebody does is not. */
static int
probe_unix(const struct addr *a, char err[LISTEN_ERROR_BYTES])
{
	struct stat st;
	const char *path = a->u.un.sun_path;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : failed(err, "stat");
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(err, LISTEN_ERROR_BYTES,
			 "a file that is no socket is in the way");
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(err, "socket");
	bool is_taken = connect(fd, &a->u.sa, a->len) == 0 || errno == EAGAIN;
	close(fd);
	if (!is_taken)
		return 0;
	errno = EADDRINUSE;
	return failed(err, "connect");
}

int
net_listen_probe(const struct net_listen *l, char err[LISTEN_ERROR_BYTES])
{
	if (l->addr.kind == ADDR_UNIX)
		return probe_unix(&l->addr, err);
	if (l->addr.kind != ADDR_INET && l->addr.kind != ADDR_INET6)
		return 0;
	int fd = bind_inet(l, false, err);
	if (fd < 0)
		return -1;
	/* Bound but not listening sockets with SO_REUSEADDR may share: listen() tells. */
	int result = listen(fd, 1) ? failed(err, "listen") : 0;
	close(fd);
	return result;
}

static int
open_unix(const struct net_listen *l, char err[LISTEN_ERROR_BYTES])
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const char *path = l->addr.u.un.sun_path;
	int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s.%ld", path,
			 (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		snprintf(err, LISTEN_ERROR_BYTES,
			 "the path is too long; %zu bytes at most",
			 sizeof(un.sun_path) - 12);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failed(err, "socket");
	(void)unlink(un.sun_path);
	mode_t old = l->mode == (mode_t)-1 ? 0 : umask(0777 & ~l->mode);
	int result = bind(fd, (struct sockaddr *)&un, sizeof(un));
	int number = errno;
	if (l->mode != (mode_t)-1)
		(void)umask(old);
	errno = number;
	const char *what = "bind";
	if (result)
		goto fail;
	what = "chown";
	if ((l->uid != (uid_t)-1 || l->gid != (gid_t)-1) &&
	    lchown(un.sun_path, l->uid, l->gid))
		goto fail_unlink;
	what = "listen";
	if (listen(fd, l->backlog))
		goto fail_unlink;
	what = "rename";
	if (rename(un.sun_path, path))
		goto fail_unlink;
	return fd;
fail_unlink:
	number = errno;
	(void)unlink(un.sun_path);
	errno = number;
fail:
	failed(err, what);
	close(fd);
	return -1;
}

/* A socket we were given: it must listen, and become non-blocking like ours. */
static int
take_fd(int fd, char err[LISTEN_ERROR_BYTES])
{
	int listens = 0;
	socklen_t len = sizeof(listens);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len)) {
		if (errno == EBADF)
			snprintf(err, LISTEN_ERROR_BYTES, "descriptor %d is not open",
				 fd);
		else
			snprintf(err, LISTEN_ERROR_BYTES, "descriptor %d is no socket",
				 fd);
		return -1;
	}
	if (!listens) {
		snprintf(err, LISTEN_ERROR_BYTES, "descriptor %d does not listen", fd);
		return -1;
	}
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC))
		return failed(err, "fcntl");
	(void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* fails on a UNIX socket */
	return fd;
}

int
net_listen_open(const struct net_listen *l, bool replace, char err[LISTEN_ERROR_BYTES])
{
	switch (l->addr.kind) {
	case ADDR_FD:
		return take_fd(l->addr.fd, err);
	case ADDR_UNIX:
		if (!replace && probe_unix(&l->addr, err))
			return -1;
		return open_unix(l, err);
	case ADDR_INET:
	case ADDR_INET6: {
		int fd = bind_inet(l, l->is_group, err);
		if (fd >= 0 && !l->is_deferred && listen(fd, l->backlog)) {
			failed(err, "listen");
			close(fd);
			return -1;
		}
		return fd;
	}
	case ADDR_NONE:
		break;
	}
	snprintf(err, LISTEN_ERROR_BYTES, "no address");
	return -1;
}

int
net_listen_start(int fd, int backlog)
{
	return listen(fd, backlog);
}
