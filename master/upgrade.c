/* SPDX-License-Identifier: MIT
 *
 * A new binary in two steps. First it runs as a child that changes nothing: it reads the
 * configuration, the region and the list of descriptors (-c --takeover N). Only if it
 * likes all three the master executes it in its own place, with every descriptor of that
 * list left open; it then starts as after a kill of the master (adopt.h), and relieves
 * the old processes when its own are ready. Master.
 */
#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/base/span.h"
#include "master/estate.h"
#include "master/notify.h"
#include "master/report.h"

enum {
	UPGRADE_TRIAL_MS = 30000,
	UPGRADE_TEXT_MAX = 16 * 1024,
	UPGRADE_EXEC_FAILED = 127
};

/* --- executing
 * --------------------------------------------------------------------------
 */

/* The command line as it was given, with our switches in front. */
static char **
command_line(bool is_trial)
{
	static char check[] = "-c", takeover[] = "--takeover";
	const struct options *o = master.options;
	char **argv = must_calloc((size_t)o->argc + 5, sizeof(*argv)), **to = argv;
	char text[16];
	snprintf(text, sizeof(text), "%d", master.lock_fd);
	*to++ = o->argv[0];
	if (is_trial)
		*to++ = check;
	*to++ = takeover;
	*to++ = strdup(text);
	must(to[-1]);
	for (int i = 1; i < o->argc; i++) {
		if (strcmp(o->argv[i], "--takeover") == 0)
			i++;
		else
			*to++ = o->argv[i];
	}
	return argv;
}

static void
set_cloexec(int fd, bool closes)
{
	if (fd >= 0)
		(void)fcntl(fd, F_SETFD, closes ? FD_CLOEXEC : 0);
}

static void
keep_open(const struct estate *e, bool keeps)
{
	for (uint32_t i = 0; i < e->head.sockets_n; i++)
		set_cloexec(e->sockets[i].fd, !keeps);
	for (uint32_t i = 0; i < e->head.slots_n; i++)
		set_cloexec(e->slots[i].eventfd, !keeps);
	set_cloexec(e->head.relay_read_fd, !keeps);
	set_cloexec(e->head.relay_write_fd, !keeps);
	set_cloexec(e->head.lock_fd, !keeps);
	set_cloexec(e->head.pidfile_fd, !keeps);
}

/* Paths of the command line begin where it was given. */
static void
execute(bool is_trial)
{
	char **argv = command_line(is_trial);
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (chdir(master.options->start_dir) == 0)
		(void)execvp(argv[0], argv);
	report(REPORT_ERROR, "cannot execute %s: %s", argv[0], strerror(errno));
	if (here >= 0) {
		(void)!fchdir(here);
		close(here);
	}
	free(argv[is_trial ? 3 : 2]);
	free(argv);
}

/* Returns only when it failed. */
static void
exec_in_place(void)
{
	struct estate *e = estate_read(master.lock_fd);
	if (!e) {
		report(REPORT_ERROR, "the list of sockets beside the region is damaged");
		return;
	}
	keep_open(e, true);
	fflush(NULL);
	execute(false);
	keep_open(e, false);
	estate_free(&e);
}

/* --- the trial
 * ---------------------------------------------------------------------------
 */

static _Noreturn void
trial_child(int text_fd, pid_t parent)
{
	sigset_t none;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(UPGRADE_EXEC_FAILED);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)dup2(text_fd, STDOUT_FILENO);
	(void)dup2(text_fd, STDERR_FILENO);
	set_cloexec(master.lock_fd, false);
	(void)unsetenv("NOTIFY_SOCKET");
	execute(true);
	_exit(UPGRADE_EXEC_FAILED);
}

void
upgrade_ask(void)
{
	report(REPORT_NOTICE, "SIGUSR2: trying %s", master.options->argv[0]);
	master.upgrade.is_wanted = true;
}

