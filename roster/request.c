/* SPDX-License-Identifier: MIT
 *
 * Requests on their way. The master never waits; control waits for a bounded time: a
 * master that does not answer may still do it.
 */
#include "roster/request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

union fd_room {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static bool
send_with(int fd, const struct roster_request *r, int passed)
{
	union fd_room room;
	struct iovec iov = {(void *)(uintptr_t)r, sizeof(*r)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &room,
			   .msg_controllen = sizeof(room)};
	memset(&room, 0, sizeof(room));
	room.head.cmsg_level = SOL_SOCKET;
	room.head.cmsg_type = SCM_RIGHTS;
	room.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&room.head), &passed, sizeof(passed));
	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*r);
}

static bool
wait_for_answer(int fd, struct roster_answer *out)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, PATIENCE_MS) != 1)
		return false;
	bool is_whole = recv(fd, out, sizeof(*out), MSG_DONTWAIT) == sizeof(*out);
	out->text[sizeof(out->text) - 1] = '\0';
	return is_whole;
}

void
roster_ask(int fd, const struct roster_request *r, struct roster_answer *out)
{
	int ends[2];
	bool is_answered = false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
		bool is_sent = send_with(fd, r, ends[1]);
		close(ends[1]);
		is_answered = is_sent && wait_for_answer(ends[0], out);
		close(ends[0]);
	}
	if (is_answered)
		return;
	out->is_done = false;
	snprintf(out->text, sizeof(out->text), "The master does not answer.");
}

static int
passed_fd(struct msghdr *m)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(m);
	int fd = -1;
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

bool
roster_take(int fd, struct roster_request *out, int *reply_fd)
{
	for (;;) {
		union fd_room room;
		struct iovec iov = {out, sizeof(*out)};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &room,
				   .msg_controllen = sizeof(room)};
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		*reply_fd = passed_fd(&m);
		if (n == (ssize_t)sizeof(*out) && *reply_fd >= 0)
			break;
		if (*reply_fd >= 0)
			close(*reply_fd);
	}
	out->backend[sizeof(out->backend) - 1] = '\0';
	out->server[sizeof(out->server) - 1] = '\0';
	out->text[sizeof(out->text) - 1] = '\0';
	return true;
}

void
roster_reply(int reply_fd, const struct roster_answer *a)
{
	(void)send(reply_fd, a, sizeof(*a), MSG_NOSIGNAL | MSG_DONTWAIT);
	close(reply_fd);
}
