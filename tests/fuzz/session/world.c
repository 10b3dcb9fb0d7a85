/* SPDX-License-Identifier: MIT
 *
 * The worker's surroundings: region, configuration, clock, peers. Only in the fuzz
 * target. net_connect() and the clocks are put in place of the real ones by the linker
 * (--wrap).
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/loading.h"
#include "lib/base/clock.h"
#include "lib/base/must.h"
#include "lib/net/proxy_header.h"
#include "master/geometry.h"
#include "shm/slots.h"
#include "worker/idle.h"
#include "worker/origin.h"

enum {
	ROUNDS = 4,
	TINY_BYTES = 1, /* the kernel rounds up to its least */
	POOR_BYTES = 96 * 1024,
	RICH_BYTES = 64 * 1024 * 1024,
};

struct world world;
static uint64_t clock_us = 1000000000000;
static int ends[CLIENTS_MAX + SERVERS_MAX]; /* descriptors weir was given */
static unsigned ends_n;
static char dir[] = "/dev/shm/weir-fuzz-XXXXXX";

/* Limits so short that a dozen seconds end every request; and at most so many wait in a
 * row on one connection. */
enum { FIRST_PORT = 1000 }; /* of the clients that headers name */
enum { ROUNDS_MAX = 400, ROUND_MS = 1500 };
static const char config[] =
	"global: {nbproc: 1, maxconn: 100}\n"
	"defaults:\n"
	"  mode: http\n"
	"  retries: 2\n"
	"  timeout: {connect: 1s, client: 3s, server: 3s, http_request: 2s,\n"
	"            http_keep_alive: 2s, tunnel: 4s}\n"
	"frontends:\n"
	"  plain: {bind: '127.0.0.1:1001', default_backend: app}\n"
	"  giving_up: {bind: '127.0.0.1:1002', default_backend: app,\n"
	"              option: [forwardfor, via]}\n"
	"  closing: {bind: '127.0.0.1:1003', default_backend: closing}\n"
	"  tunnel: {bind: '127.0.0.1:1004', mode: tcp, default_backend: tunnel}\n"
	"  told: {bind: {address: '127.0.0.1:1005', accept_proxy: true},\n"
	"         default_backend: telling}\n"
	"  told_tunnel: {bind: {address: '127.0.0.1:1006', accept_proxy: true},\n"
	"                mode: tcp, default_backend: telling_tunnel}\n"
	"backends:\n"
	"  app: {option: [abortonclose], servers: {a: '127.0.0.1:1'}}\n"
	"  closing: {option: [http_server_close], servers: {a: '127.0.0.1:1'}}\n"
	"  tunnel: {mode: tcp, servers: {a: '127.0.0.1:1'}}\n"
	"  telling: {http_reuse: always,\n"
	"            servers: {a: {address: '127.0.0.1:1', send_proxy: true}}}\n"
	"  telling_tunnel: {mode: tcp, servers: {a: {address: '127.0.0.1:1',\n"
	"                   send_proxy_v2: true, proxy_v2_options: crc32c}}}\n";

/* --- in place of the real ones ------------------------------------------------- */

uint64_t __wrap_clock_mono_us(void);
uint64_t __wrap_clock_mono_ms(void);
uint64_t __wrap_clock_wall_us(void);
int __wrap_net_connect(const struct addr *to, bool keepalive_probes);

uint64_t
__wrap_clock_mono_us(void)
{
	return clock_us += 10;
}

uint64_t
__wrap_clock_mono_ms(void)
{
	return __wrap_clock_mono_us() / 1000;
}

uint64_t
__wrap_clock_wall_us(void)
{
	return clock_us;
}

/* A connected pair: weir's end, and the peer that gets the other one. */
static int
pair(struct peer *p)
{
	int fd[2], size = TINY_BYTES;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	for (int i = 0; world.has_tiny_buffers && i < 2; i++)
		must(setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) == 0);
	struct heap in = p->in, out = p->out;
	*p = (struct peer){.fd = fd[1], .in = in, .out = out};
	p->in.n = p->out.n = 0;
	ends[ends_n++] = fd[0];
	return fd[0];
}

int
__wrap_net_connect(const struct addr *to, bool keepalive_probes)
{
	(void)to;
	(void)keepalive_probes;
	if (world.refuses || world.servers_n == SERVERS_MAX) {
		errno = ECONNREFUSED;
		return -1;
	}
	struct peer *p = &world.servers[world.servers_n++];
	int fd = pair(p);
	p->is_wild = world.is_tcp;
	return fd;
}

