/* SPDX-License-Identifier: MIT
 *
 * sd_notify(3): one datagram with lines NAME=VALUE. Master.
 */
#include "master/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clock.h"

enum { PATIENCE_MS = 50 }; /* with a manager that does not read */

bool
notify_is_on(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	return path && (path[0] == '/' || path[0] == '@') &&
	       strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

/* A message with a descriptor, or without (-1). */
static bool
send_with(int socket_fd, const struct sockaddr_un *to, const char *text, int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.room = {0}};
	struct iovec io = {(char *)(uintptr_t)text, strlen(text)};
	struct msghdr m = {
		.msg_name = (void *)(uintptr_t)to,
		.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
					   strlen(getenv("NOTIFY_SOCKET"))),
		.msg_iov = &io,
		.msg_iovlen = 1,
	};
	if (fd >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof(control.room);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(socket_fd, &m, MSG_NOSIGNAL) >= 0;
}

bool
notify_with(const char *text, int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_usec = PATIENCE_MS * 1000};
	if (!notify_is_on())
		return false;
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@') /* abstract */
		to.sun_path[0] = '\0';
	int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (socket_fd < 0)
		return false;
	(void)setsockopt(socket_fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	bool is_sent = send_with(socket_fd, &to, text, fd);
	close(socket_fd);
	return is_sent;
}

static void
notify(const char *text)
{
	(void)notify_with(text, -1);
}

void
notify_ready(void)
{
	char text[64];
	snprintf(text, sizeof(text), "READY=1\nMAINPID=%ld\n", (long)getpid());
	notify(text);
}

void
notify_reloading(void)
{
	char text[64];
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
		 clock_mono_us());
	notify(text);
}

void
notify_stopping(void)
{
	notify("STOPPING=1\n");
}
