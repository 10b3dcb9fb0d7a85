/* SPDX-License-Identifier: MIT
 *
 * Calls of the kernel that no child needs.
 */
#ifndef WEIR_MASTER_SYSCALLS_H
#define WEIR_MASTER_SYSCALLS_H

#include <stdbool.h>

/* From now on they fail with EPERM, in this process and what it forks; after
 * no_new_privs. may_signal: it has children to end (checks by programs); else signals go
 * to itself alone. 0, or -1 with errno (EINVAL: not known to this kernel or processor).
 */
int syscalls_restrict(bool may_signal);

#endif
