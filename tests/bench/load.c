/* SPDX-License-Identifier: MIT
 *
 * Client and origin of the repeatable checks in tests/bench: one epoll loop each, so
 * cheap that what is measured is the proxy between them.
 *
 *   load origin PORT [BODY_BYTES]          answers every request with that many bytes,
 *                                          on all addresses
 *   load client PORT REQUESTS [CONNECTIONS] [close]
 *                                          exactly REQUESTS requests; 0 if all were 200
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, FDS_MAX = 65536, HEAD_BYTES = 4096 };

static const char fields[] = "GET / HTTP/1.1\r\nHost: www.example.com\r\n"
			     "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
			     "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"
			     "Accept-Language: en-US,en;q=0.5\r\n"
			     "Accept-Encoding: gzip, deflate, br\r\n"
			     "Cookie: session=0123456789abcdef0123456789abcdef\r\n";

/* What is known of a connection, by descriptor. */
struct peer {
	char head[HEAD_BYTES]; /* the head so far */
	size_t head_bytes;
	size_t body_left; /* client: of the response */
	bool in_body;
};
static struct peer *peers[FDS_MAX];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int
loop_new(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		die("epoll_create1");
	return fd;
}

static void
watch(int loop, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	if (fd >= FDS_MAX) {
		fprintf(stderr, "load: too many connections\n");
		exit(1);
	}
	if (!peers[fd])
		peers[fd] = malloc(sizeof(struct peer));
	if (!peers[fd])
		die("malloc");
	peers[fd]->head_bytes = 0;
	peers[fd]->body_left = 0;
	peers[fd]->in_body = false;
	if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &ev) < 0)
		die("epoll_ctl");
}

static struct sockaddr_in
loopback(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)atoi(port));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* --- origin ----------------------------------------------------------------- */

static char *answer;
static size_t answer_bytes;

/* Requests here have no body: each empty line ends one. */
static void
origin_read(int fd)
{
	struct peer *p = peers[fd];
	ssize_t n = recv(fd, p->head + p->head_bytes, HEAD_BYTES - p->head_bytes, 0);
	char *from = p->head, *end;

	if (n <= 0) {
		close(fd);
		return;
	}
	p->head_bytes += (size_t)n;
	while ((end = memmem(from, p->head_bytes - (size_t)(from - p->head), "\r\n\r\n",
			     4))) {
		from = end + 4;
		if (send(fd, answer, answer_bytes, MSG_NOSIGNAL) !=
		    (ssize_t)answer_bytes) {
			close(fd);
			return;
		}
	}
	p->head_bytes -= (size_t)(from - p->head);
	memmove(p->head, from, p->head_bytes);
}

static void
origin(const char *port, size_t body_bytes)
{
	struct epoll_event evs[EVENTS_MAX];
	struct sockaddr_in a = loopback(port);
	int loop = loop_new(), one = 1;
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	answer = malloc(body_bytes + 200);
	if (!answer)
		die("malloc");
	answer_bytes =
		(size_t)sprintf(answer,
				"HTTP/1.1 200 OK\r\nServer: load\r\n"
				"Content-Type: text/html\r\nContent-Length: %zu\r\n\r\n",
				body_bytes);
	memset(answer + answer_bytes, 'x', body_bytes);
	answer_bytes += body_bytes;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(listener, 1024) < 0)
		die("listen");
	watch(loop, listener);
	for (;;) {
		int n = epoll_wait(loop, evs, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;

			if (fd != listener)
				origin_read(fd);
			else if ((fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
				watch(loop, fd);
		}
	}
}

/* --- client ------------------------------------------------------------------ */

struct run {
	int loop;
	struct sockaddr_in to;
	size_t requests, sent, done;
	bool close_mode;
	char request[HEAD_BYTES];
	size_t request_bytes;
};

static void
ask(struct run *r, int fd)
{
	peers[fd]->head_bytes = 0;
	peers[fd]->in_body = false;
	r->sent++;
	if (send(fd, r->request, r->request_bytes, MSG_NOSIGNAL) < 0)
		die("send");
}

static void
open_one(struct run *r)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&r->to, sizeof(r->to)) < 0)
		die("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(r->loop, fd);
	ask(r, fd);
}