/* --- the worker ------------------------------------------------------------------ */

static uint64_t
never_sleep(void *arg, uint64_t at_ms)
{
	(void)arg;
	(void)at_ms;
	if (shm_gauge_is_unsettled(self.shm))
		must(shm_gauge_settle(self.shm));
	return 0;
}

static void
one_round(void *arg, uint64_t at_ms)
{
	(void)arg;
	(void)at_ms;
	net_loop_stop(self.loop);
}

static struct shm *
make_region(const struct cfg *cfg)
{
	struct shm_geometry g;
	char err[SHM_ERROR_BYTES], path[64];
	bool adopted;
	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/weir.shm", dir);
	must(geometry_of(cfg, &g, err) == 0);
	struct shm *s =
		shm_open_master(path, &g, true, false, (uint32_t)-1, &adopted, err);
	must(s);
	shm_commit(s, &g, 1);
	int slot = shm_slot_reserve(s, SHM_ROLE_WORKER, 0, 1);
	must(slot > 0);
	shm_child_enter(s, (uint32_t)slot);
	unlink(path);
	rmdir(dir);
	return s;
}

void
world_make(void)
{
	static const struct net_loop_hooks hooks = {.before_wait = never_sleep,
						    .after_wait = one_round};
	static struct worker_inherit inherit = {.workers_n = 1};
	struct cfg_request request = {0};
	struct cfg_errors *errors = NULL;
	inherit.cfg =
		cfg_load_text(&request, "session", config, sizeof(config) - 1, &errors);
	must(inherit.cfg);
	cfg_errors_free(&errors);
	inherit.shm = make_region(inherit.cfg);
	inherit.net.log_relay_fd = -1;
	worker_prepare(&inherit);
	worker_memory_init();
	self.loop = net_loop_new(&hooks);
	runtime_init();
}

/* --- peers ----------------------------------------------------------------------- */

void
heap_add(struct heap *h, const char *p, size_t n)
{
	if (h->n + n > h->cap) {
		h->cap = 2 * (h->n + n);
		h->bytes = realloc(h->bytes, h->cap);
		must(h->bytes);
	}
	if (n)
		memcpy(h->bytes + h->n, p, n);
	h->n += n;
}

void
peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void
peer_send(struct peer *p)
{
	while (p->fd >= 0 && p->sent < p->out.n) {
		ssize_t r = send(p->fd, p->out.bytes + p->sent, p->out.n - p->sent,
				 MSG_NOSIGNAL);
		if (r < 0 && errno == EAGAIN)
			return;
		if (r <= 0)
			break;
		p->sent += (size_t)r;
	}
	if (p->fd >= 0 && p->shuts)
		(void)shutdown(p->fd, SHUT_WR);
	if (p->closes)
		peer_close(p);
}

void
peer_receive(struct peer *p)
{
	char bytes[16 * 1024];
	while (p->fd >= 0 && !p->is_paused && !p->is_eof) {
		ssize_t r = recv(p->fd, bytes, sizeof(bytes), 0);
		if (r < 0 && errno == EAGAIN)
			return;
		if (r <= 0)
			p->is_eof = true;
		else
			heap_add(&p->in, bytes, (size_t)r);
	}
}

void
world_begin(struct circumstances c)
{
	enum { PLAIN_N = 4 };
	world.listener = &self.binds[c.is_proxied ? PLAIN_N + c.listener % 2
						  : c.listener % PLAIN_N];
	world.is_proxied = c.is_proxied;
	world.is_raw = c.is_raw;
	world.is_tcp = world.listener->fe->cfg->mode == CFG_MODE_TCP;
	world.clients_n = world.servers_n = 0;
	world.refuses = false;
	world.has_tiny_buffers = c.has_tiny_buffers;
	ends_n = 0;
	self.bufs.limit_bytes = c.is_poor ? POOR_BYTES : RICH_BYTES;
}

/* Every other one speaks version 2. */
static void
say_header(struct peer *p, unsigned client)
{
	char bytes[PROXY_HEADER_V1_BYTES];
	struct proxy_writer w = {.p = bytes, .cap = sizeof(bytes)};
	struct addr src;
	must(addr_parse(SPAN("192.0.2.1:1"), -1, &src, NULL) == ADDR_OK);
	addr_set_port(&src, (int)(FIRST_PORT + client));
	if (client % 2) {
		proxy_write_v2(&w, &src, &src);
		proxy_write_v2_end(&w);
	} else {
		proxy_write_v1(&w, &src, &src);
	}
	heap_add(&p->out, w.p, w.n);
}

