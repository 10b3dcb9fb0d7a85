/* SPDX-License-Identifier: MIT
 *
 * Accepting: the listening sockets this worker polls, connection limits over all workers,
 * and the neighbour's sockets while the neighbour does not serve them. Worker. The
 * sockets belong to the master; closing here would only close our copy, so they are taken
 * out of epoll and left alone.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "shm/hand.h"
#include "shm/slots.h"
#include "worker/idle.h"
#include "worker/limits.h"
#include "worker/session.h"

enum {
	ACCEPT_BUDGET = 16,	  /* per wake-up, own socket */
	ACCEPT_BUDGET_SHARED = 2, /* shared with the other workers */
	ACCEPT_EMFILE_MS = 100,
	ACCEPT_CLOSED_MS = 100, /* a frontend that was disabled by hand */
	NEIGHBOUR_MS = 100,
	NEIGHBOUR_STALE_MS = 200,
};

/* Never later than already planned: releases that never stop must not put it off. */
static void
resume_in(uint64_t ms)
{
	uint64_t at = now_ms() + ms, planned = self.resume_timer.deadline_ms;
	if (!planned || at < planned)
		net_timer_set(self.loop, &self.resume_timer, at);
}

static void
listener_pause(struct listener *l, uint64_t retry_ms)
{
	if (l->is_paused)
		return;
	net_watch_remove(self.loop, &l->watch);
	l->is_paused = true;
	self.paused_n++;
	shm_count(&self.global, SHM_GLOBAL_maxconn_paused, 1);
	resume_in(retry_ms);
}

/* Somebody said "disable frontend" or "shutdown frontend". */
static bool
is_closed(const struct rt_frontend *fe)
{
	return shm_hand_value(&fe->shm, SHM_HAND_CLOSED, SHM_IS_OPEN) != SHM_IS_OPEN;
}

static void
count_connection(const struct rt_listener *bind)
{
	shm_count(&self.global, SHM_GLOBAL_conn_tot, 1);
	shm_count(&bind->fe->shm, SHM_FRONTEND_conn_tot, 1);
	shm_count(&bind->shm, SHM_LISTENER_conn_tot, 1);
}

static void
start(int fd, struct rt_listener *bind, const struct sockaddr_storage *ss, socklen_t len)
{
	const struct cfg_proxy *fe = bind->fe->cfg;
	count_connection(bind);
	if (fe->mode == CFG_MODE_HEALTH) {
		shm_count(&bind->fe->shm, SHM_FRONTEND_stot, 1);
		shm_count(&bind->shm, SHM_LISTENER_stot, 1);
		health_answer(fd, fe);
		limits_give(bind);
		return;
	}
	if (fe->options & CFG_OPT_TCPKA) {
		int one = 1;
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	}
	session_new(fd, bind, (const struct sockaddr *)ss, len);
}

/* How many connections wait: asking costs what an accept() in vain would, and leaves the
 * connection gauges alone. */
static int
waiting_n(const struct listener *l)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int budget = l->is_shared ? ACCEPT_BUDGET_SHARED : ACCEPT_BUDGET;
	if (getsockopt(l->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return 1; /* a UNIX socket */
	return info.tcpi_unacked < (uint32_t)budget ? (int)info.tcpi_unacked : budget;
}

static void
listener_ready(struct net_watch *w, uint32_t events)
{
	struct listener *l = list_entry(w, struct listener, watch);
	(void)events;
	if (self.is_draining) /* the event is older than the drain: somebody else accepts
			       */
		return;
	if (is_closed(l->bind->fe)) {
		listener_pause(l, ACCEPT_CLOSED_MS);
		return;
	}
	for (int i = waiting_n(l); i > 0; i--) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct limits_stop stop;
		if (!limits_take(l->bind, &stop)) {
			if (stop.full && !limits_await(stop.full))
				continue;
			l->awaits = stop.full;
			listener_pause(l, stop.retry_ms);
			return;
		}
		int fd = accept4(w->fd, (struct sockaddr *)&ss, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			start(fd, l->bind, &ss, len);
			continue;
		}
		int error = errno;
		limits_give_back(l->bind);
		if ((error == EMFILE || error == ENFILE) && idle_close_oldest())
			continue;
		if (error == EMFILE || error == ENFILE || error == ENOBUFS ||
		    error == ENOMEM) {
			shm_count(&self.global, SHM_GLOBAL_accept_failed, 1);
			listener_pause(l, ACCEPT_EMFILE_MS);
			return;
		}
		if (error != ECONNABORTED && error != EINTR && error != EPROTO)
			return; /* EAGAIN */
	}
}

