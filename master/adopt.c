/* SPDX-License-Identifier: MIT
 *
 * Adoption. A process is known by pid, start time and the epoch of its slot, all from
 * pages that only masters write; from then on by a pidfd, so that its number may be
 * reused. A descriptor is copied out of it with pidfd_getfd(2) and must prove what it is:
 * processes that talk to strangers are not believed. Master.
 */
#include "master/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "master/procs.h"
#include "master/report.h"
#include "master/sockets.h"
#include "master/store.h"

enum { END_MS = 1000 };

/* --- processes
 * --------------------------------------------------------------------------- */

static bool
is_in_family(enum shm_role role)
{
	for (size_t i = 0; i < procs_roles_n; i++)
		if (procs_roles[i].role == role)
			return true;
	return false;
}

/* A new binary in the old process finds its children; they are waited for, not watched.
 */
static bool
is_child(uint32_t pid)
{
	siginfo_t info;
	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* A pidfd of that slot's process and of no other; -1: it is gone. */
static int
open_process(const struct shm *s, const struct shm_slot_view *v)
{
	struct shm_slot_view again;
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)v->pid, 0);
	/* looked at after opening: the pid was not given to somebody else in between */
	if (fd >= 0 && shm_slot_view(s, v->slot, &again) && again.epoch == v->epoch &&
	    shm_slot_is_alive(s, v->slot))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool
adopt_process(const struct shm_slot_view *v)
{
	struct proc *p = procs_new();
	int fd = open_process(master.shm, v);
	if (!p || fd < 0)
		return false;
	if (is_child(v->pid)) {
		close(fd);
		fd = -1;
	}
	shm_slot_claim(master.shm, v->slot);
	*p = (struct proc){
		.pid = (pid_t)v->pid,
		.pidfd = fd,
		.role = v->role,
		.index = v->index,
		.slot = v->slot,
		.generation = v->generation,
		.started_at_ms = master.now_ms,
		.is_adopted = true,
	};
	if (shm_lease_holder(master.shm, v->role) == (int)v->slot)
		master.lease_pids[v->role] = p->pid;
	return true;
}

size_t
adopt_processes(void)
{
	size_t n = 0;
	struct shm_slot_view v;
	for (uint32_t slot = SHM_SLOT_MASTER + 1; slot < shm_slots_n(master.shm); slot++)
		if (shm_slot_view(master.shm, slot, &v) && is_in_family(v.role))
			n += adopt_process(&v);
	if (n)
		report(REPORT_NOTICE,
		       "%zu processes of the master before serve on; they leave when "
		       "their "
		       "successors are ready",
		       n);
	return n;
}

uint64_t
adopt_newest_generation(void)
{
	uint64_t newest = 0;
	PROCS_EACH(p)
	if (p->is_adopted && p->generation > newest)
		newest = p->generation;
	return newest;
}

void
adopt_let_go(void)
{
	PROCS_EACH(p)
	{
		if (!p->is_adopted)
			continue;
		if (p->pidfd >= 0)
			close(p->pidfd);
		p->pid = 0;
	}
	/* in the same process they stay open for the next attempt */
	sockets_let_go(master.sockets, master.options->takeover_fd < 0);
}

/* --- descriptors
 * ---------------------------------------------------------------------------
 */

static bool
is_socket(const void *what, int fd)
{
	return estate_is_socket(what, fd);
}

static bool
has_cookie(const void *what, int fd)
{
	const uint64_t *cookie = what;
	return *cookie && estate_cookie(fd) == *cookie;
}

