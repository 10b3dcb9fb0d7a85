/* SPDX-License-Identifier: MIT
 *
 * The worker process: set-up, event loop with heartbeat, signals, end. Owns everything in
 * `self`.
 */
#include "worker/worker.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/net/log_target.h"
#include "shm/slots.h"
#include "worker/origin.h"

enum {
	/* buffers: what maxconn connections may hold in the worst case, bounded */
	WORKER_BUFFER_BYTES_MAX = 1 << 30,
	WORKER_POOL_SLAB_BYTES = 64 * 1024,
	WORKER_SWEEP_MS = 1000,
};

struct worker self;

static struct net_watch signal_watch, master_watch, mail_watch;

void
worker_prepare(const struct worker_inherit *in)
{
	self.in = in;
	self.cfg = in->cfg;
	self.shm = in->shm;
	net_pipes_init(&self.pipes, WORKER_PIPES_N, WORKER_PIPE_BYTES);
	self.logger =
		logger_new(in->cfg->log_targets, in->cfg->log_targets_n,
			   in->cfg->global.log_tag, in->net.log_relay_fd, NULL, NULL);
}

static void
signal_ready(struct net_watch *w, uint32_t events)
{
	struct signalfd_siginfo info;
	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
			drain_begin(true);
			break;
		case SIGUSR1:
			drain_begin(false);
			break;
		case SIGINT:
			net_loop_stop(self.loop);
			break;
		}
	}
}

static void
read_mail(void)
{
	uint32_t mail = shm_slot_take_mail(self.shm);
	if (mail & SHM_MAIL_DRAIN)
		drain_begin(false);
}

static void
mail_ready(struct net_watch *w, uint32_t events)
{
	eventfd_t value;
	(void)events;
	(void)eventfd_read(w->fd, &value);
	read_mail();
}

/* The master is gone, and in this release its children go with it. */
static void
master_ready(struct net_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	net_loop_stop(self.loop);
}

static void
signals_init(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	must(fd >= 0);
	net_watch_init(&signal_watch, fd, signal_ready);
	net_watch_set(self.loop, &signal_watch, EPOLLIN);
	net_watch_init(&master_watch, self.in->net.master_pidfd, master_ready);
	if (self.in->net.master_pidfd >= 0)
		net_watch_set(self.loop, &master_watch, EPOLLIN);
	net_watch_init(&mail_watch, self.in->net.slot_eventfds[self.in->net.slot],
		       mail_ready);
	net_watch_set(self.loop, &mail_watch, EPOLLIN);
}

static void
count_log(void)
{
	struct log_counts c = logger_counts(self.logger);
	if (c.sent)
		shm_count(&self.global, SHM_GLOBAL_log_sent, c.sent);
	if (c.dropped)
		shm_count(&self.global, SHM_GLOBAL_log_dropped, c.dropped);
}

static uint64_t
before_wait(void *arg, uint64_t at_ms)
{
	(void)arg;
	(void)at_ms;
	logger_flush(self.logger);
	if (shm_gauge_is_unsettled(self.shm) && !shm_gauge_settle(self.shm))
		return 1;
	return WORKER_WAKE_MS;
}

static void
sleeping(void *arg, uint64_t at_ms, uint64_t wake_at_ms)
{
	(void)arg;
	shm_slot_wait(self.shm, at_ms, wake_at_ms);
}

static void
after_wait(void *arg, uint64_t at_ms)
{
	(void)arg;
	shm_slot_beat(self.shm, at_ms);
}

static void
sweep(struct net_timer *t)
{
	uint32_t waiting[4] = {0};
	origin_sweep(false);
	count_log();
	read_mail(); /* a lost wake-up costs a second, never more */
	if (!self.is_draining)
		shm_slot_report(self.shm, self.conns_n, waiting);
	net_timer_set(self.loop, t, now_ms() + WORKER_SWEEP_MS);
}

static void
memory_init(void)
{
	uint64_t limit = (uint64_t)self.cfg->global.maxconn * 40 * 1024;
	if (limit > WORKER_BUFFER_BYTES_MAX)
		limit = WORKER_BUFFER_BYTES_MAX;
	if (limit < 64 * 1024 * 1024)
		limit = 64 * 1024 * 1024;
	pool_init(&self.sessions, sizeof(struct session), WORKER_POOL_SLAB_BYTES, 0);
	pool_init(&self.txns, sizeof(struct txn), WORKER_POOL_SLAB_BYTES, 0);
	pool_init(&self.origins, sizeof(struct origin), WORKER_POOL_SLAB_BYTES, 0);
	buf_pools_init(&self.bufs, limit);
	self.rx = must_alloc(WORKER_RX_BYTES);
	self.tx = must_alloc(WORKER_TX_BYTES);
	self.hx = must_alloc(WORKER_HX_BYTES);
	list_init(&self.session_list);
	list_init(&self.idle_origins);
}

int
worker_main(const struct worker_inherit *in)
{
	static const struct net_loop_hooks hooks = {.before_wait = before_wait,
						    .sleeping = sleeping,
						    .after_wait = after_wait};
	must(self.in == in);
	memory_init();
	self.loop = net_loop_new(&hooks);
	runtime_init();
	signals_init();
	drain_init();
	accept_init();
	net_timer_init(&self.sweep_timer, sweep);
	net_timer_set(self.loop, &self.sweep_timer, now_ms() + WORKER_SWEEP_MS);
	shm_slot_beat(self.shm, now_ms());
	shm_slot_set_state(self.shm, SHM_PROC_READY);
	net_loop_run(self.loop);
	count_log();
	logger_flush(self.logger);
	return 0;
}