/* A whole response has come: the next one, on this or on a new connection. */
static void
answered(struct run *r, int fd)
{
	r->done++;
	if (r->close_mode)
		close(fd);
	if (r->sent == r->requests)
		return;
	if (r->close_mode)
		open_one(r);
	else
		ask(r, fd);
}

/* The head is whole: checks the status, finds the length. */
static void
head_done(struct peer *p, char *body)
{
	const char *length;
	size_t have = p->head_bytes - (size_t)(body - p->head);

	*(body - 1) = 0;
	length = strcasestr(p->head, "\r\nContent-Length:");
	if (strncmp(p->head, "HTTP/1.1 200", 12) != 0 || !length) {
		fprintf(stderr, "load: unexpected answer: %s\n", p->head);
		exit(1);
	}
	p->body_left = strtoul(length + 17, NULL, 10);
	if (have > p->body_left) {
		fprintf(stderr, "load: more bytes than announced\n");
		exit(1);
	}
	p->body_left -= have;
	p->in_body = true;
}

static void
client_read(struct run *r, int fd)
{
	static char drain[1 << 16];
	struct peer *p = peers[fd];
	char *to = p->in_body ? drain : p->head + p->head_bytes;
	size_t room = p->in_body ? sizeof(drain) : HEAD_BYTES - p->head_bytes;
	ssize_t n = recv(fd, to, room, 0);
	char *end;

	if (n <= 0) {
		fprintf(stderr, "load: connection lost after %zu answers: %s\n", r->done,
			n < 0 ? strerror(errno) : "closed");
		exit(1);
	}
	if (p->in_body) {
		p->body_left -= (size_t)n;
	} else {
		p->head_bytes += (size_t)n;
		end = memmem(p->head, p->head_bytes, "\r\n\r\n", 4);
		if (!end)
			return;
		head_done(p, end + 4);
	}
	if (p->body_left == 0)
		answered(r, fd);
}

static int
client(const char *port, size_t requests, size_t connections, bool close_mode)
{
	struct epoll_event evs[EVENTS_MAX];
	struct timespec from, to;
	struct run r = {.requests = requests, .close_mode = close_mode};
	double seconds;

	r.request_bytes =
		(size_t)snprintf(r.request, sizeof(r.request), "%s%s\r\n", fields,
				 close_mode ? "Connection: close\r\n" : "");
	r.loop = loop_new();
	r.to = loopback(port);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (size_t i = 0; i < connections && r.sent < requests; i++)
		open_one(&r);
	while (r.done < requests) {
		int n = epoll_wait(r.loop, evs, EVENTS_MAX, 30000);

		if (n == 0) {
			fprintf(stderr, "load: no answer for 30 s after %zu\n", r.done);
			return 1;
		}
		for (int i = 0; i < n; i++)
			client_read(&r, evs[i].data.fd);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) +
		  (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%zu requests in %.3f s: %.0f/s\n", r.done, seconds,
	       (double)r.done / seconds);
	return 0;
}

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 3 && strcmp(argv[1], "origin") == 0) {
		origin(argv[2], argc > 3 ? strtoul(argv[3], NULL, 10) : 1000);
	} else if (argc >= 4 && strcmp(argv[1], "client") == 0) {
		return client(argv[2], strtoul(argv[3], NULL, 10),
			      argc > 4 ? strtoul(argv[4], NULL, 10) : 64,
			      argc > 5 && strcmp(argv[5], "close") == 0);
	}
	fprintf(stderr, "usage: load origin PORT [BODY_BYTES]\n"
			"       load client PORT REQUESTS [CONNECTIONS] [close]\n");
	return 2;
}
