/* SPDX-License-Identifier: MIT
 *
 * sd_notify(3) without libsystemd: states sent to the service manager's socket.
 */
#ifndef WEIR_MASTER_NOTIFY_H
#define WEIR_MASTER_NOTIFY_H

/* Nothing happens without NOTIFY_SOCKET in the environment. */
void notify_ready(void);
/* With the time, as Type=notify-reload wants it; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);

#endif
