/* SPDX-License-Identifier: MIT
 *
 * What the kernel alone takes for HTTP checks: the same calls on sockets that are used
 * again, in the same batches, and nothing else. Percent of a core on standard output.
 *
 *   floor PORT SERVERS SECONDS INTERVAL_MS
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { SOCKETS = 2048, BATCH_MS = 8, EVENTS = 256 };

static const char request[] = "GET / HTTP/1.0\r\n\r\n";
static int idle[SOCKETS], idle_n;
static char is_busy[1 << 16];

static double
now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* The addresses of checks.py. */
static void
start(uint32_t i, int port)
{
	const int off = 0;
	uint32_t host =
		127U << 24 | (1 + i / 62500) << 16 | (i / 250 % 250) << 8 | (1 + i % 250);
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(host)};
	int fd = idle[--idle_n];
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	(void)send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	is_busy[fd] = 1;
}

static void
finish(int fd)
{
	static char response[65536];
	const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	if (!is_busy[fd] || recv(fd, response, sizeof(response), 0) < 0)
		return;
	(void)connect(fd, &nobody, sizeof(nobody));
	is_busy[fd] = 0;
	idle[idle_n++] = fd;
}

int
main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	int port = atoi(argv[1]), loop = epoll_create1(0);
	double servers = atof(argv[2]), seconds = atof(argv[3]);
	double per_s = servers * 1000 / atof(argv[4]), began = now_s(), cpu = cpu_s();
	struct epoll_event ev[EVENTS];
	while (idle_n < SOCKETS) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
		if (fd < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e) < 0)
			return 1;
		idle[idle_n++] = fd;
	}
	uint32_t started = 0;
	while (now_s() - began < seconds) {
		int n = epoll_wait(loop, ev, EVENTS, BATCH_MS);
		for (int i = 0; i < n; i++)
			finish(ev[i].data.fd);
		double due = (now_s() - began) * per_s;
		if (due - started < per_s * BATCH_MS / 1000)
			continue;
		while (started < due && idle_n)
			start(started++ % (uint32_t)servers, port);
	}
	printf("%.1f\n", (cpu_s() - cpu) / (now_s() - began) * 100);
	return 0;
}
