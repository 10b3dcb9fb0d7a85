/* SPDX-License-Identifier: MIT
 *
 * Connections over plain sockets. Any process with an event loop.
 */
#include "lib/net/conn.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <unistd.h>

void
net_conn_init(struct net_conn *c, int fd,
	      void (*ready)(struct net_watch *w, uint32_t events))
{
	net_watch_init(&c->watch, fd, ready);
	c->is_readable = c->is_writable = true;
	c->is_hungup = c->is_shut = c->is_eof = false;
}

enum net_io
net_conn_read(struct net_conn *c, void *p, size_t cap, size_t *n)
{
	ssize_t r;
	do
		r = recv(c->watch.fd, p, cap, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		*n = (size_t)r;
		if (*n < cap && !c->is_hungup)
			c->is_readable = false;
		return NET_DONE;
	}
	*n = 0;
	if (r == 0) {
		c->is_eof = true;
		return NET_CLOSED;
	}
	if (errno == EAGAIN) {
		c->is_readable = false;
		return NET_AGAIN;
	}
	return NET_FAILED;
}

static enum net_io
sent(struct net_conn *c, ssize_t r, size_t n, size_t *written)
{
	*written = r > 0 ? (size_t)r : 0;
	if (r >= 0 && *written == n)
		return NET_DONE;
	if (r >= 0 || errno == EAGAIN) {
		c->is_writable = false;
		return NET_AGAIN;
	}
	return NET_FAILED;
}

static enum net_io
write_with(struct net_conn *c, const char *p, size_t n, int flags, size_t *written)
{
	ssize_t r;
	do
		r = send(c->watch.fd, p, n, MSG_NOSIGNAL | flags);
	while (r < 0 && errno == EINTR);
	return sent(c, r, n, written);
}

enum net_io
net_conn_write(struct net_conn *c, const char *p, size_t n, size_t *written)
{
	return write_with(c, p, n, 0, written);
}

enum net_io
net_conn_write_more(struct net_conn *c, const char *p, size_t n, size_t *written)
{
	return write_with(c, p, n, MSG_MORE, written);
}

enum net_io
net_conn_writev(struct net_conn *c, const struct iovec *iov, int iov_n, size_t *written)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov,
			   .msg_iovlen = (size_t)iov_n};
	size_t n = 0;
	for (int i = 0; i < iov_n; i++)
		n += iov[i].iov_len;
	ssize_t r;
	do
		r = sendmsg(c->watch.fd, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return sent(c, r, n, written);
}

size_t
net_conn_room(const struct net_conn *c)
{
	uint32_t mem[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(mem);
	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_MEMINFO, mem, &len) < 0)
		return 0;
	uint32_t size = mem[SK_MEMINFO_SNDBUF], used = mem[SK_MEMINFO_WMEM_QUEUED];
	return size > used ? (size_t)(size - used) / 4 * 3 : 0;
}

void
net_conn_shutdown(struct net_conn *c)
{
	if (c->is_shut)
		return;
	c->is_shut = true;
	(void)shutdown(c->watch.fd, SHUT_WR);
}

void
net_conn_close(struct net_conn *c, bool with_reset)
{
	if (c->watch.fd < 0)
		return;
	if (with_reset) {
		struct linger now = {.l_onoff = 1, .l_linger = 0};
		(void)setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	close(c->watch.fd);
	c->watch.fd = -1;
	c->watch.ready = NULL;
	c->watch.is_registered = false;
}

int
net_conn_error(const struct net_conn *c)
{
	int e = 0;
	socklen_t len = sizeof(e);
	if (getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return errno;
	return e;
}

int
net_connect(const struct addr *to, bool keepalive_probes)
{
	int family = to->u.sa.sa_family, one = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (family != AF_UNIX) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (keepalive_probes)
			(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	if (connect(fd, &to->u.sa, to->len) < 0 && errno != EINPROGRESS) {
		int e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}
