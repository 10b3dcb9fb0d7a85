/* SPDX-License-Identifier: MIT
 *
 * Server connections: opened, closed, their events. Worker.
 */
#include "worker/origin.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "worker/idle.h"
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
	if (o->slot)
		queue_give(o->srv, &o->slot);
	net_loop_bury(self.loop, &self.origins, o);
}

bool
origin_follows(const struct rt_server *srv)
{
	return srv->cfg->send_to_client_addr || srv->cfg->send_to_client_port;
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

bool
origin_suits(const struct origin *o, const struct session *client)
{
	struct addr wanted = address_for(o->srv->cfg, client), is;
	addr_from_sockaddr(&is, &o->to.sa, sizeof(o->to));
	return addr_eq(&wanted, &is);
}

struct origin *
origin_connect(struct rt_server *srv, const struct session *client)
{
	bool keepalive = srv->be->cfg->options & CFG_OPT_TCPKA;
	if (srv->cfg->addr.kind == ADDR_NONE) {
		errno = EHOSTUNREACH;
		return NULL;
	}
	struct addr to =
		origin_follows(srv) ? address_for(srv->cfg, client) : srv->cfg->addr;
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
	*o = (struct origin){.srv = srv};
	if (origin_follows(srv) && to.len <= sizeof(o->to))
		memcpy(&o->to, &to.u, to.len);
	net_conn_init(&o->conn, fd, origin_ready);
	o->conn.is_readable = false; /* servers speak second; the edge will tell */
	list_init(&o->node);
	list_init(&o->age_node);
	srv->origins_n++;
	idle_note_use(srv);
	return o;
}
