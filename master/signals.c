/* SPDX-License-Identifier: MIT
 *
 * Signals to the master: tables of signal and what it asks for, weir's and HAProxy's.
 * They come through a signalfd, so that the main loop handles them in one place and no
 * handler exists. Master.
 */
#include "master/signals.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "master/procs.h"
#include "master/reap.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/stop.h"
#include "master/upgrade.h"

static void
reopen_logs(void)
{
	struct proc *control = procs_holder(master.current->number, SHM_ROLE_CONTROL, 0);
	report(REPORT_NOTICE, "log files are opened again");
	if (control)
		procs_mail(control->slot, SHM_MAIL_REOPEN);
}

/* As HAProxy: who asks for the end has what was asked for, even while it starts. */
static void
stop_well(void)
{
	stop_now();
	master.exit_status = 0;
}

static void
stop_as_killed(void)
{
	stop_now();
	master.exit_status = 128 + master.signal;
}

struct row {
	int signal;
	void (*act)(void);
};

enum { TABLE_N = 7 };
static const struct row tables[][TABLE_N] = {
	[SIGNALS_WEIR] = {{SIGHUP, reload_ask},
			  {SIGTERM, stop_gracefully},
			  {SIGINT, stop_now},
			  {SIGQUIT, stop_now},
			  {SIGUSR1, reopen_logs},
			  {SIGUSR2, upgrade_ask},
			  {SIGCHLD, reap}},
	[SIGNALS_HAPROXY] = {{SIGHUP, reopen_logs},
			     {SIGTERM, stop_well},
			     {SIGINT, stop_well},
			     {SIGQUIT, reopen_logs},
			     {SIGUSR1, stop_gracefully},
			     {SIGUSR2, reload_ask},
			     {SIGCHLD, reap}},
	[SIGNALS_HAPROXY_MASTER] = {{SIGHUP, reload_ask},
				    {SIGTERM, stop_as_killed},
				    {SIGINT, stop_as_killed},
				    {SIGQUIT, stop_as_killed},
				    {SIGUSR1, stop_gracefully},
				    {SIGUSR2, reload_ask},
				    {SIGCHLD, reap}},
};

int
signals_open(void)
{
	const struct row *table = tables[master.options->signals];
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < TABLE_N; i++) {
		/* a starter may have left it ignored (nohup), and zombies would vanish */
		(void)signal(table[i].signal, SIG_DFL);
		sigaddset(&set, table[i].signal);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	must(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	must(fd >= 0);
	return fd;
}

void
signals_read(int fd)
{
	const struct row *table = tables[master.options->signals];
	struct signalfd_siginfo info;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		for (size_t i = 0; i < TABLE_N; i++)
			if (table[i].signal == (int)info.ssi_signo) {
				master.signal = table[i].signal;
				table[i].act();
			}
}
