/* SPDX-License-Identifier: MIT
 *
 * Taking rights away, in one place. Workers parse what strangers send: they get a user of
 * their own, an empty directory as root, and nothing of root's powers, for good. Runs in
 * each child; the check before runs in the master, so that a wrong setting ends the start
 * with one line instead of children that die.
 */
#include "master/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "master/report.h"

/* Beside connections and listeners: epoll, timers, logs, pipes, one eventfd per slot. */
enum { FDS_OTHER_N = 256, CAPABILITIES_MAX = 64 };

uint64_t
privileges_fds_wanted(const struct cfg *cfg)
{
	uint64_t listeners_n = cfg->binds_n * cfg->global.nbproc;
	uint64_t slots_n =
		((uint64_t)cfg->global.nbproc + 2) * (cfg->global.max_generations + 1);
	return cfg->global.fds_needed + listeners_n + slots_n + FDS_OTHER_N;
}

static int
check_fds(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	struct rlimit now, more;
	uint64_t wanted = privileges_fds_wanted(cfg);
	if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_max >= wanted)
		return 0;
	more = (struct rlimit){wanted, wanted};
	if (setrlimit(RLIMIT_NOFILE, &more) == 0) /* root may; children do it again */
		return 0;
	return report_into(
		err,
		"global.maxconn: %u connections need %lu file descriptors per "
		"process, the limit is %lu (ulimit -n, LimitNOFILE=); lower maxconn "
		"or raise the limit",
		cfg->global.maxconn, (unsigned long)wanted, (unsigned long)now.rlim_max);
}

int
privileges_check(const struct cfg *cfg, char err[SHM_ERROR_BYTES])
{
	const struct cfg_global *g = &cfg->global;
	struct stat st;
	bool is_root = geteuid() == 0;
	if (g->chroot && stat(g->chroot, &st))
		return report_into(err, "global.chroot: %s: %s", g->chroot,
				   strerror(errno));
	if (g->chroot && !S_ISDIR(st.st_mode))
		return report_into(err, "global.chroot: %s is no directory", g->chroot);
	if (g->chroot && !is_root)
		return report_into(
			err, "global.chroot: only root may; remove it or start as root");
	if (g->uid != (uid_t)-1 && g->uid != geteuid() && !is_root)
		return report_into(err, "global.%s: only root may change the user",
				   g->user ? "user" : "uid");
	if (g->gid != (gid_t)-1 && g->gid != getegid() && !is_root)
		return report_into(err, "global.%s: only root may change the group",
				   g->group ? "group" : "gid");
	return check_fds(cfg, err);
}

static int
change_user(const struct cfg_global *g, char err[SHM_ERROR_BYTES])
{
	bool has_gid = g->gid != (gid_t)-1, has_uid = g->uid != (uid_t)-1;
	if ((has_gid || has_uid) && geteuid() == 0 &&
	    setgroups(has_gid ? 1 : 0, has_gid ? &g->gid : NULL))
		return report_into(err, "setgroups: %s", strerror(errno));
	if (has_gid && setresgid(g->gid, g->gid, g->gid))
		return report_into(err, "global.group: setgid %u: %s", (unsigned)g->gid,
				   strerror(errno));
	if (has_uid && setresuid(g->uid, g->uid, g->uid))
		return report_into(err, "global.user: setuid %u: %s", (unsigned)g->uid,
				   strerror(errno));
	return 0;
}

/* The bounding set goes while we still may; the rest is gone with the user, unless no
 * other user is configured. */
static void
drop_bounding_set(void)
{
	for (unsigned long cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno == EINVAL)
			break; /* the last one this kernel knows */
}

static int
drop_capabilities(char err[SHM_ERROR_BYTES])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, none))
		return report_into(err, "capset: %s", strerror(errno));
	return 0;
}

int
privileges_drop(const struct cfg_global *g, char err[SHM_ERROR_BYTES])
{
	if (g->chroot && (chroot(g->chroot) || chdir("/")))
		return report_into(err, "global.chroot: %s: %s", g->chroot,
				   strerror(errno));
	drop_bounding_set();
	if (change_user(g, err))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return report_into(err, "prctl no_new_privs: %s", strerror(errno));
	return drop_capabilities(err);
}