static bool
is_eventfd(const void *what, int fd)
{
	char path[40], text[40];
	(void)what;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return strcmp(text, "anon_inode:[eventfd]") == 0 &&
	       fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* Our copy of descriptor `fd` as the first process has it for which it is the right one;
 * -1: nobody has it, or we may not. In the same process (a new binary) it is there. */
static int
take(int fd, bool (*is_it)(const void *what, int fd), const void *what)
{
	if (fd < 0)
		return -1;
	if (master.options->takeover_fd >= 0)
		return is_it(what, fd) && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
	PROCS_EACH(p)
	{
		if (p->pidfd < 0)
			continue;
		int got = (int)syscall(SYS_pidfd_getfd, p->pidfd, fd, 0U);
		if (got >= 0 && is_it(what, got))
			return got;
		if (got >= 0)
			close(got);
	}
	return store_take(is_it, what);
}

/* The members of one group from s on; returns how many. */
static size_t
take_group(const struct estate_socket *s, size_t left_n, size_t *missing_n)
{
	int *fds = must_calloc(left_n, sizeof(*fds));
	size_t n = 0, got_n = 0;
	for (; n < left_n && s[n].group == s->group; n++) {
		int fd = take(s[n].fd, is_socket, &s[n]);
		if (fd >= 0)
			fds[got_n++] = fd;
	}
	struct net_listen spec = estate_spec(s);
	if (spec.addr.kind != ADDR_NONE)
		sockets_restore(master.sockets, &spec, fds, got_n);
	*missing_n += n - got_n;
	free(fds);
	return n;
}

void
adopt_descriptors(const struct estate *e)
{
	size_t missing_n = 0;
	if (!e) {
		report(REPORT_WARNING, "the list of their sockets is lost");
		return;
	}
	for (size_t i = 0; i < e->head.sockets_n;) {
		const struct estate_socket *s = &e->sockets[i];
		i += s->flags & ESTATE_GIVEN
			     ? 1
			     : take_group(s, e->head.sockets_n - i, &missing_n);
	}
	for (uint32_t i = 0; i < e->head.slots_n && i < master.slots_n; i++) {
		int fd = take(e->slots[i].eventfd, is_eventfd, NULL);
		if (fd < 0)
			continue; /* they look at their mail now and then */
		close(master.slot_eventfds[i]);
		master.slot_eventfds[i] = fd;
	}
	if (missing_n)
		report(REPORT_WARNING,
		       "%zu of their %u listening sockets could not be taken "
		       "(pidfd_getfd: is CAP_SYS_PTRACE missing?); others are bound "
		       "beside "
		       "them, and connections that wait in the old ones will be reset",
		       missing_n, e->head.sockets_n);
}

void
adopt_relay(const struct estate *e, struct generation *g)
{
	if (!e || e->head.relay_targets != estate_targets(g->cfg))
		return;
	int read_fd = take(e->head.relay_read_fd, has_cookie, &e->head.relay_read_cookie);
	int write_fd =
		take(e->head.relay_write_fd, has_cookie, &e->head.relay_write_cookie);
	if (read_fd >= 0 && write_fd >= 0) {
		g->relay_read_fd = read_fd;
		g->relay_write_fd = write_fd;
		return;
	}
	if (read_fd >= 0)
		close(read_fd);
	if (write_fd >= 0)
		close(write_fd);
}

/* --- the end
 * -----------------------------------------------------------------------------
 */

static void
end_process(int pidfd)
{
	static const int signals[] = {SIGINT, SIGKILL};
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	for (size_t i = 0; i < 2; i++) {
		(void)syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0U);
		if (poll(&p, 1, END_MS) > 0)
			return;
	}
}

void
adopt_end(const char *path)
{
	struct shm *old = NULL;
	struct shm_slot_view v;
	char err[SHM_ERROR_BYTES];
	if (shm_attach(path, &old, err) != SHM_ATTACH_OK)
		return;
	for (uint32_t slot = SHM_SLOT_MASTER + 1; slot < shm_slots_n(old); slot++) {
		int fd = shm_slot_view(old, slot, &v) ? open_process(old, &v) : -1;
		if (fd < 0)
			continue;
		report(REPORT_WARNING,
		       "pid %u belongs to the region that is replaced; ended", v.pid);
		end_process(fd);
		close(fd);
	}
	shm_close(&old);
}
