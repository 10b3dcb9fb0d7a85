/* SPDX-License-Identifier: MIT
 *
 * One master per region. A POSIX record lock: fork does not inherit it, so that it goes
 * with the master, however that ends, while its children live on for a moment. It is lost
 * when any descriptor of the file is closed in this process: the file is opened once.
 */
#include "master/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/report.h"

/* "/run/weir/weir.shm" -> "/run/weir/weir.lock" */
static void
lock_path(const char *shm_path, char path[PATH_MAX])
{
	size_t n = strlen(shm_path);
	const char *dot = n > 4 ? shm_path + n - 4 : "";
	if (strcmp(dot, ".shm") == 0)
		n -= 4;
	snprintf(path, PATH_MAX, "%.*s.lock", (int)n, shm_path);
}

static void
make_directory(const char *path)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof(dir), "%s", path);
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = '\0';
	mode_t old = umask(022);
	(void)mkdir(dir, 0755); /* opening the file tells what is wrong */
	(void)umask(old);
}

int
lock_take(const char *shm_path, char err[SHM_ERROR_BYTES])
{
	char path[PATH_MAX];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	lock_path(shm_path, path);
	make_directory(path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return report_into(err, "global.shm: cannot open its lock %s: %s%s", path,
				   strerror(errno),
				   geteuid() == 0
					   ? ""
					   : "; be root, or name another place: -o "
					     "global.shm=/dev/shm/NAME.shm");
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	int number = errno;
	if (number != EACCES && number != EAGAIN)
		report_into(err, "global.shm: cannot lock %s: %s", path,
			    strerror(number));
	else if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		report_into(err, "already running, pid %ld (%s)", (long)lock.l_pid, path);
	else
		report_into(err, "already running (%s)", path);
	close(fd);
	return -1;
}

void
lock_remove(const char *shm_path)
{
	char path[PATH_MAX];
	lock_path(shm_path, path);
	(void)unlink(path);
}
