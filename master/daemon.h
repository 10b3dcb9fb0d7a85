/* SPDX-License-Identifier: MIT
 *
 * Going to the background: the starter waits until the daemon serves.
 */
#ifndef WEIR_MASTER_DAEMON_H
#define WEIR_MASTER_DAEMON_H

/* Returns in the daemon, in a session of its own, with the descriptor for daemon_ready();
 * -1 when fork fails. The starter does not return: it exits with 0 when the daemon is
 * ready, with 1 when it ended before (it has said why on stderr). */
int daemon_begin(void);
void daemon_ready(int *fd);
/* stdin, stdout and stderr become /dev/null. In two steps for children, which must open
 * it before chroot, and have something to say until the last of their rights is gone. */
int daemon_open_null(void);
void daemon_leave_terminal(int null_fd);

#endif
