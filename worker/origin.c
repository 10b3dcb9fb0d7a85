/* SPDX-License-Identifier: MIT
 *
 * Server connections and their pool. Worker.
 */
#include "worker/origin.h"

#include <errno.h>
#include <unistd.h>

enum { ORIGIN_IDLE_MAX_MS = 30 * 1000 };

static void
unpool(struct origin *o)
{
	list_remove(&o->node);
	list_remove(&o->age_node);
	o->srv->idle_n--;
}

void
origin_close(struct origin *o)
{
	if (!list_is_empty(&o->age_node))
		unpool(o);
	net_conn_close(&o->conn, false);
	net_loop_bury(self.loop, &self.origins, o);
}

/* An idle connection has news: the server closed it, or sent what nobody asked for. */
static void
idle_event(struct origin *o)
{
	uint64_t idle_ms = now_ms() - o->idle_since_ms;
	char byte;
	if (!o->conn.is_hungup && recv(o->conn.watch.fd, &byte, 1, MSG_PEEK) < 0 &&
	    errno == EAGAIN) {
		o->conn.is_readable = false; /* only writable again */
		return;
	}
	if (idle_ms >= 100 && (!o->srv->idle_death_ms || idle_ms < o->srv->idle_death_ms))
		o->srv->idle_death_ms = idle_ms;
	origin_close(o);
}

static void
origin_ready(struct net_watch *w, uint32_t events)
{
	struct origin *o = list_entry(w, struct origin, conn.watch);
	net_conn_note(&o->conn, events);
	if (o->txn)
		txn_run(o->txn);
	else if (o->conn.is_readable)
		idle_event(o);
}

/* What was released in an earlier round may be used: epoll has been asked since, so that
 * surplus or a FIN right behind an answer is known, and never meets the next request. */
static void
settle_fresh(struct rt_server *srv)
{
	if (srv->fresh_us == now_us())
		return;
	while (!list_is_empty(&srv->fresh)) {
		struct list *oldest = srv->fresh.prev;
		list_remove(oldest);
		list_add_front(&srv->idle, oldest);
	}
	srv->fresh_us = now_us();
}

/* Whether the server may be closing a connection that has been idle for so long. An
 * estimate that another one has outlived twice was wrong: a restart closes them at any
 * age. */
static bool
is_near_death(struct rt_server *srv, uint64_t idle_ms)
{
	if (!srv->idle_death_ms || idle_ms <= srv->idle_death_ms / 2)
		return false;
	const struct origin *oldest = list_entry(srv->idle.prev, struct origin, node);
	if (now_ms() - oldest->idle_since_ms <= 2 * srv->idle_death_ms)
		return true;
	srv->idle_death_ms = 0;
	return false;
}

struct origin *
origin_reuse(struct rt_server *srv, bool is_replayable, bool is_first)
{
	settle_fresh(srv);
	while (!list_is_empty(&srv->idle)) {
		struct origin *o = list_entry(srv->idle.next, struct origin, node);
		uint64_t idle_ms = now_ms() - o->idle_since_ms;
		if (!is_replayable && is_first && o->requests_n < 2)
			return NULL;
		if (is_near_death(srv, idle_ms))
			return NULL; /* those behind it are older */
		bool stale = o->conn.watch.is_pending || o->conn.is_hungup;
		if (!stale && !is_replayable) {
			/* cannot be sent twice: look once more before */
			char byte;
			stale = !(recv(o->conn.watch.fd, &byte, 1, MSG_PEEK) < 0 &&
				  errno == EAGAIN);
		}
		if (stale) {
			origin_close(o);
			continue;
		}
		unpool(o);
		return o;
	}
	return NULL;
}

/* A server without a port of its own gets the one the client connected to. */
static struct addr
address_for(const struct cfg_server *cfg, const struct session *client)
{
	struct addr to = cfg->addr;
	if (!cfg->send_to_client_port)
		return to;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr local = {.kind = ADDR_NONE};
	if (getsockname(client->client.watch.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&local, (struct sockaddr *)&ss, len);
	addr_set_port(&to, addr_port(&local) + cfg->port_offset);
	return to;
}

struct origin *
origin_connect(struct rt_server *srv, const struct session *client)
{
	bool keepalive = srv->be->cfg->options & CFG_OPT_TCPKA;
	if (srv->cfg->addr.kind == ADDR_NONE) {
		errno = EHOSTUNREACH;
		return NULL;
	}
	struct addr to = address_for(srv->cfg, client);
	int fd = net_connect(&to, keepalive);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) &&
	    !list_is_empty(&self.idle_origins)) {
		origin_close(list_entry(self.idle_origins.next, struct origin, age_node));
		fd = net_connect(&to, keepalive);
	}
	if (fd < 0)
		return NULL;
	struct origin *o = pool_get(&self.origins);
	if (!o) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	*o = (struct origin){.srv = srv};
	net_conn_init(&o->conn, fd, origin_ready);
	o->conn.is_readable = false; /* servers speak second; the edge will tell */
	list_init(&o->node);
	list_init(&o->age_node);
	return o;
}

void
origin_release(struct origin *o)
{
	char byte;
	bool quiet = !o->conn.is_hungup && !o->conn.is_eof;
	if (quiet && o->conn.is_readable)
		quiet = recv(o->conn.watch.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
	if (!quiet || o->conn.is_shut || self.is_draining) {
		origin_close(o);
		return;
	}
	o->conn.is_readable = false;
	o->txn = NULL;
	o->idle_since_ms = now_ms();
	settle_fresh(o->srv);
	list_add_front(&o->srv->fresh, &o->node);
	list_add_back(&self.idle_origins, &o->age_node);
	o->srv->idle_n++;
	net_conn_await(self.loop, &o->conn);
}

void
origin_sweep(bool everything)
{
	while (!list_is_empty(&self.idle_origins)) {
		struct origin *o =
			list_entry(self.idle_origins.next, struct origin, age_node);
		if (!everything && now_ms() - o->idle_since_ms < ORIGIN_IDLE_MAX_MS)
			return;
		origin_close(o);
	}
}
