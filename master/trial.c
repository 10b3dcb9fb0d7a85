/* SPDX-License-Identifier: MIT
 *
 * The trial: a forked child loads the configuration, writes what is wrong with it into a
 * pipe and ends with 0 or 1. The master goes on supervising meanwhile.
 */
#include "master/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/title.h"

enum { TRIAL_MS = 30000, TRIAL_TEXT_MAX = 64 * 1024 };

char *
trial_errors_text(const struct cfg_errors *errors)
{
	size_t n = 1;
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		n += strlen(cfg_errors_at(errors, i)) + 1;
	char *text = must_alloc(n), *p = text;
	for (size_t i = 0; i < cfg_errors_n(errors); i++) {
		size_t len = strlen(cfg_errors_at(errors, i));
		memcpy(p, cfg_errors_at(errors, i), len);
		p[len] = '\n';
		p += len + 1;
	}
	*p = '\0';
	return text;
}

static void
write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);
		if (r <= 0)
			return;
		p += r;
		n -= (size_t)r;
	}
}

static _Noreturn void
child(int fd, pid_t parent)
{
	struct cfg_errors *errors = NULL;
	sigset_t none;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	title_set("weir: check");
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
	(void)signal(SIGUSR2, SIG_IGN);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	struct cfg *cfg = cfg_load(&master.options->request, &errors);
	if (!cfg) {
		char *text = trial_errors_text(errors);
		write_all(fd, text, strlen(text));
	}
	_exit(cfg ? 0 : 1);
}

void
trial_begin(void)
{
	struct reload *r = &master.reload;
	int fds[2];
	r->deadline_ms = clock_mono_ms() + TRIAL_MS;
	if (pipe2(fds, O_CLOEXEC)) {
		report_into(r->failure, "pipe: %s", strerror(errno));
		return;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(fds[1], master.pid);
	}
	if (pid < 0) {
		report_into(r->failure, "fork: %s", strerror(errno));
		close(fds[0]);
	} else {
		(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
		r->trial_pid = pid;
		r->trial_fd = fds[0];
	}
	close(fds[1]);
}

void
reload_trial_readable(void)
{
	struct reload *r = &master.reload;
	char piece[4096];
	ssize_t n;
	if (r->trial_fd < 0)
		return;
	while ((n = read(r->trial_fd, piece, sizeof(piece))) > 0) {
		if (r->text_n + (size_t)n > TRIAL_TEXT_MAX)
			continue; /* enough is known; the child must not block */
		r->text = must_realloc(r->text, r->text_n + (size_t)n + 1);
		memcpy(r->text + r->text_n, piece, (size_t)n);
		r->text_n += (size_t)n;
		r->text[r->text_n] = '\0';
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close(r->trial_fd);
	r->trial_fd = -1;
}

void
reload_trial_ended(pid_t pid, int status)
{
	struct reload *r = &master.reload;
	if (!pid || pid != r->trial_pid)
		return;
	r->trial_pid = 0;
	r->trial_status = status;
}

void
trial_cancel(void)
{
	struct reload *r = &master.reload;
	if (r->trial_pid)
		(void)kill(r->trial_pid, SIGKILL);
	r->trial_pid = 0; /* reaped as somebody unknown */
	if (r->trial_fd >= 0)
		close(r->trial_fd);
	r->trial_fd = -1;
}

static char *
copy(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(must_alloc(n), s, n);
}

enum trial_result
trial_look(char **text)
{
	struct reload *r = &master.reload;
	char line[64];
	reload_trial_readable();
	if (r->failure[0]) {
		*text = copy(r->failure);
		return TRIAL_BAD;
	}
	if ((r->trial_pid || r->trial_fd >= 0) && master.now_ms >= r->deadline_ms) {
		trial_cancel();
		snprintf(line, sizeof(line),
			 "reading the configuration took more than %d s",
			 TRIAL_MS / 1000);
		*text = copy(line);
		return TRIAL_BAD;
	}
	if (r->trial_pid || r->trial_fd >= 0)
		return TRIAL_RUNS;
	if (WIFEXITED(r->trial_status) && WEXITSTATUS(r->trial_status) == 0)
		return TRIAL_GOOD;
	if (WIFEXITED(r->trial_status) && r->text) {
		*text = copy(r->text);
		return TRIAL_BAD;
	}
	snprintf(line, sizeof(line), "reading the configuration ended by %s %d",
		 WIFSIGNALED(r->trial_status) ? "signal" : "status",
		 WIFSIGNALED(r->trial_status) ? WTERMSIG(r->trial_status)
					      : WEXITSTATUS(r->trial_status));
	*text = copy(line);
	return TRIAL_BAD;
}
