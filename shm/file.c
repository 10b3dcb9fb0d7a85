/* SPDX-License-Identifier: MIT
 *
 * The region's file. Master (shm_file_elsewhere and shm_boot_id: anybody).
 *
 * tmpfs, because writeback of a real file system would stall workers at random, and a
 * full disk would kill them; room is taken with fallocate(), because a hole that
 * cannot be filled is a SIGBUS under load.
 */
#include "shm/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEV_SHM "/dev/shm"

bool
shm_fail(char err[SHM_ERROR_BYTES], const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err, SHM_ERROR_BYTES, fmt, ap);
	va_end(ap);
	return false;
}

/* --- where it lies ------------------------------------------------------------ */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void
dir_name(const char *path, char out[PATH_MAX])
{
	size_t n = (size_t)(base_name(path) - path);
	if (n == 0) {
		snprintf(out, PATH_MAX, ".");
		return;
	}
	if (n > 1)
		n--;
	snprintf(out, PATH_MAX, "%.*s", (int)n, path);
}

static bool
is_tmpfs(const char *dir)
{
	struct statfs fs;
	return statfs(dir, &fs) == 0 && (unsigned long)fs.f_type == TMPFS_MAGIC;
}

bool
shm_file_elsewhere(const char *path, char out[PATH_MAX])
{
	char dir[PATH_MAX];
	struct stat st;
	dir_name(path, dir);
	if (stat(dir, &st) != 0 || is_tmpfs(dir))
		return false;
	int n = snprintf(out, PATH_MAX, DEV_SHM "/%s", base_name(path));
	return n > 0 && n < PATH_MAX;
}

bool
shm_file_place(const char *path, bool unsafe_fs, char out[PATH_MAX],
	       char err[SHM_ERROR_BYTES])
{
	char dir[PATH_MAX];
	struct stat st;
	if (strlen(path) >= PATH_MAX - 32 || base_name(path)[0] == '\0')
		return shm_fail(err, "global.shm: \"%s\" is not the path of a file",
				path);
	dir_name(path, dir);
	if (mkdir(dir, 0755) == 0) {
		/* whatever the umask is: weirctl of other users reads here */
		if (chmod(dir, 0755) != 0)
			return shm_fail(err, "global.shm: cannot set the mode of %s: %s",
					dir, strerror(errno));
	} else if (errno != EEXIST) {
		return shm_fail(err, "global.shm: cannot make the directory %s: %s", dir,
				strerror(errno));
	}
	if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
		return shm_fail(err, "global.shm: %s is not a directory", dir);
	snprintf(out, PATH_MAX, "%s", path);
	if (unsafe_fs || is_tmpfs(dir))
		return true;
	if (!shm_file_elsewhere(path, out) || !is_tmpfs(DEV_SHM))
		return shm_fail(err,
				"global.shm: %s is not on tmpfs and neither is " DEV_SHM
				"; name a place that is, or set global.shm_unsafe: true "
				"(disk writes may then stall workers)",
				path);
	return true;
}

void
shm_boot_id(char out[SHM_BOOT_ID_BYTES])
{
	memset(out, 0, SHM_BOOT_ID_BYTES);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, out, SHM_BOOT_ID_BYTES - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* --- opening and making ---------------------------------------------------------- */

enum shm_file
shm_file_open(const char *path, int *fd, uint64_t *bytes, char err[SHM_ERROR_BYTES])
{
	struct stat st;
	const char *why = NULL;
	*fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0) {
		if (errno == ENOENT)
			return SHM_FILE_MISSING;
		why = errno == ELOOP ? "it is a symbolic link" : strerror(errno);
	} else if (fstat(*fd, &st) != 0) {
		why = strerror(errno);
	} else if (!S_ISREG(st.st_mode)) {
		why = "it is not a regular file";
	} else if (st.st_uid != geteuid()) {
		why = "it belongs to another user";
	} else if (st.st_nlink != 1) {
		why = "it has several names (hard links)";
	}
	if (!why) {
		*bytes = (uint64_t)st.st_size;
		return SHM_FILE_OPEN;
	}
	shm_fail(err, "global.shm: cannot adopt %s: %s; remove it", path, why);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return SHM_FILE_REFUSED;
}

