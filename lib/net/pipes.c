/* SPDX-License-Identifier: MIT
 *
 * The pool of pipes. Worker.
 */
#include "lib/net/pipes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/must.h"

enum { PIPE_WORTH_BYTES = 64 * 1024 };

static int
pipe_open(struct net_pipe *p, size_t bytes)
{
	int fd[2];
	if (pipe2(fd, O_NONBLOCK | O_CLOEXEC) < 0)
		return -1;
	if (bytes)
		(void)fcntl(fd[1], F_SETPIPE_SZ, (int)bytes);
	int got = fcntl(fd[1], F_GETPIPE_SZ);
	if (got < PIPE_WORTH_BYTES) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	p->read_fd = fd[0];
	p->write_fd = fd[1];
	p->cap_bytes = (size_t)got;
	p->held_bytes = 0;
	return 0;
}

void
net_pipes_init(struct net_pipes *p, size_t n, size_t bytes)
{
	*p = (struct net_pipes){.free_list = NULL};
	for (size_t i = 0; i < n; i++) {
		struct net_pipe *pipe = must_calloc(1, sizeof(*pipe));
		if (pipe_open(pipe, bytes) < 0) {
			free(pipe);
			return;
		}
		pipe->next = p->free_list;
		p->free_list = pipe;
		p->total_n++;
		p->free_n++;
	}
}

struct net_pipe *
net_pipes_get(struct net_pipes *p)
{
	struct net_pipe *pipe = p->free_list;
	if (!pipe)
		return NULL;
	p->free_list = pipe->next;
	p->free_n--;
	return pipe;
}

void
net_pipes_put_held(struct net_pipes *p, struct net_pipe **pipe)
{
	struct net_pipe *one = *pipe;
	*pipe = NULL;
	if (one->held_bytes) {
		/* never pooled: the next client would get these bytes */
		size_t bytes = one->cap_bytes;
		close(one->read_fd);
		close(one->write_fd);
		if (pipe_open(one, bytes) < 0) {
			free(one);
			p->total_n--;
			return;
		}
	}
	one->next = p->free_list;
	p->free_list = one;
	p->free_n++;
}
