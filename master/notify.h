/* SPDX-License-Identifier: MIT
 *
 * sd_notify(3) without libsystemd: states sent to the service manager's socket.
 */
#ifndef WEIR_MASTER_NOTIFY_H
#define WEIR_MASTER_NOTIFY_H

#include <stdbool.h>

/* Whether there is a NOTIFY_SOCKET in the environment; nothing is sent without. */
bool notify_is_on(void);
/* Any text, with a descriptor (-1: none); false: the manager did not take it. */
bool notify_with(const char *text, int fd);

void notify_ready(void);
/* With the time, as Type=notify-reload wants it; notify_ready() ends it. */
void notify_reloading(void);
void notify_stopping(void);

#endif
