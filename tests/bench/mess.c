/* SPDX-License-Identifier: MIT
 *
 * A client without manners: that many connections, each of which does one of a dozen
 * wrong (or right) things and leaves with a reset.
 *
 *   mess PORT CONNECTIONS
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4 };

#define GET  "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"

/* What is said, and whether some of the answer is waited for. */
static const struct {
	const char *text;
	int reads;
} manners[] = {
	{"", 0},
	{"G", 0},
	{"GET / HTTP/1.1\r\nHo", 0},
	{GET, 0},
	{GET, 1},
	{GET GET GET GET, 0},
	{GET GET GET GET, 1},
	{GET POST "Content-Length: 5\r\n\r\nabcdeGET / HT", 1},
	{POST "Content-Length: 100000\r\n\r\nabc", 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n5\r\nab", 0},
	{POST "Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz", 1},
	{POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
	{"\x16\x03\x01 no words", 1},
	{GET "garbage\r\n\r\n", 1},
};

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
connection(const struct sockaddr_in *to, unsigned nth)
{
	static const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	static const struct timeval patience = {.tv_sec = 10};
	unsigned which = nth % (sizeof(manners) / sizeof(manners[0]));
	size_t n = strlen(manners[which].text);
	char bytes[256];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		die("connect");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (n && send(fd, manners[which].text, n, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		die("send");
	if (manners[which].reads && recv(fd, bytes, sizeof(bytes), 0) < 0 &&
	    errno != ECONNRESET)
		die("recv");
	close(fd);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned each;
	int status, failed = 0;

	if (argc != 3) {
		fprintf(stderr, "usage: mess PORT CONNECTIONS\n");
		return 2;
	}
	to.sin_port = htons((unsigned short)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	each = (unsigned)atoi(argv[2]) / PROCESSES;
	for (unsigned p = 0; p < PROCESSES; p++) {
		if (fork() == 0) {
			for (unsigned i = 0; i < each; i++)
				connection(&to, i * PROCESSES + p + i / 3);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	return failed;
}
