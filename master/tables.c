/* SPDX-License-Identifier: MIT
 *
 * Stick tables of a generation: memory that was just cut off the region gets its head
 * before anybody is forked; what was there stays as it is. What a new one knew before the
 * machine was started anew is read from its file (`persist`) by a child without rights:
 * whatever stands in the file, this start goes on. Master.
 */
#include "master/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "master/privileges.h"
#include "master/report.h"
#include "master/self.h"
#include "master/title.h"
#include "shm/snapshot.h"
#include "shm/stick/text.h"

enum { LOAD_MS = 30000 };

/* A new table and its file. */
struct fresh {
	const struct cfg_table *table;
	struct shm_object object;
	int fd;
};

static bool
is_blank(const struct shm_object *o)
{
	static const unsigned char zeros[STICK_HEAD_BYTES];
	return memcmp(o->area, zeros, sizeof(zeros)) == 0;
}

/* Whether the table is new. */
static bool
prepare(const struct cfg_table *t, struct shm_object *o)
{
	char id[SHM_ADDR_BYTES];
	struct shm_stick handle;
	stick_spec_id(&t->spec, id, sizeof(id));
	must(shm_find(master.shm, SHM_TABLE, "", t->name, id, o) && o->area);
	if (shm_stick_init(&handle, &t->spec, o)) {
		shm_stick_fini(&handle);
		return false;
	}
	if (!is_blank(o)) {
		report(REPORT_WARNING, "table %s: damaged, it begins anew", t->name);
		memset(o->area, 0, t->spec.bytes);
	}
	shm_stick_format(o->area, &t->spec);
	return true;
}

/* --- the child that reads ------------------------------------------------------------
 */

static void
tell_lost(const struct cfg_table *t, uint32_t lost)
{
	for (int type = 0; type < STICK_TYPES_N; type++)
		if (lost & 1u << type)
			report(REPORT_WARNING,
			       "table %s: its shape has no room for %s of %s", t->name,
			       stick_type_name((enum stick_type)type), t->persist);
}

static void
load(struct fresh *f)
{
	const struct cfg_table *t = f->table;
	struct shm_snapshot_load r;
	struct shm_stick stick;
	char err[SHM_ERROR_BYTES];
	enum shm_snapshot_result got = SHM_SNAPSHOT_MORE;
	if (!shm_stick_init(&stick, &t->spec, &f->object))
		return;
	if (!shm_snapshot_load_begin(&r, f->fd, &stick, 0, err)) {
		report(REPORT_WARNING, "table %s: %s is not used: %s", t->name,
		       t->persist, err);
		return;
	}
	tell_lost(t, r.lost);
	while (got == SHM_SNAPSHOT_MORE)
		got = shm_snapshot_load_some(&r, master.shm, err);
	if (got == SHM_SNAPSHOT_DAMAGED)
		report(REPORT_WARNING, "table %s: %s: %s; what comes behind is lost",
		       t->name, t->persist, err);
	report(REPORT_INFO, "table %s: %llu keys from %s, %llu had expired", t->name,
	       (unsigned long long)r.loaded_n, t->persist,
	       (unsigned long long)r.expired_n);
	shm_snapshot_load_end(&r);
	shm_stick_fini(&stick);
}

static _Noreturn void
child(const struct cfg *cfg, struct fresh *all, size_t n)
{
	char err[SHM_ERROR_BYTES];
	sigset_t none;
	title_set("weir: loader");
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (privileges_drop(&cfg->global, false, err)) {
		report(REPORT_WARNING, "tables are not loaded: %s", err);
		_exit(1);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != master.pid)
		_exit(1);
	(void)alarm(LOAD_MS / 1000);
	shm_child_enter(master.shm, SHM_SLOT_MASTER);
	for (size_t i = 0; i < n; i++)
		load(&all[i]);
	_exit(0);
}

/* --- the master's side ---------------------------------------------------------------
 */

void
tables_loader_ended(pid_t pid, int status)
{
	if (!pid || pid != master.loader_pid)
		return;
	master.loader_pid = 0;
	if (WIFSIGNALED(status))
		report(REPORT_WARNING,
		       "reading the files of tables was ended by signal %d; what they "
		       "held is lost in part",
		       WTERMSIG(status));
}

void
tables_loader_end(void)
{
	int status = 0;
	if (!master.loader_pid)
		return;
	(void)kill(master.loader_pid, SIGKILL);
	(void)waitpid(master.loader_pid, &status, 0);
	tables_loader_ended(master.loader_pid, status);
}

/* Until it is through, or somebody wants something else, or for too long. */
static void
wait_for_loader(void)
{
	int status = 0;
	struct pollfd fds[2] = {
		{.fd = (int)syscall(SYS_pidfd_open, master.loader_pid, 0),
		 .events = POLLIN},
		{.fd = master.signal_fd, .events = POLLIN},
	};
	if (fds[0].fd >= 0)
		(void)poll(fds, 2, LOAD_MS);
	if (fds[0].fd >= 0)
		close(fds[0].fd);
	if (waitpid(master.loader_pid, &status, WNOHANG) == master.loader_pid)
		tables_loader_ended(master.loader_pid, status);
	else
		tables_loader_end();
}

static void
load_all(const struct cfg *cfg, struct fresh *all, size_t n, bool does_wait)
{
	fflush(NULL);
	master.loader_pid = fork();
	if (master.loader_pid == 0)
		child(cfg, all, n);
	if (master.loader_pid < 0) {
		report(REPORT_WARNING, "tables are not loaded: fork: %s",
		       strerror(errno));
		master.loader_pid = 0;
	} else if (does_wait) {
		wait_for_loader();
	}
}

void
tables_mend(const struct cfg *cfg)
{
	struct shm_object o;
	for (size_t i = 0; i < cfg->tables_n; i++)
		(void)prepare(cfg->tables[i], &o);
}

/* A table of another shape is there: its keys move, control does that. */
static bool
has_former(const struct fresh *f)
{
	struct shm_object o;
	return shm_stick_find(master.shm, f->table->name, &o) &&
	       o.index != f->object.index;
}

void
tables_prepare(const struct cfg *cfg, bool does_wait)
{
	struct fresh *all = must_calloc(cfg->tables_n + 1, sizeof(*all));
	size_t n = 0;
	tables_loader_end(); /* it may be loading what is not there any more */
	for (size_t i = 0; i < cfg->tables_n; i++) {
		struct fresh *f = &all[n];
		f->table = cfg->tables[i];
		if (!prepare(f->table, &f->object) || !f->table->persist || has_former(f))
			continue;
		f->fd = open(f->table->persist,
			     O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (f->fd >= 0)
			n++;
		else if (errno != ENOENT)
			report(REPORT_WARNING, "table %s: %s cannot be read: %s",
			       f->table->name, f->table->persist, strerror(errno));
	}
	if (n)
		load_all(cfg, all, n, does_wait);
	for (size_t i = 0; i < n; i++)
		close(all[i].fd);
	free(all);
}
