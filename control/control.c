/* SPDX-License-Identifier: MIT
 *
 * The control process: its entry, its loop, its end. One is in charge; during a
 * reload a second one prepares and stays silent until it holds the lease (commands
 * wait in the backlog of the socket, log lines in the relay).
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "control/self.h"
#include "lib/base/must.h"
#include "lib/net/orders.h"
#include "shm/counters.h"
#include "shm/slots.h"

enum {
	LEASE_LOOK_MS = 10,
	SLEEP_MAX_MS = 100, /* a lost wake-up costs no more */
	LEAVE_MS = 500,	    /* for answers under way */
};

struct control control;

void
control_log(int level, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	size_t bytes = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
	logger_line(control.logger, control.cfg->global_log_mask, level,
		    span_of(line, bytes));
}

void
control_ask_reload(void)
{
	uint64_t one = 1;
	(void)!write(control.in->reload_fd, &one, sizeof(one));
}

/* --- leaving ------------------------------------------------------------ */

void
control_leave_now(void)
{
	net_loop_stop(control.loop);
}

static void
leave_time_is_up(struct net_timer *t)
{
	(void)t;
	control_leave_now();
}

static void
leave(void)
{
	if (control.is_leaving)
		return;
	control.is_leaving = true;
	shm_slot_set_state(control.shm, SHM_PROC_DRAINING);
	socket_end();
	if (socket_clients_n() == 0)
		control_leave_now();
	else
		net_timer_set(control.loop, &control.leave_timer,
			      net_loop_now_ms(control.loop) + LEAVE_MS);
}

/* --- hooks of the loop -------------------------------------------------- */

static void
told(int signal)
{
	if (signal == SIGUSR1)
		writer_reopen();
	else
		leave();
}

static void
read_mail(void)
{
	uint32_t mail = shm_slot_take_mail(control.shm);
	if (mail & SHM_MAIL_REOPEN)
		writer_reopen();
	if (mail & SHM_MAIL_ASKED && control.has_lease)
		asked_serve();
	if (control.has_lease && !shm_lease_is_mine(control.shm, SHM_ROLE_CONTROL))
		control_leave_now(); /* a successor is in charge: not a word more */
}

static void
count_logs(void)
{
	struct log_counts n = logger_counts(control.logger);
	uint64_t dropped = n.dropped + writer_dropped();
	if (n.sent)
		shm_count(&control.global, SHM_GLOBAL_log_sent, n.sent);
	if (dropped)
		shm_count(&control.global, SHM_GLOBAL_log_dropped, dropped);
}

static uint64_t
before_wait(void *arg, uint64_t now_ms)
{
	(void)arg;
	(void)now_ms;
	logger_flush(control.logger);
	count_logs();
	return SLEEP_MAX_MS;
}

static void
sleeping(void *arg, uint64_t now_ms, uint64_t wake_at_ms)
{
	(void)arg;
	shm_slot_wait(control.shm, now_ms, wake_at_ms);
}

static void
after_wait(void *arg, uint64_t now_ms)
{
	(void)arg;
	shm_slot_beat(control.shm, now_ms);
	read_mail(); /* a wake-up may be lost */
}

/* --- the lease ---------------------------------------------------------- */

/* The predecessor may still be writing. */
static void
look_for_lease(struct net_timer *t)
{
	if (control.is_leaving)
		return;
	if (!shm_lease_is_mine(control.shm, SHM_ROLE_CONTROL)) {
		net_timer_set(control.loop, t,
			      net_loop_now_ms(control.loop) + LEASE_LOOK_MS);
		return;
	}
	control.has_lease = true;
	writer_begin();
	rates_begin();
	move_begin();
	save_begin();
	limits_begin();
	members_begin();
	asked_serve();
	socket_begin();
}

/* --- entry -------------------------------------------------------------- */

/* A line of our own for a file or a socket. */
static void
write_own_line(void *arg, const struct log_target *t, struct span line)
{
	(void)arg;
	writer_write(t->index, line);
}

void
control_prepare(const struct control_inherit *in)
{
	const struct cfg *cfg = in->cfg;
	control.cfg = cfg;
	control.logger = logger_new(cfg->log_targets, cfg->log_targets_n,
				    cfg->global.log_tag, -1, write_own_line, NULL);
	logger_share_samples(control.logger, in->net.log_samples);
	if (cfg->global.log_pid == CFG_LOG_PID_MASTER)
		logger_show_pid(control.logger, getppid());
	writer_prepare(cfg);
	save_prepare(cfg);
}

int
control_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	return writer_check(cfg, err) ? -1 : save_check(cfg, err);
}

/* The others go on, or another one will be in charge; then only what is finished stays.
 */
static bool
is_last(void)
{
	struct shm_info *info = must_alloc(sizeof(*info));
	shm_info(control.shm, info);
	bool is_newest = info->generation == control.in->net.generation;
	free(info);
	return is_newest && shm_lease_is_mine(control.shm, SHM_ROLE_CONTROL);
}

int
control_main(const struct control_inherit *in)
{
	const struct net_loop_hooks hooks = {before_wait, sleeping, after_wait, NULL};
	static struct net_orders orders = {
		.told = told, .mailed = read_mail, .orphaned = control_leave_now};
	if (!control.logger)
		control_prepare(in);
	control.in = in;
	control.shm = in->shm;
	must(shm_find(in->shm, SHM_GLOBAL, "", "global", "", &control.global));
	control.loop = net_loop_new(&hooks);
	net_orders_init(&orders, control.loop, &in->net);
	net_timer_init(&control.leave_timer, leave_time_is_up);
	net_timer_init(&control.lease_timer, look_for_lease);
	net_timer_set(control.loop, &control.lease_timer,
		      net_loop_now_ms(control.loop) + 1);
	shm_slot_set_state(control.shm, SHM_PROC_READY);
	net_loop_run(control.loop);
	shm_slot_set_state(control.shm, SHM_PROC_DRAINING);
	save_cancel();
	if (is_last())
		save_all();
	if (shm_lease_is_mine(control.shm, SHM_ROLE_CONTROL))
		writer_drain();
	logger_flush(control.logger);
	count_logs();
	logger_free(&control.logger);
	return 0;
}
