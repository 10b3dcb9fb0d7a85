/* SPDX-License-Identifier: MIT
 *
 * The pidfile. Its old content, of a master that was killed, stays until the new one is
 * ready; nobody reads a pid of a master that does not serve yet. Master.
 */
#include "master/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/report.h"

int
pidfile_open(const char *path, char err[SHM_ERROR_BYTES])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		snprintf(err, SHM_ERROR_BYTES, "global.pidfile: cannot write %s: %s",
			 path, strerror(errno));
	return fd;
}

void
pidfile_write(int fd, long pid)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", pid);
	(void)!ftruncate(fd, 0);
	(void)!pwrite(fd, text, (size_t)n, 0);
}

static bool
says(const char *path, long pid)
{
	char text[24] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	bool is_read = read(fd, text, sizeof(text) - 1) > 0;
	close(fd);
	return is_read && strtol(text, NULL, 10) == pid;
}

void
pidfile_remove(int fd, const char *path, long pid)
{
	if (says(path, pid)) /* not a successor that was started with the same name */
		(void)unlink(path);
	close(fd);
}

void
pidfile_abandon(int fd, const char *path)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_size == 0)
		(void)unlink(path);
	close(fd);
}