unsigned
world_client_of(const struct addr *src)
{
	return src->kind == ADDR_INET ? (unsigned)(addr_port(src) - FIRST_PORT)
				      : CLIENTS_MAX;
}

void
world_connect(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (world.clients_n == CLIENTS_MAX)
		return;
	struct rt_listener *l = world.listener;
	struct peer *p = &world.clients[world.clients_n];
	int fd = pair(p);
	if (world.is_proxied && !world.is_raw)
		say_header(p, world.clients_n);
	world.clients_n++;
	must(shm_gauge_take(self.shm, self.global.gauge, 0) == SHM_TAKEN);
	must(shm_gauge_take(self.shm, l->fe->shm.gauge, 0) == SHM_TAKEN);
	must(shm_gauge_take(self.shm, l->shm.gauge, 0) == SHM_TAKEN);
	session_new(fd, l, (struct sockaddr *)&sa, sizeof(sa));
}

void
world_let_pass(uint64_t ms)
{
	clock_us += ms * 1000;
}

void
world_turn(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < world.clients_n; i++) {
			peer_send(&world.clients[i]);
			peer_receive(&world.clients[i]);
		}
		for (unsigned i = 0; i < world.servers_n; i++) {
			peer_receive(&world.servers[i]);
			peer_send(&world.servers[i]);
		}
		net_loop_run(self.loop);
	}
}

/* --- the end --------------------------------------------------------------------- */

static void
everybody_leaves(void)
{
	for (unsigned i = 0; i < world.clients_n; i++)
		peer_close(&world.clients[i]);
	for (unsigned i = 0; i < world.servers_n; i++)
		peer_close(&world.servers[i]);
}

/* What a worker learns about a server from one input must not count in the next. */
static void
forget(struct rt_server *srv)
{
	must(shm_gauge_cur(srv->shm.gauge) == 0);
	must(srv->origins_n == 0 && srv->idle_n == 0);
	srv->idle_death_ms = srv->distrusted_until_ms = 0;
	srv->used_max = srv->need_n = 0;
	srv->keeps_idle = false;
}

static void
expect_nothing_left(void)
{
	must(list_is_empty(&self.session_list) && self.conns_n == 0);
	must(self.sessions.used_n == 0 && self.txns.used_n == 0);
	must(self.session_ends.used_n == 0);
	must(self.origins.used_n == 0 && self.bufs.used_bytes == 0);
	must(self.pipes.free_n == self.pipes.total_n);
	must(shm_gauge_cur(self.global.gauge) == 0);
	for (size_t i = 0; i < self.cfg->binds_n; i++)
		must(shm_gauge_cur(self.binds[i].shm.gauge) == 0);
	for (size_t i = 0; i < self.cfg->proxies_n; i++) {
		if (self.frontends[i].cfg)
			must(shm_gauge_cur(self.frontends[i].shm.gauge) == 0);
		if (!self.backends[i].cfg)
			continue;
		must(shm_gauge_cur(self.backends[i].shm.gauge) == 0);
		forget(self.backends[i].servers[0]);
	}
	for (unsigned i = 0; i < ends_n; i++)
		must(fcntl(ends[i], F_GETFD) < 0);
}

/* Until nothing arrives any more: a large body through small buffers takes its turns. */
static void
settle(void)
{
	size_t before, now = 0;
	do {
		before = now;
		now = 0;
		world_turn();
		for (unsigned i = 0; i < world.clients_n; i++)
			now += world.clients[i].in.n + world.clients[i].sent;
		for (unsigned i = 0; i < world.servers_n; i++)
			now += world.servers[i].in.n + world.servers[i].sent;
	} while (now != before);
}

void
world_end(bool is_patient)
{
	settle();
	if (!is_patient)
		everybody_leaves();
	for (int i = 0; i < ROUNDS_MAX && !list_is_empty(&self.session_list); i++) {
		settle();
		world_let_pass(ROUND_MS);
	}
	must(list_is_empty(&self.session_list)); /* nothing waits for ever */
	idle_close_all();
	world_turn();
	everybody_leaves();
	expect_nothing_left();
}
