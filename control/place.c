/* SPDX-License-Identifier: MIT
 *
 * Directories that outlast chroot. Control.
 */
#include "control/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

void
place_open(struct place *p, const char *path)
{
	char dir[4096];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	*p = (struct place){-1, slash ? slash + 1 : path};
	if (n >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	p->dir_fd = open(!slash ? "."
			 : n	? dir
				: "/",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
place_close(struct place *p)
{
	if (p->dir_fd >= 0)
		close(p->dir_fd);
	p->dir_fd = -1;
}
