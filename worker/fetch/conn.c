/* SPDX-License-Identifier: MIT
 *
 * Fetches of connections: addresses, ports, what the kernel knows, names of the proxies
 * they belong to (configuration.txt 7.3.3). Worker.
 */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "worker/fetch/fetch.h"
#include "worker/origin.h"

/* --- addresses -----------------------------------------------------------------------
 */

bool
give_ip(struct expr_sample *s, const struct addr *a)
{
	if (a->kind == ADDR_INET) {
		s->type = EXPR_IPV4;
		s->ipv4 = a->u.in.sin_addr;
		return true;
	}
	if (a->kind != ADDR_INET6)
		return false;
	s->type = EXPR_IPV6;
	s->ipv6 = a->u.in6.sin6_addr;
	return true;
}

static bool
give_port(struct expr_sample *s, const struct addr *a)
{
	bool has_port = a->kind == ADDR_INET || a->kind == ADDR_INET6;
	return has_port && give_int(s, addr_port(a));
}

typedef int name_fn(int fd, struct sockaddr *sa, socklen_t *len);

static struct addr
name_of(int fd, name_fn *ask)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr a = {.kind = ADDR_NONE};
	if (fd >= 0 && ask(fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&a, (struct sockaddr *)&ss, len);
	return a;
}

static int
client_fd(const struct expr_context *c)
{
	return context_of(c)->s->client.watch.fd;
}

/* -1: there is no connection to a server. */
static int
server_fd(const struct expr_context *c)
{
	const struct txn *t = context_of(c)->t;
	return t && t->origin ? t->origin->conn.watch.fd : -1;
}

FETCH_FN(src)
{
	return give_sockaddr_ip(s, &context_of(c)->s->peer);
}

FETCH_FN(src_port)
{
	return give_sockaddr_port(s, &context_of(c)->s->peer);
}

FETCH_FN(dst)
{
	struct addr a = session_dst(context_of(c)->s);
	return give_ip(s, &a);
}

FETCH_FN(dst_port)
{
	struct addr a = session_dst(context_of(c)->s);
	return give_port(s, &a);
}

static struct addr
addr_of(const union session_addr *sa)
{
	struct addr a;
	addr_from_sockaddr(&a, &sa->sa, sizeof(*sa));
	return a;
}

/* What rules of the connection say; those of a request do not count. */
static const union session_addr *
client_of_connection(const struct expr_context *c)
{
	const struct session *s = context_of(c)->s;
	const struct txn_set *set = s->txn ? s->txn->set : NULL;
	if (s->ends && s->ends->has_fc_src)
		return &s->ends->fc_src;
	return set && set->has_peer ? &set->peer : &s->peer;
}

FETCH_FN(fc_src)
{
	return give_sockaddr_ip(s, client_of_connection(c));
}

FETCH_FN(fc_src_port)
{
	return give_sockaddr_port(s, client_of_connection(c));
}

FETCH_FN(bc_src)
{
	struct addr a = name_of(server_fd(c), getsockname);
	return give_ip(s, &a);
}

FETCH_FN(bc_src_port)
{
	struct addr a = name_of(server_fd(c), getsockname);
	return give_port(s, &a);
}

FETCH_FN(bc_dst)
{
	struct addr a = name_of(server_fd(c), getpeername);
	return give_ip(s, &a);
}

FETCH_FN(bc_dst_port)
{
	struct addr a = name_of(server_fd(c), getpeername);
	return give_port(s, &a);
}

/* Whether the kernel would let us bind to it: then it is ours. */
static bool
give_is_local(struct expr_sample *s, struct addr a)
{
	if (a.kind == ADDR_UNIX)
		return give_bool(s, true);
	if (a.kind != ADDR_INET && a.kind != ADDR_INET6)
		return false;
	addr_set_port(&a, 0);
	int fd = socket(a.u.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool is_local = bind(fd, &a.u.sa, a.len) == 0;
	close(fd);
	return give_bool(s, is_local);
}

FETCH_FN(src_is_local)
{
	return give_is_local(s, addr_of(&context_of(c)->s->peer));
}

FETCH_FN(fc_src_is_local)
{
	return give_is_local(s, addr_of(client_of_connection(c)));
}

FETCH_FN(dst_is_local)
{
	return give_is_local(s, session_dst(context_of(c)->s));
}

FETCH_FN(fc_dst)
{
	struct addr a = session_dst_of_connection(context_of(c)->s);
	return give_ip(s, &a);
}

FETCH_FN(fc_dst_port)
{
	struct addr a = session_dst_of_connection(context_of(c)->s);
	return give_port(s, &a);
}

FETCH_FN(fc_dst_is_local)
{
	return give_is_local(s, session_dst_of_connection(context_of(c)->s));
}

bool
give_hash_src(const struct expr_context *c, struct expr_sample *s, uint32_t hash)
{
	struct addr a = addr_of(&context_of(c)->s->peer);
	char *p = expr_scratch_take(c->scratch, 20);
	uint32_t wire = htonl(hash);
	if (!p)
		return false;
	memcpy(p, &wire, 4);
	size_t n = 4;
	if (a.kind == ADDR_INET) {
		memcpy(p + n, &a.u.in.sin_addr, 4);
		n += 4;
	} else if (a.kind == ADDR_INET6) {
		memcpy(p + n, &a.u.in6.sin6_addr, 16);
		n += 16;
	} else {
		return false;
	}
	expr_set_str(s, span_of(p, n));
	s->type = EXPR_BIN;
	return true;
}

/* --- what the kernel knows ------------------------------------------------------------
 */

static bool
tcp_info(int fd, struct tcp_info *out)
{
	socklen_t len = sizeof(*out);
	memset(out, 0, sizeof(*out));
	return fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, out, &len) == 0;
}

