/* SPDX-License-Identifier: MIT
 *
 * The start of the daemon: lock, checks, region, sockets, first generation. Each step may
 * fail with one line; whoever fails before the lock is held has touched nothing. Master.
 */
#include "master/start.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "master/daemon.h"
#include "master/generation.h"
#include "master/geometry.h"
#include "master/lock.h"
#include "master/notify.h"
#include "master/pidfile.h"
#include "master/privileges.h"
#include "master/procs.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/signals.h"
#include "master/sockets.h"
#include "master/title.h"
#include "shm/gauge.h"

enum { ORPHAN_MS = 1000 };

/* Children of a master that was killed leave by themselves; one that hangs is helped.
 * They must be gone before we bind: else the port looks taken. */
static void
end_orphan(const struct shm_slot_view *v)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)v->pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (fd < 0)
		return;
	if (poll(&p, 1, ORPHAN_MS) == 0) {
		struct shm_slot_view again;
		/* the region found it alive with this start time; is the slot still its?
		 */
		if (shm_slot_view(self.shm, v->slot, &again) && again.epoch == v->epoch) {
			report(REPORT_WARNING,
			       "pid %u of the master before did not end; killed", v->pid);
			(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
			(void)poll(&p, 1, ORPHAN_MS);
		}
	}
	close(fd);
}

static int
open_region(const struct cfg *cfg, const struct shm_geometry *geometry, bool fresh,
	    char err[SHM_ERROR_BYTES])
{
	bool adopted = false;
	struct shm_slot_view v;
	const struct cfg_global *g = &cfg->global;
	self.shm = shm_open_master(g->shm, geometry, fresh, g->shm_unsafe, g->gid,
				   &adopted, err);
	if (!self.shm)
		return -1;
	report(REPORT_INFO, "region %s %s", shm_path(self.shm),
	       adopted ? "adopted" : "created");
	for (uint32_t slot = SHM_SLOT_MASTER + 1; slot < shm_slots_n(self.shm); slot++)
		if (shm_slot_view(self.shm, slot, &v))
			end_orphan(&v);
	(void)shm_gauge_settle(self.shm);
	return 0;
}

/* The first generation is committed before it is forked: there is nothing to go back to.
 */
static int
first_generation(struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	struct shm_geometry geometry;
	struct shm_info *info = must_alloc(sizeof(*info));
	if (geometry_of(cfg, &geometry, err) ||
	    open_region(cfg, &geometry, self.options->fresh_shm, err)) {
		free(info);
		return -1;
	}
	shm_info(self.shm, info);
	struct generation *g = generation_new(info->generation + 1, cfg);
	free(info);
	must(shm_slot_reserve(self.shm, SHM_ROLE_MASTER, 0, g->number) ==
	     SHM_SLOT_MASTER);
	shm_slot_identify(self.shm, SHM_SLOT_MASTER, (uint32_t)self.pid);
	procs_init(shm_slots_n(self.shm));
	procs_reset_posts(cfg->global.nbproc);
	self.current = g;
	if (generation_open(g, err))
		return -1;
	sockets_commit(self.sockets);
	shm_commit(self.shm, &geometry, g->number);
	must(shm_find(self.shm, SHM_GLOBAL, "", "global", "", &self.global));
	report_set_targets(cfg, g->relay_write_fd);
	return procs_fill(g, false, err);
}

int
start(const struct options *o, struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	const struct cfg_global *g = &cfg->global;
	self.options = o;
	self.signal_fd = self.lock_fd = self.pidfile_fd = self.daemon_fd = self.pidfd =
		-1;
	reload_init();
	self.sockets = sockets_new();
	if (privileges_check(cfg, err))
		return -1;
	if (g->daemon && !g->foreground) {
		self.daemon_fd = daemon_begin();
		if (self.daemon_fd < 0)
			return report_into(err, "cannot go to the background: %s",
					   strerror(errno));
	}
	self.pid = getpid();
	self.now_ms = self.started_at_ms = self.watched_at_ms = clock_mono_ms();
	self.lock_fd = lock_take(g->shm, err);
	if (self.lock_fd < 0)
		return -1;
	if (g->pidfile && (self.pidfile_fd = pidfile_open(g->pidfile, err)) < 0)
		return -1;
	self.pidfile = g->pidfile ? strdup(g->pidfile) : NULL;
	title_set("weir: master");
	self.signal_fd = signals_open();
	self.pidfd = (int)syscall(SYS_pidfd_open, self.pid, 0);
	if (self.pidfd < 0)
		return report_into(err, "pidfd_open: %s (Linux 5.3 or newer is needed)",
				   strerror(errno));
	return first_generation(cfg, err);
}

void
start_announce(void)
{
	self.phase = MASTER_RUNNING;
	if (self.pidfile_fd >= 0)
		pidfile_write(self.pidfile_fd, (long)self.pid);
	report(REPORT_INFO, "generation %lu serves with %u workers, pid %ld",
	       (unsigned long)self.current->number, self.current->cfg->global.nbproc,
	       (long)self.pid);
	notify_ready();
	if (self.daemon_fd >= 0) {
		report_close_stderr();
		daemon_ready(&self.daemon_fd);
	}
}

void
start_undo(bool was_running)
{
	sockets_close(self.sockets);
	if (self.shm) {
		shm_mark_stopped(self.shm);
		shm_close(&self.shm);
	}
	if (self.pidfile_fd >= 0) {
		if (was_running)
			pidfile_remove(self.pidfile_fd, self.pidfile);
		else
			pidfile_abandon(self.pidfile_fd, self.pidfile);
	}
	free(self.pidfile);
	if (self.lock_fd >= 0)
		close(self.lock_fd);
}
