/* SPDX-License-Identifier: MIT
 *
 * The worker process: set-up, event loop with heartbeat, signals, end. Owns everything in
 * `self`.
 */
#include "worker/worker.h"

#include <signal.h>

#include "lib/base/must.h"
#include "lib/net/log_target.h"
#include "lib/net/orders.h"
#include "shm/slots.h"
#include "worker/idle.h"
#include "worker/origin.h"
#include "worker/track.h"
#include "worker/queue.h"
#include "worker/summary.h"

enum {
	/* buffers: what maxconn connections may hold in the worst case, bounded */
	WORKER_BUFFER_BYTES_MAX = 1 << 30,
	WORKER_POOL_SLAB_BYTES = 64 * 1024,
	WORKER_SWEEP_MS = 1000,
};

struct worker self;

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
	logger_share_samples(self.logger, in->net.log_samples);
	if (in->cfg->global.log_pid == CFG_LOG_PID_MASTER)
		logger_show_pid(self.logger, getppid());
}

static void
told(int signal)
{
	if (signal == SIGTERM)
		drain_begin(true);
	else if (signal == SIGUSR1)
		drain_begin(false);
	else
		net_loop_stop(self.loop);
}

static void
read_mail(void)
{
	uint32_t mail = shm_slot_take_mail(self.shm);
	if (mail & SHM_MAIL_DRAIN &&
	    shm_generation_is_over(self.shm, self.in->net.generation))
		drain_begin(false);
	if (mail & SHM_MAIL_KILL)
		summary_kill();
	queue_look();
	accept_look();
}

/* In the foreground the children go with their master; else nobody tells them. */
static void
orphaned(void)
{
	net_loop_stop(self.loop);
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
	if (self.owed && !track_settle())
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
	idle_check();
	count_log();
	read_mail(); /* a lost wake-up costs a second, never more */
	if (!self.is_draining)
		shm_slot_report(self.shm, self.conns_n, waiting);
	net_timer_set(self.loop, t, now_ms() + WORKER_SWEEP_MS);
}

void
worker_memory_init(void)
{
	uint64_t limit = (uint64_t)self.cfg->global.maxconn * 40 * 1024;
	if (limit > WORKER_BUFFER_BYTES_MAX)
		limit = WORKER_BUFFER_BYTES_MAX;
	if (limit < 64 * 1024 * 1024)
		limit = 64 * 1024 * 1024;
	pool_init(&self.sessions, sizeof(struct session), WORKER_POOL_SLAB_BYTES, 0);
	pool_init(&self.txns, sizeof(struct txn), WORKER_POOL_SLAB_BYTES, 0);
	pool_init(&self.session_ends, sizeof(struct session_ends), WORKER_POOL_SLAB_BYTES,
		  0);
	pool_init(&self.txn_sets, sizeof(struct txn_set), WORKER_POOL_SLAB_BYTES, 0);
	pool_init(&self.origins, sizeof(struct origin), WORKER_POOL_SLAB_BYTES, 0);
	buf_pools_init(&self.bufs, limit);
	self.rx = must_alloc(WORKER_RX_BYTES);
	self.tx = must_alloc(WORKER_TX_BYTES);
	self.hx = must_alloc(WORKER_HX_BYTES);
	self.edits = must_alloc(WORKER_EDITS_BYTES);
	self.scratch = (struct expr_scratch){.bytes = must_alloc(WORKER_SCRATCH_BYTES),
					     .cap = WORKER_SCRATCH_BYTES};
	list_init(&self.session_list);
	list_init(&self.idle_origins);
}

int
worker_main(const struct worker_inherit *in)
{
	static const struct net_loop_hooks hooks = {.before_wait = before_wait,
						    .sleeping = sleeping,
						    .after_wait = after_wait};
	static struct net_orders orders = {
		.told = told, .mailed = read_mail, .orphaned = orphaned};
	must(self.in == in);
	worker_memory_init();
	self.loop = net_loop_new(&hooks);
	self.started_ms = now_ms();
	queue_init();
	runtime_init();
	summary_init();
	net_orders_init(&orders, self.loop, &in->net);
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
