/* SPDX-License-Identifier: MIT
 *
 * Calls of the kernel that no child needs.
 */
#ifndef WEIR_MASTER_SYSCALLS_H
#define WEIR_MASTER_SYSCALLS_H

/* From now on they fail with EPERM, in this process and what it forks; after
 * no_new_privs. 0, or -1 with errno (EINVAL: not known to this kernel or processor). */
int syscalls_restrict(void);

#endif