/* The unit's choices: us, ms. */
static bool
give_us(struct expr_sample *s, const struct expr_arg *unit, uint32_t us)
{
	bool is_ms = unit->kind == EXPR_ARG_NONE || unit->integer == 1;
	return give_int(s, is_ms ? us / 1000 : us);
}

FETCH_FN(fc_rtt)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_us(s, args, i.tcpi_rtt);
}

FETCH_FN(fc_rttvar)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_us(s, args, i.tcpi_rttvar);
}

FETCH_FN(bc_rtt)
{
	struct tcp_info i;
	return tcp_info(server_fd(c), &i) && give_us(s, args, i.tcpi_rtt);
}

FETCH_FN(bc_rttvar)
{
	struct tcp_info i;
	return tcp_info(server_fd(c), &i) && give_us(s, args, i.tcpi_rttvar);
}

FETCH_FN(fc_unacked)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_unacked);
}

FETCH_FN(fc_sacked)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_sacked);
}

FETCH_FN(fc_retrans)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_retrans);
}

FETCH_FN(fc_fackets)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_fackets);
}

FETCH_FN(fc_lost)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_lost);
}

FETCH_FN(fc_reordering)
{
	struct tcp_info i;
	return tcp_info(client_fd(c), &i) && give_int(s, i.tcpi_reordering);
}

FETCH_FN(fc_http_major)
{
	return !context_of(c)->s->is_tcp && give_int(s, 1);
}

FETCH_FN(bc_http_major)
{
	return server_fd(c) >= 0 && !context_of(c)->s->is_tcp && give_int(s, 1);
}

FETCH_FN(bc_reused)
{
	return server_fd(c) >= 0 && give_bool(s, context_of(c)->t->on_reused);
}

FETCH_FN(fc_timer_total)
{
	return give_int(s, (int64_t)((now_us() - context_of(c)->s->accepted_us) / 1000));
}

/* A moment of the monotonic clock as a date; the unit's choices: s, ms, us. */
static bool
give_date(struct expr_sample *s, const struct expr_arg *unit, uint64_t wall_us)
{
	static const uint64_t units[] = {1000000, 1000, 1};
	uint64_t per = units[unit->kind == EXPR_ARG_NONE ? 0 : unit->integer];
	return give_int(s, (int64_t)(wall_us / per));
}

FETCH_FN(accept_date)
{
	uint64_t age_us = now_us() - context_of(c)->s->accepted_us;
	return give_date(s, args, clock_wall_us() - age_us);
}

FETCH_FN(request_date)
{
	return context_of(c)->t && give_date(s, args, context_of(c)->t->wall_us);
}

/* --- names -----------------------------------------------------------------------------
 */

static const struct cfg_proxy *
frontend(const struct expr_context *c)
{
	return context_of(c)->s->bind->fe->cfg;
}

/* The frontend itself as long as no backend is chosen, as HAProxy has it. */
static const struct cfg_proxy *
backend(const struct expr_context *c)
{
	const struct txn *t = context_of(c)->t;
	return t && t->be ? t->be->cfg : frontend(c);
}

FETCH_FN(fe_name)
{
	return give_text(s, frontend(c)->name);
}

FETCH_FN(fe_id)
{
	return give_int(s, frontend(c)->id);
}

FETCH_FN(fe_defbe)
{
	const struct cfg_proxy *be = frontend(c)->default_backend;
	return be && give_text(s, be->name);
}

FETCH_FN(fe_client_timeout)
{
	return give_int(s, (int64_t)frontend(c)->timeout.client_ms);
}

FETCH_FN(fe_tarpit_timeout)
{
	return give_int(s, (int64_t)frontend(c)->timeout.tarpit_ms);
}

FETCH_FN(be_name)
{
	return give_text(s, backend(c)->name);
}

FETCH_FN(be_id)
{
	return give_int(s, backend(c)->id);
}

FETCH_FN(be_connect_timeout)
{
	return give_int(s, (int64_t)backend(c)->timeout.connect_ms);
}

FETCH_FN(be_queue_timeout)
{
	return give_int(s, (int64_t)backend(c)->timeout.queue_ms);
}

FETCH_FN(be_server_timeout)
{
	return give_int(s, (int64_t)backend(c)->timeout.server_ms);
}

FETCH_FN(be_tarpit_timeout)
{
	return give_int(s, (int64_t)backend(c)->timeout.tarpit_ms);
}

FETCH_FN(be_tunnel_timeout)
{
	return give_int(s, (int64_t)backend(c)->timeout.tunnel_ms);
}

FETCH_FN(srv_name)
{
	const struct txn *t = context_of(c)->t;
	return t && t->srv && give_text(s, t->srv->cfg->name);
}

FETCH_FN(srv_id)
{
	const struct txn *t = context_of(c)->t;
	return t && t->srv && give_int(s, t->srv->cfg->id);
}

FETCH_FN(so_name)
{
	return give_text(s, context_of(c)->s->bind->cfg->name);
}

FETCH_FN(so_id)
{
	return give_int(s, context_of(c)->s->bind->cfg->index + 1);
}

FETCH_FN(dst_conn)
{
	return give_int(s, shm_gauge_cur(context_of(c)->s->bind->shm.gauge));
}
