/* SPDX-License-Identifier: MIT
 *
 * Checks by ICMP echo (RFC 792, RFC 4443 4). One socket per family for all of them,
 * opened before privileges are dropped: a ping socket where the system lets this group
 * have one (net.ipv4.ping_group_range), else a raw one. Answers are told apart by their
 * number; a cookie in the payload and the sender's address tell whether it is the answer
 * to this question. Runs in the checker; owns the sockets.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "checker/self.h"
#include "lib/base/must.h"

enum { NUMBERS_N = 1 << 16, READS_MAX = 256, BUFFER_BYTES = 1 << 20 };

/* Behind the type: the same layout in both versions. */
struct echo {
	uint8_t type, code;
	uint16_t checksum, id, number;
	uint64_t cookie[2];
};
_Static_assert(sizeof(struct echo) == 24, "8 bytes of header, 16 of payload");

static struct pinger {
	int family, protocol;
	uint8_t request, reply;
	bool is_raw;
	int error; /* why there is no socket */
	struct net_watch watch;
} pingers[] = {
	{AF_INET, IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY, false, 0, {.fd = -1}},
	{AF_INET6,
	 IPPROTO_ICMPV6,
	 ICMP6_ECHO_REQUEST,
	 ICMP6_ECHO_REPLY,
	 false,
	 0,
	 {.fd = -1}},
};
enum { PINGERS_N = sizeof(pingers) / sizeof(pingers[0]) };

static struct probe **asked; /* by number */
static uint16_t last_number;

/* --- sockets --------------------------------------------------------------------- */

/* A raw socket gets everybody's packets: only the answers, please. */
static void
filter(const struct pinger *g, int fd)
{
	uint32_t others = ~(1U << ICMP_ECHOREPLY);
	struct icmp6_filter f;
	ICMP6_FILTER_SETBLOCKALL(&f);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &f);
	if (g->family == AF_INET)
		(void)setsockopt(fd, SOL_RAW, ICMP_FILTER, &others, sizeof(others));
	else
		(void)setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &f, sizeof(f));
}

static void
open_pinger(struct pinger *g)
{
	const int flags = SOCK_NONBLOCK | SOCK_CLOEXEC, bytes = BUFFER_BYTES;
	int fd = socket(g->family, SOCK_DGRAM | flags, g->protocol);
	g->is_raw = fd < 0;
	if (fd < 0)
		fd = socket(g->family, SOCK_RAW | flags, g->protocol);
	g->error = errno;
	if (fd < 0)
		return;
	if (g->is_raw)
		filter(g, fd);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	g->watch.fd = fd;
}

static bool
is_wanted(const struct cfg *cfg)
{
	for (size_t i = 0; i < cfg->proxies_n; i++) {
		const struct cfg_proxy *p = cfg->proxies[i];
		if (p->check && p->check->kind == CFG_CHECK_ICMP)
			return true; /* also for servers that join */
		for (size_t k = 0; k < p->servers_n; k++) {
			const struct cfg_server *s = p->servers[k];
			if (s->check && s->healthcheck->kind == CFG_CHECK_ICMP)
				return true;
		}
	}
	return false;
}

void
icmp_prepare(const struct cfg *cfg)
{
	for (size_t i = 0; i < PINGERS_N && is_wanted(cfg); i++)
		open_pinger(&pingers[i]);
}

/* --- answers ---------------------------------------------------------------------- */

static void
make_cookie(const struct probe *p, uint64_t cookie[2])
{
	cookie[0] = p->start_us;
	cookie[1] = p->hash;
}

static bool
is_from(const struct probe *p, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;
	if (ss->ss_family != p->addr->u.sa.sa_family)
		return false;
	return ss->ss_family == AF_INET
		       ? in->sin_addr.s_addr == p->addr->u.in.sin_addr.s_addr
		       : memcmp(&in6->sin6_addr, &p->addr->u.in6.sin6_addr,
				sizeof(in6->sin6_addr)) == 0;
}

static void
take_answer(const struct pinger *g, struct span packet, const struct sockaddr_storage *ss)
{
	struct echo e;
	uint64_t cookie[2];
	if (g->is_raw && g->family == AF_INET) { /* with its IP header */
		size_t header = packet.n ? ((unsigned char)packet.p[0] & 0xfU) * 4 : 0;
		if (packet.n < header)
			return;
		packet = span_of(packet.p + header, packet.n - header);
	}
	if (packet.n != sizeof(e))
		return;
	memcpy(&e, packet.p, sizeof(e));
	struct probe *p = asked[ntohs(e.number)];
	if (e.type != g->reply || !p || !is_from(p, ss))
		return;
	make_cookie(p, cookie);
	if (memcmp(cookie, e.cookie, sizeof(cookie)) == 0)
		probe_finish_with(p, RESULT_l3_ok, "");
}

static void
ready(struct net_watch *w, uint32_t events)
{
	struct pinger *g = list_entry(w, struct pinger, watch);
	(void)events;
	for (int i = 0; i < READS_MAX; i++) { /* the watch is level-triggered */
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(w->fd, checker.scratch, sizeof(checker.scratch), 0,
				     (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		take_answer(g, span_of(checker.scratch, (size_t)n), &from);
	}
}

/* --- questions --------------------------------------------------------------------- */

/* RFC 1071; of version 6 the kernel makes it. */
static uint16_t
checksum_of(const struct echo *e)
{
	uint16_t words[sizeof(*e) / 2];
	uint32_t sum = 0;
	memcpy(words, e, sizeof(*e));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static bool
take_number(struct probe *p)
{
	if (!asked)
		asked = must_calloc(NUMBERS_N, sizeof(*asked));
	for (int i = 0; i < NUMBERS_N; i++)
		if (!asked[++last_number]) {
			asked[last_number] = p;
			p->query_id = last_number;
			return true;
		}
	return false;
}

static int
ask(struct probe *p, const struct pinger *g)
{
	struct echo e = {.type = g->request,
			 .id = htons((uint16_t)getpid()),
			 .number = htons(p->query_id)};
	struct addr to = *p->addr;
	make_cookie(p, e.cookie);
	if (g->family == AF_INET)
		e.checksum = checksum_of(&e);
	addr_set_port(&to, 0);
	return sendto(g->watch.fd, &e, sizeof(e), MSG_NOSIGNAL, &to.u.sa, to.len) < 0
		       ? errno
		       : 0;
}

void
icmp_start(struct probe *p)
{
	struct pinger *g = &pingers[p->addr->kind == ADDR_INET6];
	p->phase = PROBE_TALKING;
	if (g->watch.fd < 0) {
		char info[PROBE_INFO_BYTES];
		snprintf(info, sizeof(info), "no ICMP socket: %s", strerror(g->error));
		probe_finish_with(p, RESULT_socket_error, info);
		return;
	}
	if (!g->watch.ready) {
		net_watch_init(&g->watch, g->watch.fd, ready);
		net_watch_set(checker.loop, &g->watch, EPOLLIN);
	}
	if (!take_number(p)) {
		probe_give_up(p, ENOBUFS);
		return;
	}
	probe_limit(p);
	int error = ask(p, g);
	if (error == ENOBUFS || error == EAGAIN || error == ENOMEM)
		probe_give_up(p, error);
	else if (error)
		probe_finish_with(p, RESULT_l3_connection, strerror(error));
}

void
icmp_end(struct probe *p)
{
	if (asked && asked[p->query_id] == p)
		asked[p->query_id] = NULL;
}
