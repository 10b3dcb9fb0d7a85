/* SPDX-License-Identifier: MIT
 *
 * A fixed pool of kernel pipes for splice(2), made before privileges are dropped
 * (pipe-user-pages-soft allows an unprivileged user only 64 pipes of 1 MB). Few, large:
 * a transfer borrows one while its bytes flow. Only empty pipes go back to the pool.
 */
#ifndef WEIR_NET_PIPES_H
#define WEIR_NET_PIPES_H

#include <stdbool.h>
#include <stddef.h>

struct net_pipe {
	struct net_pipe *next;
	int read_fd, write_fd;
	size_t cap_bytes; /* as F_GETPIPE_SZ tells */
	size_t held_bytes;
};

struct net_pipes {
	struct net_pipe *free_list;
	size_t total_n, free_n;
};

/* Makes up to n pipes of `bytes` each; fewer when the system gives fewer. */
void net_pipes_init(struct net_pipes *p, size_t n, size_t bytes);
/* NULL: none is free; then copy. */
struct net_pipe *net_pipes_get(struct net_pipes *p);
void net_pipes_put_held(struct net_pipes *p, struct net_pipe **pipe);
/* Back to the pool; one that still holds bytes is closed and replaced by a new one.
 * Accepts NULL. */
static inline void
net_pipes_put(struct net_pipes *p, struct net_pipe **pipe)
{
	if (*pipe)
		net_pipes_put_held(p, pipe);
}

#endif
