/* SPDX-License-Identifier: MIT
 *
 * Talking to the running daemon: one line to control's socket, one answer. Commands
 * of the runtime API are handed on as they stand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

/* Control wants it at the end; people write it where they like. */
#define RUNTIME_ONLY "--runtime-only"

enum { ANSWER_TIMEOUT_S = 10 };

/* A socket that is connected, or -1 with errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
	if (strlen(path) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, path, strlen(path));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) != 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

static bool
receive_all(int fd, struct shm_text *answer)
{
	char piece[16384];
	for (;;) {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			return true;
		shm_text_add(answer, piece, (size_t)n);
	}
}

static enum cli_exit
cannot_connect(const char *path, bool is_quiet)
{
	int error = errno;
	if (error == EACCES || error == EPERM) {
		if (!is_quiet)
			cli_error("no permission to use the control socket %s", path);
		return CLI_PERMISSION;
	}
	if (!is_quiet)
		cli_error(
			"nobody answers at the control socket %s (%s): is weir running?",
			path, strerror(error));
	return CLI_FAILED;
}

/* The newline, and the file with it. */
static bool
send_end(int socket_fd, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} room = {.bytes = {0}};
	struct iovec iov = {(char[]){'\n'}, 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &room,
			   .msg_controllen = sizeof(room)};
	if (fd < 0)
		return send_all(socket_fd, "\n", 1);
	room.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
				     .cmsg_level = SOL_SOCKET,
				     .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&room.head), &fd, sizeof(fd));
	return sendmsg(socket_fd, &m, MSG_NOSIGNAL) == 1;
}

enum cli_exit
cli_ask(const char *path, const char *line, bool is_quiet, struct shm_text *answer)
{
	return cli_ask_with(path, line, -1, is_quiet, answer);
}

enum cli_exit
cli_ask_with(const char *path, const char *line, int file_fd, bool is_quiet,
	     struct shm_text *answer)
{
	int fd = connect_to(path);
	if (fd < 0)
		return cannot_connect(path, is_quiet);
	bool is_done = send_all(fd, line, strlen(line)) && send_end(fd, file_fd) &&
		       receive_all(fd, answer);
	int error = errno;
	close(fd);
	if (is_done && !answer->failed)
		return CLI_OK;
	if (!is_quiet)
		cli_error("the control socket %s broke off: %s", path,
			  answer->failed    ? "out of memory"
			  : error == EAGAIN ? "no answer within 10 s"
					    : strerror(error));
	return CLI_FAILED;
}

const char *
cli_socket(struct cli *c, struct shm_info *info)
{
	if (c->socket_path)
		return c->socket_path;
	shm_info(c->shm, info);
	return info->control_socket[0] ? info->control_socket : NULL;
}

/* --- commands that are handed on ---------------------------------------- */

/* Words as control splits them again. */
static void
put_word(struct shm_text *line, const char *word)
{
	if (line->n)
		shm_text_char(line, ' ');
	for (; *word; word++) {
		if (*word == '\n')
			continue;
		if (strchr(" \t;\\", *word))
			shm_text_char(line, '\\');
		shm_text_char(line, *word);
	}
}

/* How an answer begins that is a refusal, and what that means to a script. */
static const struct {
	const char *begins;
	enum cli_exit code;
} refusals[] = {
	{"Permission denied", CLI_PERMISSION},
	{"Unknown command", CLI_USAGE},
	{"usage:", CLI_USAGE},
	{"Require ", CLI_USAGE},
	{"No such ", CLI_FAILED},
	{"Can't find ", CLI_FAILED},
};

/* Commands that change something answer nothing when it is done. */
static enum cli_exit
verdict(const char *command, const struct shm_text *answer)
{
	const char *text = answer->n ? answer->bytes : "";
	bool changes = strcmp(command, "show") != 0 && strcmp(command, "get") != 0 &&
		       strncmp(command, "help", 4) != 0;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strncmp(text, refusals[i].begins, strlen(refusals[i].begins)) == 0)
			return refusals[i].code;
	}
	return changes && text[strspn(text, "\n")] ? CLI_FAILED : CLI_OK;
}

enum cli_exit
cli_find_socket(struct cli *c, struct shm_info *info, const char **path)
{
	if (!c->socket_path) {
		enum cli_exit rc = cli_attach(c);
		if (rc != CLI_OK)
			return rc;
	}
	*path = cli_socket(c, info);
	if (*path)
		return CLI_OK;
	cli_error("the daemon has no control socket; set global.stats.socket, or name "
		  "one with -S");
	return CLI_FAILED;
}

static enum cli_exit
forward(struct cli *c, struct shm_text *line)
{
	struct shm_text answer = {0};
	struct shm_info info;
	const char *path = NULL;
	enum cli_exit rc = cli_find_socket(c, &info, &path);
	if (rc == CLI_OK)
		rc = cli_ask(path, line->bytes, false, &answer);
	if (rc != CLI_OK)
		goto out;
	/* the empty line at the end belongs to the protocol */
	while (answer.n && answer.bytes[answer.n - 1] == '\n')
		answer.bytes[--answer.n] = '\0';
	if (answer.n)
		shm_text_char(&answer, '\n');
	rc = verdict(c->command, &answer);
	if (rc == CLI_OK)
		rc = cli_print(&answer);
	else
		fwrite(answer.bytes, 1, answer.n, stderr);
out:
	shm_text_fini(&answer);
	return rc;
}

enum cli_exit
cli_forward(struct cli *c)
{
	struct shm_text line = {0};
	bool is_passing = false;
	put_word(&line, c->command);
	for (size_t i = 0; i < c->words_n; i++) {
		if (strcmp(c->words[i], RUNTIME_ONLY) == 0)
			is_passing = true;
		else
			put_word(&line, c->words[i]);
	}
	if (is_passing)
		put_word(&line, RUNTIME_ONLY);
	enum cli_exit rc = line.failed ? CLI_FAILED : forward(c, &line);
	shm_text_fini(&line);
	return rc;
}

enum cli_exit
cli_help_api(struct cli *c)
{
	struct shm_text line = {0};
	shm_text_str(&line, "help");
	enum cli_exit rc = line.failed ? CLI_FAILED : forward(c, &line);
	shm_text_fini(&line);
	return rc;
}