static void
listener_poll(struct listener *l)
{
	uint32_t events = l->is_shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN;
	if (!l->watch.is_registered && !l->is_paused)
		net_watch_set(self.loop, &l->watch, events);
}

/* It does not wait any longer. */
static void
listener_unpause(struct listener *l)
{
	if (l->awaits)
		limits_forgo(l->awaits);
	l->awaits = NULL;
	l->is_paused = false;
	self.paused_n--;
}

static void
listener_leave(struct listener *l)
{
	net_watch_remove(self.loop, &l->watch);
	if (l->is_paused)
		listener_unpause(l);
}

/* It had to wait; now it tries again. What it waited for is the next one's, if it needs
 * no more of it. */
static void
listener_resume(struct listener *l)
{
	const struct shm_object *awaited = l->awaits;
	listener_unpause(l);
	if (waiting_n(l) > 0)
		listener_ready(&l->watch, EPOLLIN);
	listener_poll(l);
	if (awaited)
		limits_pass_on(awaited);
}

void
accept_look(void)
{
	for (size_t i = 0; i < self.listeners_n && self.paused_n; i++)
		if (self.listeners[i].is_paused)
			listener_resume(&self.listeners[i]);
}

static void
resume_late(struct net_timer *t)
{
	(void)t;
	accept_look();
}

static void
resume_woken(struct net_task *t)
{
	(void)t;
	accept_look();
}

static bool
is_mine(const struct listener *l)
{
	return l->is_shared || l->column % self.in->workers_n == self.in->index;
}

/* The right neighbour is dead, stopped or not started: its clients must not wait. Two
 * workers on one socket are harmless, so nothing needs to be agreed on. */
static void
watch_neighbour(struct net_timer *t)
{
	uint32_t neighbour = (self.in->index + 1) % self.in->workers_n;
	int slot = shm_slot_of_worker(self.shm, neighbour);
	bool takes_over = slot < 0 || shm_slot_is_stale(self.shm, (uint32_t)slot,
							now_ms(), NEIGHBOUR_STALE_MS);
	if (takes_over != self.has_takeover) {
		self.has_takeover = takes_over;
		if (takes_over)
			shm_count(&self.global, SHM_GLOBAL_takeover, 1);
		for (size_t i = 0; i < self.listeners_n; i++) {
			struct listener *l = &self.listeners[i];
			if (l->is_shared || l->column % self.in->workers_n != neighbour)
				continue;
			if (takes_over)
				listener_poll(l);
			else
				listener_leave(l);
		}
	}
	net_timer_set(self.loop, t, now_ms() + NEIGHBOUR_MS);
}

void
accept_init(void)
{
	const struct net_listeners *m = &self.in->net.listeners;
	self.listeners = must_calloc(m->binds_n * m->columns_n, sizeof(*self.listeners));
	for (size_t b = 0; b < m->binds_n; b++) {
		for (size_t c = 0; c < m->columns_n; c++) {
			int fd = m->fd[b * m->columns_n + c];
			if (fd < 0)
				continue;
			struct listener *l = &self.listeners[self.listeners_n++];
			net_watch_init(&l->watch, fd, listener_ready);
			l->bind = &self.binds[b];
			l->column = (uint32_t)c;
			l->is_shared = m->columns_n > 1 && c == 0 &&
				       m->fd[b * m->columns_n + 1] < 0;
		}
	}
	net_timer_init(&self.resume_timer, resume_late);
	net_task_init(&self.resume_task, resume_woken);
	net_timer_init(&self.neighbour_timer, watch_neighbour);
	for (size_t i = 0; i < self.listeners_n; i++)
		if (is_mine(&self.listeners[i]))
			listener_poll(&self.listeners[i]);
	if (self.in->workers_n > 1)
		net_timer_set(self.loop, &self.neighbour_timer, now_ms() + NEIGHBOUR_MS);
}

void
accept_stop(void)
{
	net_timer_remove(&self.neighbour_timer);
	net_timer_remove(&self.resume_timer);
	for (size_t i = 0; i < self.listeners_n; i++)
		listener_leave(&self.listeners[i]);
}
