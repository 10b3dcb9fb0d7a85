/* SPDX-License-Identifier: MIT
 *
 * Going to the background (-D). The current directory stays: relative paths of the
 * command line are read again at each reload.
 */
#include "master/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int
daemon_begin(void)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid_t pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid == 0) {
		close(fds[0]);
		(void)setsid();
		return fds[1];
	}
	char c;
	ssize_t n;
	close(fds[1]);
	do
		n = read(fds[0], &c, 1);
	while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

int
daemon_open_null(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

void
daemon_leave_terminal(int null_fd)
{
	for (int i = 0; null_fd >= 0 && i < 3; i++)
		(void)dup2(null_fd, i);
	if (null_fd > 2)
		close(null_fd);
}

void
daemon_ready(int *fd)
{
	daemon_leave_terminal(daemon_open_null());
	(void)!write(*fd, "r", 1);
	close(*fd);
	*fd = -1;
}
