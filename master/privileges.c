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
#include "master/syscalls.h"

enum { CAPABILITIES_MAX = 64 };

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
	if (g->external_uid != (uid_t)-1 && g->external_uid != geteuid() && !is_root)
		return report_into(err, "global.external_check_user: only root may "
					"change the user");
	return 0;
}

static int
change_user(uid_t uid, gid_t gid, char err[SHM_ERROR_BYTES])
{
	bool has_gid = gid != (gid_t)-1, has_uid = uid != (uid_t)-1;
	if ((has_gid || has_uid) && geteuid() == 0 &&
	    setgroups(has_gid ? 1 : 0, has_gid ? &gid : NULL))
		return report_into(err, "setgroups: %s", strerror(errno));
	if (has_gid && setresgid(gid, gid, gid))
		return report_into(err, "global.group: setgid %u: %s", (unsigned)gid,
				   strerror(errno));
	if (has_uid && setresuid(uid, uid, uid))
		return report_into(err, "global.user: setuid %u: %s", (unsigned)uid,
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
privileges_drop(const struct cfg_global *g, bool runs_programs, char err[SHM_ERROR_BYTES])
{
	bool is_other = runs_programs && g->external_uid != (uid_t)-1;
	if (g->chroot && !runs_programs && (chroot(g->chroot) || chdir("/")))
		return report_into(err, "global.chroot: %s: %s", g->chroot,
				   strerror(errno));
	drop_bounding_set();
	if (change_user(is_other ? g->external_uid : g->uid,
			is_other ? g->external_gid : g->gid, err))
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return report_into(err, "prctl no_new_privs: %s", strerror(errno));
	if (drop_capabilities(err))
		return -1;
	if (syscalls_restrict(runs_programs) && errno != EINVAL && errno != ENOSYS)
		return report_into(err, "seccomp: %s", strerror(errno));
	return 0;
}
