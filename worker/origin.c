/* SPDX-License-Identifier: MIT
 *
 * Server connections: opened, closed, their events. Worker.
 */
#include "worker/origin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "worker/idle.h"
#include "worker/introduction.h"
#include "worker/pick/farm.h"
#include "worker/queue.h"

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

void
origin_close(struct origin *o)
{
	idle_forget(o);
	o->srv->origins_n--;
	net_conn_close(&o->conn, false);
	buf_put(&self.bufs, &o->header);
	if (o->slot)
		queue_give(o->srv, &o->slot);
	net_loop_bury(self.loop, &self.origins, o);
}

static bool
follows(const struct cfg_server *c)
{
	return c->send_to_client_addr || c->send_to_client_port;
}

/* A server without an address or a port of its own gets the one the client connected to.
 */
static struct addr
address_for(const struct cfg_server *cfg, const struct session *client)
{
	struct addr to = cfg->addr;
	struct addr local = session_dst(client);
	int port = cfg->send_to_client_port ? addr_port(&local) + cfg->port_offset
					    : addr_port(&to);
	if (cfg->send_to_client_addr)
		to = local;
	addr_set_port(&to, port);
	return to;
}

static bool
leads_to(const struct origin *o, struct addr wanted)
{
	struct addr is;
	addr_from_sockaddr(&is, &o->to.sa, sizeof(o->to));
	return addr_eq(&wanted, &is);
}

/* Seldom asked, with much on its stack: not for every request to make room for. */
__attribute__((noinline)) bool
origin_suits(const struct origin *o, struct txn *t)
{
	const struct cfg_server *c = o->srv->cfg;
	char bytes[INTRODUCTION_BYTES];
	return (!follows(c) || leads_to(o, address_for(c, t->s))) &&
	       (!c->send_proxy.version ||
		span_eq(buf_span(o->header),
			introduction_write(t, &c->send_proxy, bytes)));
}

/* Its header, if it is to begin with one. false: no memory. */
static bool
prepare(struct origin *o, struct txn *t)
{
	const struct cfg_proxy_header *h = &o->srv->cfg->send_proxy;
	char bytes[INTRODUCTION_BYTES];
	if (!h->version)
		return true;
	struct span s = introduction_write(t, h, bytes);
	o->is_private = o->owes_header = true;
	return buf_append(&self.bufs, &o->header, s.p, s.n);
}

enum net_io
origin_introduce(struct origin *o, bool is_alone)
{
	struct span s = buf_span(o->header);
	size_t sent = 0;
	enum net_io io = is_alone ? net_conn_write(&o->conn, s.p + o->header_sent,
						   s.n - o->header_sent, &sent)
				  : net_conn_write_more(&o->conn, s.p + o->header_sent,
							s.n - o->header_sent, &sent);
	o->header_sent += (uint32_t)sent;
	o->owes_header = o->header_sent < s.n;
	return io;
}

struct origin *
origin_connect(struct rt_server *srv, struct txn *t)
{
	bool keepalive = srv->be->cfg->options & CFG_OPT_TCPKA;
	if (srv->cfg->addr.kind == ADDR_NONE) {
		errno = EHOSTUNREACH;
		return NULL;
	}
	uint32_t mark = shm_address_mark(&srv->shm); /* before it is read */
	struct addr to =
		follows(srv->cfg) ? address_for(srv->cfg, t->s) : farm_address(srv);
	if (to.kind == ADDR_NONE) {
		errno = EHOSTUNREACH;
		return NULL;
	}
	int fd = net_connect(&to, keepalive);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && idle_close_oldest())
		fd = net_connect(&to, keepalive);
	if (fd < 0)
		return NULL;
	struct origin *o = pool_get(&self.origins);
	if (!o) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	*o = (struct origin){.srv = srv, .address_mark = mark};
	if (follows(srv->cfg) && to.len <= sizeof(o->to))
		memcpy(&o->to, &to.u, to.len);
	net_conn_init(&o->conn, fd, origin_ready);
	o->conn.is_readable = false; /* servers speak second; the edge will tell */
	list_init(&o->node);
	list_init(&o->age_node);
	srv->origins_n++;
	idle_note_use(srv);
	if (!prepare(o, t)) {
		origin_close(o);
		errno = ENOMEM;
		return NULL;
	}
	return o;
}
