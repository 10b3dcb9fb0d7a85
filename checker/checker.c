/* SPDX-License-Identifier: MIT
 *
 * The checker process: its entry, its loop, its end. One exists, whatever nbproc is; a
 * second one may be preparing during a reload and waits for the lease.
 */
#include "checker/self.h"

#include <signal.h>
#include <sys/resource.h>

#include "checker/sockets.h"
#include "lib/base/must.h"
#include "lib/net/log_target.h"
#include "lib/net/orders.h"
#include "shm/slots.h"

enum {
	LEASE_LOOK_MS = 10,
	SLEEP_MAX_MS = 100, /* a lost wake-up costs no more */
	FDS_RESERVED = 64,  /* for everything that is not a probe */
	PROBES_MIN = 16,
	PROBES_MAX = 32768,
};

struct checker checker;

/* --- hooks of the loop ----------------------------------------------------------------
 */

static void
leave(void)
{
	net_loop_stop(checker.loop);
}

static void
told(int signal)
{
	if (signal != SIGUSR1) /* log files are control's */
		leave();
}

static void
read_mail(void)
{
	if (shm_slot_take_mail(checker.shm) & SHM_MAIL_WAKE && checker.has_lease)
		observe_look();
	if (checker.has_lease && !shm_lease_is_mine(checker.shm, SHM_ROLE_CHECKER))
		leave(); /* a successor is in charge */
}

static uint64_t
before_wait(void *arg, uint64_t now_ms)
{
	(void)arg;
	(void)now_ms;
	logger_flush(checker.logger);
	struct log_counts n = logger_counts(checker.logger);
	if (n.sent)
		shm_count(&checker.global, SHM_GLOBAL_log_sent, n.sent);
	if (n.dropped)
		shm_count(&checker.global, SHM_GLOBAL_log_dropped, n.dropped);
	return SLEEP_MAX_MS;
}

static void
sleeping(void *arg, uint64_t now_ms, uint64_t wake_at_ms)
{
	(void)arg;
	shm_slot_wait(checker.shm, now_ms, wake_at_ms);
}

static void
after_wait(void *arg, uint64_t now_ms)
{
	(void)arg;
	shm_slot_beat(checker.shm, now_ms);
	read_mail(); /* a wake-up may be lost */
}

/* --- the lease
 * --------------------------------------------------------------------------- */

/* The predecessor may still be writing; what it wrote last is where we start. */
static void
look_for_lease(struct net_timer *t)
{
	if (!shm_lease_is_mine(checker.shm, SHM_ROLE_CHECKER)) {
		net_timer_set(checker.loop, t,
			      net_loop_now_ms(checker.loop) + LEASE_LOOK_MS);
		return;
	}
	checker.has_lease = true;
	schedule_begin();
}

/* --- entry
 * ---------------------------------------------------------------------------------- */

static size_t
checked_n(const struct cfg *cfg)
{
	size_t n = 0;
	for (size_t i = 0; i < cfg->proxies_n; i++)
		for (size_t k = 0; k < cfg->proxies[i]->servers_n; k++)
			n += (size_t)cfg->proxies[i]->servers[k]->check +
			     cfg->proxies[i]->servers[k]->check_reuse_pool +
			     cfg->proxies[i]->servers[k]->agent_check;
	return n;
}

void
checker_prepare(const struct checker_inherit *in)
{
	const struct cfg *cfg = in->cfg;
	struct rlimit fds;
	rlim_t wanted = checked_n(cfg) + FDS_RESERVED;
	checker.logger =
		logger_new(cfg->log_targets, cfg->log_targets_n, cfg->global.log_tag,
			   in->net.log_relay_fd, NULL, NULL);
	logger_share_samples(checker.logger, in->net.log_samples);
	if (cfg->global.log_pid == CFG_LOG_PID_MASTER)
		logger_show_pid(checker.logger, getppid());
	icmp_prepare(cfg);
	if (getrlimit(RLIMIT_NOFILE, &fds) < 0 || fds.rlim_cur >= wanted)
		return;
	fds.rlim_cur = wanted;
	if (fds.rlim_max < wanted)
		fds.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &fds) < 0) { /* not root: as far as allowed */
		(void)getrlimit(RLIMIT_NOFILE, &fds);
		fds.rlim_cur = fds.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &fds);
	}
}

static uint32_t
probes_allowed(void)
{
	struct rlimit fds;
	must(getrlimit(RLIMIT_NOFILE, &fds) == 0);
	if (fds.rlim_cur >= PROBES_MAX + FDS_RESERVED)
		return PROBES_MAX;
	if (fds.rlim_cur <= PROBES_MIN + FDS_RESERVED)
		return PROBES_MIN;
	return (uint32_t)fds.rlim_cur - FDS_RESERVED;
}

int
checker_main(const struct checker_inherit *in)
{
	const struct cfg_global *global = &in->cfg->global;
	const struct net_loop_hooks hooks = {before_wait, sleeping, after_wait, NULL};
	static struct net_orders orders = {
		.told = told, .mailed = read_mail, .orphaned = leave};
	if (!checker.logger)
		checker_prepare(in);
	checker.in = in;
	checker.shm = in->shm;
	/* in the background there is nobody to read it */
	checker.is_printing = (!global->daemon || global->foreground) && !global->quiet;
	checker.arena = arena_new();
	checker.exam = exam_new(&checker_host);
	checker.probes_max = checker.probes_cap = probes_allowed();
	checker.loop = net_loop_new(&hooks);
	groups_build();
	net_orders_init(&orders, checker.loop, &in->net);
	net_timer_init(&checker.lease_timer, look_for_lease);
	net_timer_set(checker.loop, &checker.lease_timer,
		      net_loop_now_ms(checker.loop) + 1);
	shm_slot_set_state(checker.shm, SHM_PROC_READY);
	net_loop_run(checker.loop);
	shm_slot_set_state(checker.shm, SHM_PROC_DRAINING);
	external_end_all();
	probe_sockets_close();
	logger_free(&checker.logger); /* sends what is queued */
	return 0;
}
