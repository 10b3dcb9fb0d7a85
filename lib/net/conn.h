/* SPDX-License-Identifier: MIT
 *
 * One stream socket behind one read/write interface (plain today). Non-blocking, edge-
 * triggered, entered into epoll only when it first has to wait, and then for good.
 *
 * is_readable / is_writable say what is known without asking: they are cleared by EAGAIN,
 * or by a read that came back short while no hang-up is latched (data and FIN are one
 * event: a short read after it would lose the end). Whoever stops reading for another
 * reason must come back by itself; no new edge will come.
 */
#ifndef WEIR_NET_CONN_H
#define WEIR_NET_CONN_H

#include <sys/uio.h>

#include "lib/base/addr.h"
#include "lib/net/loop.h"

enum net_io { NET_DONE, NET_AGAIN, NET_CLOSED, NET_FAILED };

struct net_conn {
	struct net_watch watch;
	bool is_readable, is_writable;
	bool is_hungup; /* RDHUP, HUP or ERR was reported */
	bool is_shut;	/* we sent FIN */
	bool is_eof;	/* the peer's FIN was read */
};

/* Takes over a connected or connecting non-blocking socket. */
void net_conn_init(struct net_conn *c, int fd,
		   void (*ready)(struct net_watch *w, uint32_t events));
/* First thing in the ready function: takes the events into the flags. */
static inline void
net_conn_note(struct net_conn *c, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->is_readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		c->is_writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->is_hungup = true;
}
/* Makes sure that events will come: call before going to sleep on c. */
static inline void
net_conn_await(struct net_loop *l, struct net_conn *c)
{
	if (!c->watch.is_registered)
		net_watch_set(l, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}
/* DONE: 1..cap bytes in *n. CLOSED: the peer's FIN. FAILED: errno. */
enum net_io net_conn_read(struct net_conn *c, void *p, size_t cap, size_t *n);
/* DONE: all n written; AGAIN: *written of them; FAILED. */
enum net_io net_conn_write(struct net_conn *c, const char *p, size_t n, size_t *written);
/* The same for bytes that others follow at once when it is DONE, or net_conn_shutdown(),
 * or net_conn_close(): the kernel sends them and those, or the FIN, as one segment. */
enum net_io net_conn_write_more(struct net_conn *c, const char *p, size_t n,
				size_t *written);
enum net_io net_conn_writev(struct net_conn *c, const struct iovec *iov, int iov_n,
			    size_t *written);
/* Bytes that the socket would take now, estimated from its memory accounting. */
size_t net_conn_room(const struct net_conn *c);
/* Sends FIN, once. */
void net_conn_shutdown(struct net_conn *c);
/* Closes; with_reset: the peer gets RST. The struct may be buried afterwards. */
void net_conn_close(struct net_conn *c, bool with_reset);
/* The error of a failed connect; 0: connected. */
int net_conn_error(const struct net_conn *c);
/* A non-blocking socket whose connect is under way or done; -1 with errno. */
int net_connect(const struct addr *to, bool keepalive_probes);

#endif
