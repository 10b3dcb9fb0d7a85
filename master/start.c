/* SPDX-License-Identifier: MIT
 *
 * The start of the daemon: lock, checks, region, sockets, first generation. Each step may
 * fail with one line; whoever fails before the lock is held has touched nothing. Master.
 */
#include "master/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/control.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "master/adopt.h"
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
#include "master/store.h"
#include "master/tables.h"
#include "master/title.h"
#include "shm/gauge.h"

static int
open_region(const struct cfg *cfg, const struct shm_geometry *geometry, bool fresh,
	    char err[SHM_ERROR_BYTES])
{
	bool adopted = false;
	const struct cfg_global *g = &cfg->global;
	if (fresh)
		adopt_end(g->shm);
	master.shm = shm_open_master(g->shm, geometry, fresh, g->shm_unsafe, g->gid,
				     &adopted, err);
	if (!master.shm)
		return -1;
	if (strcmp(shm_path(master.shm), g->shm) != 0)
		report(REPORT_WARNING,
		       "global.shm: %s is not on a tmpfs; the region is %s", g->shm,
		       shm_path(master.shm));
	report(REPORT_INFO, "region %s %s", shm_path(master.shm),
	       adopted ? "adopted" : "created");
	(void)shm_gauge_settle(master.shm);
	return 0;
}

/* Who serves already, and what they accept from. */
static uint64_t
adopt(struct generation *g)
{
	if (adopt_processes() == 0 && !store_has_any())
		return 0;
	struct estate *e = estate_read(master.lock_fd);
	adopt_descriptors(e);
	adopt_relay(e, g);
	estate_free(&e);
	store_close();
	return adopt_newest_generation();
}

/* A running daemon keeps its region, whatever its command line said once. */
static bool
is_fresh(void)
{
	return master.options->fresh_shm && master.options->takeover_fd < 0;
}

static int
first_generation(struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	struct shm_geometry geometry;
	struct shm_info *info = must_alloc(sizeof(*info));
	if (geometry_of(cfg, &geometry, err) ||
	    open_region(cfg, &geometry, is_fresh(), err)) {
		free(info);
		return -1;
	}
	shm_info(master.shm, info);
	struct generation *g = generation_new(info->generation + 1, cfg);
	free(info);
	procs_init(shm_slots_n(master.shm));
	procs_reset_posts(cfg->global.nbproc);
	master.current = g;
	uint64_t newest = adopt(g);
	if (g->number <= newest) /* it was killed during a reload */
		g->number = newest + 1;
	if (generation_open(g, err))
		return -1;
	must(shm_find(master.shm, SHM_GLOBAL, "", "global", "", &master.global));
	report_set_targets(cfg, g->relay_write_fd);
	tables_prepare(cfg, true);
	master.started_at_ms = master.now_ms = clock_mono_ms(); /* it took a while */
	return procs_fill(g, false, err);
}

/* With -d and -db somebody looks on and expects one process; process 1 of a container has
 * nobody behind it who would start another. */
static bool
is_left_alone(const struct cfg_global *g)
{
	return !g->foreground && master.pid != 1 &&
	       master.options->signals == SIGNALS_WEIR;
}

/* The process is the one that holds the lock already; only the program is new. */
static int
take_over(int fd, char err[SHM_ERROR_BYTES])
{
	struct estate *e = estate_read(fd);
	if (!e)
		return report_into(err, "--takeover: descriptor %d is no list of sockets",
				   fd);
	master.lock_fd = fd;
	master.pidfile_fd = e->head.pidfile_fd;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (master.pidfile_fd >= 0)
		(void)fcntl(master.pidfile_fd, F_SETFD, FD_CLOEXEC);
	estate_free(&e);
	return 0;
}

int
start(const struct options *o, struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	const struct cfg_global *g = &cfg->global;
	master.options = o;
	master.signal_fd = master.lock_fd = master.pidfile_fd = master.daemon_fd =
		master.pidfd = -1;
	master.upgrade.status = -1;
	reload_init();
	master.sockets = sockets_new(master.options->successor_of_n > 0);
	store_open();
	if (sockets_check_given(cfg, err) || privileges_check(cfg, err) ||
	    control_check(cfg, err))
		return -1;
	if (g->daemon && !g->foreground && o->takeover_fd < 0) {
		master.daemon_fd = daemon_begin();
		if (master.daemon_fd < 0)
			return report_into(err, "cannot go to the background: %s",
					   strerror(errno));
	}
	master.pid = getpid();
	master.is_left_alone = is_left_alone(g);
	master.now_ms = master.started_at_ms = master.watched_at_ms = clock_mono_ms();
	if (o->takeover_fd >= 0 ? take_over(o->takeover_fd, err)
				: (master.lock_fd = lock_take(g->shm, err)) < 0)
		return -1;
	if (g->pidfile && master.pidfile_fd < 0 &&
	    (master.pidfile_fd = pidfile_open(g->pidfile, err)) < 0)
		return -1;
	master.pidfile = g->pidfile ? strdup(g->pidfile) : NULL;
	title_set("weir: master");
	master.signal_fd = signals_open();
	master.pidfd = (int)syscall(SYS_pidfd_open, master.pid, 0);
	if (master.pidfd < 0)
		return report_into(err, "pidfd_open: %s (Linux 5.3 or newer is needed)",
				   strerror(errno));
	return first_generation(cfg, err);
}

void
start_announce(void)
{
	struct shm_geometry geometry;
	char err[SHM_ERROR_BYTES], words[SHM_CONFIG_WORDS_BYTES];
	must(geometry_of(master.current->cfg, &geometry, err) == 0);
	sockets_commit(master.sockets);
	estate_publish();
	options_words(master.options, words);
	geometry.config_words = words;
	shm_commit(master.shm, &geometry, master.current->number);
	master.phase = MASTER_RUNNING;
	if (adopt_newest_generation() || store_has_any())
		reload_relieve_adopted();
	if (master.pidfile_fd >= 0)
		pidfile_write(master.pidfile_fd, (long)master.pid);
	report(REPORT_INFO, "generation %lu serves with %u workers, pid %ld",
	       (unsigned long)master.current->number, master.current->cfg->global.nbproc,
	       (long)master.pid);
	for (size_t i = 0; i < master.options->successor_of_n; i++)
		(void)kill(master.options->successor_of[i],
			   master.options->successor_signal);
	notify_ready();
	estate_publish(); /* for the service manager's store */
	if (master.daemon_fd >= 0) {
		report_close_stderr();
		daemon_ready(&master.daemon_fd);
	}
}

void
start_failed(void)
{
	master.exit_status = 1;
	master.phase = MASTER_ENDING;
	if (master.procs_n)
		adopt_let_go();
}

void
start_undo(bool was_running)
{
	sockets_free(&master.sockets);
	store_free();
	report_close_targets();
	generation_free(&master.current);
	procs_fini();
	if (master.shm) {
		shm_mark_stopped(master.shm);
		if (master.options->is_shm_private) {
			(void)unlink(shm_path(master.shm));
			lock_remove(shm_path(master.shm));
		}
		shm_close(&master.shm);
	}
	if (master.pidfile_fd >= 0) {
		if (was_running)
			pidfile_remove(master.pidfile_fd, master.pidfile,
				       (long)master.pid);
		else
			pidfile_abandon(master.pidfile_fd, master.pidfile);
	}
	free(master.pidfile);
	if (master.lock_fd >= 0)
		close(master.lock_fd);
}