int
shm_file_create(const char *path, uint64_t bytes, char temp[PATH_MAX],
		char err[SHM_ERROR_BYTES])
{
	struct rlimit lim;
	if (getrlimit(RLIMIT_FSIZE, &lim) == 0 && lim.rlim_cur < bytes) {
		shm_fail(err,
			 "global.shm: %s is a sparse file of %llu MB, the file size "
			 "limit (ulimit -f) is "
			 "lower",
			 path, (unsigned long long)(bytes >> 20));
		return -1;
	}
	int fd = -1;
	for (int i = 0; fd < 0 && i < 8; i++) {
		snprintf(temp, PATH_MAX, "%.*s.%d.%d", PATH_MAX - 32, path, (int)getpid(),
			 i);
		unlink(temp); /* left behind by a process of that pid, or planted */
		fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0) {
		shm_fail(err, "global.shm: cannot create %s: %s", temp, strerror(errno));
		return -1;
	}
	if (ftruncate(fd, (off_t)bytes) != 0) {
		shm_fail(err, "global.shm: cannot size %s to %llu bytes: %s", temp,
			 (unsigned long long)bytes, strerror(errno));
		close(fd);
		unlink(temp);
		return -1;
	}
	return fd;
}

bool
shm_file_protect(int fd, const char *path, uint32_t gid, char err[SHM_ERROR_BYTES])
{
	if (gid != (uint32_t)-1 && fchown(fd, (uid_t)-1, (gid_t)gid) != 0)
		return shm_fail(
			err,
			"global.shm: cannot give %s to the group %u (global.group): %s",
			path, gid, strerror(errno));
	if (fchmod(fd, 0640) != 0)
		return shm_fail(err, "global.shm: cannot set the mode of %s: %s", path,
				strerror(errno));
	return true;
}

int
shm_file_readonly(const char *path, int rw_fd, char err[SHM_ERROR_BYTES])
{
	struct stat a, b;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, &a) == 0 && fstat(rw_fd, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return fd;
	shm_fail(err, "global.shm: cannot open %s again for reading: %s", path,
		 fd < 0 ? strerror(errno) : "another file took its place");
	if (fd >= 0)
		close(fd);
	return -1;
}

/* --- room -------------------------------------------------------------------------- */

static uint64_t
read_number(const char *path)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return UINT64_MAX;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0 || text[0] < '0' || text[0] > '9') /* "max" */
		return UINT64_MAX;
	text[n] = '\0';
	return strtoull(text, NULL, 10);
}

/* What the memory limits of our control group (version 2) and those above it leave;
 * pages of tmpfs count there. UINT64_MAX: no limit, or not known. */
static uint64_t
memory_left(void)
{
	char line[PATH_MAX], group[PATH_MAX] = "", path[PATH_MAX + 64];
	FILE *f = fopen("/proc/self/cgroup", "re");
	if (!f)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "0::/", 4) == 0)
			snprintf(group, sizeof(group), "%.*s",
				 (int)strcspn(line + 3, "\n"), line + 3);
	fclose(f);
	uint64_t left = UINT64_MAX;
	while (group[0]) {
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group);
		uint64_t max = read_number(path);
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.current", group);
		uint64_t now = read_number(path);
		if (max != UINT64_MAX && now != UINT64_MAX) {
			uint64_t here = max > now ? max - now : 0;
			left = here < left ? here : left;
		}
		*strrchr(group, '/') = '\0';
	}
	return left;
}

static int
allocate_one(void *arg, uint64_t off, uint64_t bytes)
{
	int fd = *(const int *)arg, rc;
	if (bytes == 0)
		return 0;
	do
		rc = fallocate(fd, 0, (off_t)off, (off_t)bytes) == 0 ? 0 : errno;
	while (rc == EINTR);
	if (rc == EOPNOTSUPP) /* global.shm_unsafe: glibc writes instead */
		rc = posix_fallocate(fd, (off_t)off, (off_t)bytes);
	return rc;
}

bool
shm_file_allocate(int fd, const char *path, const struct shm_layout *at,
		  const struct shm_extent *use, uint64_t areas_bytes, uint64_t has_bytes,
		  char err[SHM_ERROR_BYTES])
{
	struct statfs fs;
	uint64_t used = shm_layout_used(at, use) + areas_bytes;
	uint64_t more = used > has_bytes ? used - has_bytes : 0;
	if (more == 0)
		return true;
	/* a tmpfs without a limit has no blocks */
	if (fstatfs(fd, &fs) == 0 && fs.f_blocks > 0 &&
	    more / (uint64_t)fs.f_bsize >= (uint64_t)fs.f_bavail)
		return shm_fail(err,
				"global.shm: %s needs %llu KB more, its file system has "
				"%llu KB left",
				path, (unsigned long long)(more >> 10),
				(unsigned long long)fs.f_bavail * (uint64_t)fs.f_bsize >>
					10);
	uint64_t left = memory_left();
	if (more >= left)
		return shm_fail(err,
				"global.shm: %s needs %llu KB more, the memory limit of "
				"the control "
				"group leaves %llu KB",
				path, (unsigned long long)(more >> 10),
				(unsigned long long)(left >> 10));
	int rc = shm_layout_each(at, use, allocate_one, &fd);
	if (rc != 0)
		return shm_fail(err, "global.shm: no room for %llu KB more in %s: %s",
				(unsigned long long)(more >> 10), path, strerror(rc));
	return true;
}