static void
trial_begin(void)
{
	struct upgrade *u = &master.upgrade;
	u->is_wanted = false;
	u->status = -1;
	u->text_fd = memfd_create("weir: upgrade", MFD_CLOEXEC);
	u->deadline_ms = master.now_ms + UPGRADE_TRIAL_MS;
	estate_publish();
	fflush(NULL);
	u->pid = u->text_fd < 0 ? -1 : fork();
	if (u->pid == 0)
		trial_child(u->text_fd, master.pid);
	if (u->pid > 0)
		return;
	report(REPORT_ERROR, "SIGUSR2: %s", strerror(errno));
	if (u->text_fd >= 0)
		close(u->text_fd);
	u->pid = 0;
}

void
upgrade_trial_ended(pid_t pid, int status)
{
	if (!pid || pid != master.upgrade.pid)
		return;
	master.upgrade.pid = 0;
	master.upgrade.status = status;
}

static void
report_text(int fd)
{
	char *text = must_alloc(UPGRADE_TEXT_MAX);
	ssize_t n = pread(fd, text, UPGRADE_TEXT_MAX, 0);
	for (struct span rest = span_of(text, n > 0 ? (size_t)n : 0); rest.n;) {
		struct span line = span_cut(&rest, '\n');
		if (line.n)
			report(REPORT_ERROR, "%.*s", (int)line.n, line.p);
	}
	free(text);
}

static void
trial_finish(void)
{
	struct upgrade *u = &master.upgrade;
	int status = u->status, text_fd = u->text_fd;
	*u = (struct upgrade){.is_wanted = u->is_wanted, .status = -1};
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		close(text_fd);
		report(REPORT_NOTICE, "SIGUSR2: %s takes over", master.options->argv[0]);
		notify_reloading();
		estate_publish();
		exec_in_place();
		notify_ready();
		return;
	}
	report(REPORT_ERROR, "SIGUSR2 refused, nothing changed: %s %s %d",
	       master.options->argv[0], WIFSIGNALED(status) ? "ended by signal" : "said",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	report_text(text_fd);
	close(text_fd);
}

uint64_t
upgrade_step(void)
{
	struct upgrade *u = &master.upgrade;
	if (u->pid) {
		if (master.now_ms < u->deadline_ms)
			return u->deadline_ms;
		(void)kill(u->pid, SIGKILL);
		return UINT64_MAX;
	}
	/* not beside a reload: what a new generation has is not in the list yet */
	if (master.phase != MASTER_RUNNING || master.reload.phase != RELOAD_NONE)
		return UINT64_MAX;
	if (u->status >= 0)
		trial_finish();
	else if (u->is_wanted)
		trial_begin();
	return UINT64_MAX;
}

/* --- without a configuration
 * -------------------------------------------------------------
 */

static void
tell_all(const struct estate *e, int signal)
{
	for (uint32_t i = 0; i < e->head.slots_n; i++)
		if (e->slots[i].pid > 0)
			(void)kill(e->slots[i].pid, signal);
}

static bool
reap_all(struct estate *e)
{
	pid_t pid;
	bool has_some = false;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (uint32_t i = 0; i < e->head.slots_n; i++)
			if (e->slots[i].pid == pid)
				e->slots[i].pid = 0;
	for (uint32_t i = 0; i < e->head.slots_n; i++)
		has_some |= e->slots[i].pid > 0;
	return has_some;
}

int
upgrade_supervise(const struct options *o)
{
	master.options = o;
	master.lock_fd = o->takeover_fd;
	struct estate *e = estate_read(master.lock_fd);
	sigset_t set;
	if (!e) {
		report(REPORT_ALERT,
		       "cannot start, and the list of sockets beside the region is "
		       "damaged; the processes of the program before it serve on alone");
		return 1;
	}
	report(REPORT_ALERT,
	       "this program cannot start; the processes of the one before it "
	       "serve on; SIGUSR2 tries again, SIGTERM ends them");
	notify_ready();
	sigfillset(&set);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	while (reap_all(e)) {
		siginfo_t info;
		switch (sigwaitinfo(&set, &info)) {
		case SIGHUP:
		case SIGUSR2:
			exec_in_place();
			break;
		case SIGTERM:
			tell_all(e, SIGTERM);
			break;
		case SIGINT:
		case SIGQUIT:
			tell_all(e, SIGINT);
			break;
		}
	}
	estate_free(&e);
	return 1;
}
