/* SPDX-License-Identifier: MIT
 *
 * The main loop of the master: it sleeps until a signal, mail, or the next thing that is
 * due, and then lets each of its parts go as far as it can. Parts set phases, fields and
 * deadlines in `master`; this is the one place where they follow each other.
 */
#include "master/run.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "lib/base/clock.h"
#include "master/members.h"
#include "master/post.h"
#include "master/procs.h"
#include "master/reap.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/signals.h"
#include "master/sockets.h"
#include "master/start.h"
#include "master/stop.h"
#include "master/upgrade.h"
#include "master/watchdog.h"
#include "shm/gauge.h"

enum { SLEEP_MAX_MS = 1000, STARTING_POLL_MS = 2 };

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void
take_mail(void)
{
	eventfd_t n;
	(void)eventfd_read(master.slot_eventfds[SHM_SLOT_MASTER], &n);
	(void)shm_slot_take_mail(master.shm);
	if (eventfd_read(master.reload_fd, &n) == 0)
		reload_ask();
	members_step();
}

/* Whoever did not go in time. */
static uint64_t
kill_late_ones(void)
{
	uint64_t next_ms = UINT64_MAX;
	char text[32];
	PROCS_EACH(p)
	{
		if (!p->kill_at_ms)
			continue;
		if (master.now_ms < p->kill_at_ms) {
			next_ms = earlier(next_ms, p->kill_at_ms);
			continue;
		}
		report(REPORT_INFO, "%s (pid %ld) did not end in time; killed",
		       procs_text(p, text), (long)p->pid);
		p->kill_at_ms = 0;
		procs_signal(p, SIGKILL);
	}
	return next_ms;
}

/* Fills the posts of the current generation, and gives leases to who has got ready. */
static uint64_t
fill_posts(void)
{
	char err[SHM_ERROR_BYTES];
	uint64_t next_ms = UINT64_MAX;
	if (master.phase > MASTER_RUNNING)
		return next_ms;
	if (procs_fill(master.current, true, err)) {
		report(REPORT_ERROR, "%s", err);
		next_ms = master.now_ms + POST_BACKOFF_MIN_MS;
	}
	procs_grant_leases();
	if (!procs_leases_are_held())
		next_ms = earlier(next_ms, master.now_ms + STARTING_POLL_MS);
	for (uint32_t i = 0; i < master.posts_n; i++)
		if (master.posts[i].respawn_at_ms > master.now_ms)
			next_ms = earlier(next_ms, master.posts[i].respawn_at_ms);
	return next_ms;
}

static uint64_t
step_starting(void)
{
	if (master.phase != MASTER_STARTING)
		return UINT64_MAX;
	if (procs_are_ready(master.current) && procs_leases_are_held()) {
		start_announce();
		return UINT64_MAX;
	}
	if (master.now_ms > master.started_at_ms + MASTER_READY_MS) {
		report(REPORT_ALERT,
		       "cannot start: the processes were not ready after %d s",
		       MASTER_READY_MS / 1000);
		start_failed();
	}
	return master.now_ms + STARTING_POLL_MS;
}

/* One round; returns when the next is due. */
static uint64_t
step(void)
{
	master.now_ms = clock_mono_ms();
	uint64_t next_ms = master.now_ms + SLEEP_MAX_MS;
	signals_read(master.signal_fd);
	reap(); /* a SIGCHLD stands for any number of ends */
	take_mail();
	if (!shm_gauge_settle(master.shm))
		next_ms = master.now_ms + STARTING_POLL_MS;
	next_ms = earlier(next_ms, fill_posts());
	next_ms = earlier(next_ms, step_starting());
	next_ms = earlier(next_ms, reload_step());
	next_ms = earlier(next_ms, upgrade_step());
	next_ms = earlier(next_ms, stop_step());
	next_ms = earlier(next_ms, watchdog_step());
	next_ms = earlier(next_ms, kill_late_ones());
	return next_ms;
}

static void
sleep_until(uint64_t at_ms)
{
	struct pollfd *fds = master.pollfds;
	nfds_t n = 0;
	fds[n++] = (struct pollfd){.fd = master.signal_fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = master.slot_eventfds[SHM_SLOT_MASTER],
				   .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = master.reload_fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = master.member_fds[0], .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = master.reload.trial_fd, .events = POLLIN};
	PROCS_EACH(p)
	if (p->pidfd >= 0)
		fds[n++] = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
	uint64_t now_ms = clock_mono_ms();
	shm_slot_wait(master.shm, now_ms, at_ms);
	(void)poll(fds, n, at_ms > now_ms ? (int)(at_ms - now_ms) : 0);
	shm_slot_beat(master.shm, clock_mono_ms());
}

int
master_run(const struct options *o, struct cfg *cfg)
{
	char err[SHM_ERROR_BYTES];
	bool was_running = false;
	if (start(o, cfg, err)) {
		report(REPORT_ALERT, "%s", err);
		start_failed();
		if (!master.current)
			cfg_free(&cfg);
	} else {
		shm_slot_set_state(master.shm, SHM_PROC_READY);
	}
	if (master.procs_n) /* children may exist even when the start failed half-way */
		for (;;) {
			uint64_t next_ms = step();
			was_running |= master.phase == MASTER_RUNNING;
			if (master.phase >= MASTER_STOPPING && procs_count() == 0)
				break;
			sleep_until(next_ms);
		}
	if (o->takeover_fd >= 0 && !was_running)
		return upgrade_supervise(o);
	start_undo(was_running);
	return master.exit_status;
}
