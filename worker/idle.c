/* SPDX-License-Identifier: MIT
 *
 * Idle server connections: who may take which, how long they stay, and what is known
 * about them. Worker. Why a connection is looked at before it is used, and what no look
 * can see: docs/decisions/004.
 */
#include "worker/idle.h"

#include <errno.h>
#include <stdio.h>
#include <syslog.h>

#include "config/retry.h"
#include "worker/origin.h"
#include "worker/pick/farm.h"
#include "worker/queue.h"

enum {
	IDLE_OWN_MAX = 5,     /* per client connection */
	IDLE_SEARCH_MAX = 16, /* for a proven one */
	IDLE_LOOK_STEPS =
		32, /* news of idle connections are at most so many events old */
	IDLE_DEATH_MIN_MS = 100, /* earlier ends are no idle timeouts */
	IDLE_DISTRUST_MS = 10 * 1000,
};

enum idle_right
idle_right(enum cfg_reuse mode, bool is_repeatable, bool is_first)
{
	if (mode == CFG_REUSE_NEVER)
		return IDLE_OWN;
	if (is_repeatable || !is_first)
		return IDLE_ANY;
	switch (mode) {
	case CFG_REUSE_NEVER:
	case CFG_REUSE_SAFE:
		return IDLE_OWN;
	case CFG_REUSE_AGGRESSIVE:
		return IDLE_PROVEN;
	case CFG_REUSE_ALWAYS:
		return IDLE_ANY;
	}
	return IDLE_OWN;
}

static uint64_t
idle_ms(const struct origin *o)
{
	return now_ms() - o->idle_since_ms;
}

void
idle_forget(struct origin *o)
{
	if (list_is_empty(&o->age_node))
		return;
	list_remove(&o->node);
	list_remove(&o->age_node);
	self.strict_idle_n -= o->slot != 0;
	o->srv->idle_n -= o->is_shared;
	o->is_shared = false;
	if (o->kept)
		queue_drop(o->srv->be, &o->kept);
}

void
idle_note_use(struct rt_server *srv)
{
	uint32_t used = srv->origins_n - srv->idle_n;
	if (used > srv->used_max)
		srv->used_max = used;
}

/* The shared one that has been idle for longest; NULL: none. */
static struct origin *
oldest(const struct rt_server *srv)
{
	const struct list *from = list_is_empty(&srv->idle) ? &srv->fresh : &srv->idle;
	return list_is_empty(from) ? NULL : list_entry(from->prev, struct origin, node);
}

static void
close_shared(struct rt_server *srv)
{
	struct origin *o;
	while ((o = oldest(srv)))
		origin_close(o);
}

/* --- how long they stay ------------------------------------------------------------- */

/* configuration.txt, pool-purge-delay: half of those that are not needed, judged by the
 * most that were in use at once of late. */
static void
purge(struct net_timer *timer)
{
	struct rt_server *srv = list_entry(timer, struct rt_server, purge_timer);
	uint32_t need = srv->used_max > srv->need_n ? srv->used_max : srv->need_n;
	uint32_t excess = srv->origins_n > need ? srv->origins_n - need : 0;
	srv->need_n = (srv->need_n + srv->used_max) / 2;
	if (srv->need_n < srv->used_max)
		srv->need_n = srv->used_max;
	srv->used_max = srv->origins_n - srv->idle_n;
	for (uint32_t n = (excess + 1) / 2; n > 0 && srv->idle_n > 0; n--)
		origin_close(oldest(srv));
	if (srv->idle_n)
		net_timer_set(self.loop, timer, now_ms() + srv->cfg->pool_purge_delay_ms);
}

void
idle_init(struct rt_server *srv)
{
	list_init(&srv->idle);
	list_init(&srv->fresh);
	net_timer_init(&srv->purge_timer, purge);
	srv->is_personal = origin_is_personal(srv->cfg);
	srv->keeps_idle = srv->cfg->pool_purge_delay_ms && srv->cfg->pool_max_conn != 0;
}

void
idle_retire(struct rt_server *srv)
{
	srv->keeps_idle = false;
	srv->is_out = true;
	close_shared(srv);
}

bool
idle_close_oldest(void)
{
	if (list_is_empty(&self.idle_origins))
		return false;
	origin_close(list_entry(self.idle_origins.next, struct origin, age_node));
	return true;
}

void
idle_close_all(void)
{
	while (idle_close_oldest())
		;
}

void
idle_leave(struct session *s)
{
	while (!list_is_empty(&s->own))
		origin_close(list_entry(s->own.next, struct origin, node));
}

static bool
is_out(const struct rt_server *srv)
{
	return !farm_state(srv).is_up;
}

/* Those of servers that have moved. Closing one closes no other. */
static void
close_outdated(void)
{
	struct list *next;
	for (struct list *n = self.idle_origins.next; n != &self.idle_origins; n = next) {
		struct origin *o = list_entry(n, struct origin, age_node);
		next = n->next;
		if (!origin_is_current(o))
			origin_close(o);
	}
}

void
idle_check(void)
{
	bool is_news = false;
	for (size_t i = 0; i < self.cfg->proxies_n; i++) {
		struct rt_backend *be = &self.backends[i];
		if (!be->cfg)
			continue;
		uint64_t version = atomic_load_explicit(&be->shm.backend->version,
							memory_order_acquire);
		if (version == be->idle_version)
			continue;
		be->idle_version = version;
		is_news = true;
		for (size_t j = 0; j < be->servers_n; j++) {
			struct rt_server *srv = be->servers[j];
			srv->is_out = is_out(srv);
			if (srv->is_out)
				close_shared(srv);
		}
	}
	if (is_news)
		close_outdated();
}

/* --- what is known about them ----------------------------------------------------- */

void
idle_distrust(struct rt_server *srv)
{
	char text[512];
	bool is_news = now_ms() >= srv->distrusted_until_ms;
	shm_count(&srv->shm, SHM_SERVER_surplus, 1);
	shm_count(&srv->be->shm, SHM_BACKEND_surplus, 1);
	srv->distrusted_until_ms = now_ms() + IDLE_DISTRUST_MS;
	close_shared(srv);
	if (!is_news)
		return;
	int n = snprintf(text, sizeof(text),
			 "Server %s/%s sent bytes that belong to no request; for %d s "
			 "no client gets a connection that served another.",
			 srv->be->cfg->name, srv->cfg->name, IDLE_DISTRUST_MS / 1000);
	logger_line(self.logger, srv->be->cfg->log_mask, LOG_WARNING,
		    span_of(text, (size_t)n));
}

static bool
is_distrusted(const struct rt_server *srv)
{
	return srv->distrusted_until_ms > now_ms();
}

enum look {
	LOOK_QUIET,
	LOOK_ENDED,
	LOOK_SURPLUS, /* bytes that no request has asked for */
};

static enum look
look(const struct origin *o)
{
	char byte;
	ssize_t r = recv(o->conn.watch.fd, &byte, 1, MSG_PEEK);
	if (r > 0)
		return LOOK_SURPLUS;
	return r < 0 && errno == EAGAIN ? LOOK_QUIET : LOOK_ENDED;
}

static void
drop(struct origin *o, enum look why)
{
	struct rt_server *srv = o->srv;
	origin_close(o);
	if (why == LOOK_SURPLUS)
		idle_distrust(srv);
}

void
idle_event(struct origin *o)
{
	struct rt_server *srv = o->srv;
	enum look seen = look(o);
	if (seen == LOOK_QUIET) {
		o->conn.is_readable = false; /* only writable again */
		return;
	}
	uint64_t ms = idle_ms(o);
	if (seen == LOOK_ENDED && ms >= IDLE_DEATH_MIN_MS &&
	    (!srv->idle_death_ms || ms < srv->idle_death_ms))
		srv->idle_death_ms = ms;
	drop(o, seen);
}

/* Whether the server may be closing a connection that has been idle for so long. An
 * estimate that another one has outlived twice was wrong: a restart closes them at any
 * age. */
static bool
is_near_death(struct rt_server *srv, uint64_t ms)
{
	if (!srv->idle_death_ms || ms <= srv->idle_death_ms / 2)
		return false;
	const struct origin *o = oldest(srv);
	if (!o || idle_ms(o) <= 2 * srv->idle_death_ms)
		return true;
	srv->idle_death_ms = 0;
	return false;
}

/* --- taking and keeping ------------------------------------------------------------- */

/* What was released before epoll was asked last may be used: it has been asked since, so
 * that surplus or a FIN right behind an answer is known, and never meets the next
 * request. */
static void
settle_fresh(struct rt_server *srv)
{
	uint64_t looks = net_loop_looks(self.loop);
	if (srv->fresh_look == looks)
		return;
	while (!list_is_empty(&srv->fresh)) {
		struct list *first = srv->fresh.prev;
		list_remove(first);
		list_add_front(&srv->idle, first);
	}
	srv->fresh_look = looks;
}

static struct origin *
own_of(const struct session *s, const struct rt_server *srv)
{
	for (struct list *n = s->own.next; n != &s->own; n = n->next) {
		struct origin *o = list_entry(n, struct origin, node);
		if (o->srv == srv && (!srv->is_personal || origin_suits(o, s->txn)))
			return o;
	}
	return NULL;
}

static struct origin *
shared_of(const struct session *s, const struct rt_server *srv, enum idle_right right)
{
	unsigned left = IDLE_SEARCH_MAX;
	if (right == IDLE_OWN)
		return NULL;
	for (struct list *n = srv->idle.next; n != &srv->idle && left > 0;
	     n = n->next, left--) {
		struct origin *o = list_entry(n, struct origin, node);
		if ((right == IDLE_ANY || o->requests_n >= 2) &&
		    (!srv->is_personal || origin_suits(o, s->txn)))
			return o;
	}
	return NULL;
}

/* Nothing has arrived, as far as epoll has told us a moment ago; who could not send the
 * request again looks for himself. */
static enum look
last_look(const struct origin *o, bool is_replayable)
{
	bool is_told = net_loop_look(self.loop, IDLE_LOOK_STEPS) &&
		       o->idle_look != net_loop_looks(self.loop) &&
		       !o->conn.watch.pending_n && !o->conn.is_hungup;
	return is_told && is_replayable ? LOOK_QUIET : look(o);
}

/* It can be sent again should the connection be dead: by itself, or because retry_on
 * covers all that can happen then. */
static bool
is_repeatable(const struct txn *t)
{
	enum { ALL = RETRY_CONN_FAILURE | RETRY_EMPTY_RESPONSE | RETRY_RESPONSE_TIMEOUT };
	const struct cfg_proxy *be = t->be->cfg;
	bool is_retried = (be->retry_on & ALL) == ALL && t->is_kept && !t->no_l7_retry &&
			  t->retries_left > 0;
	return is_retried || (be->reuse_repeatable && t->is_replayable);
}

struct origin *
idle_take(struct rt_server *srv, struct txn *t)
{
	const struct cfg_proxy *be = t->be->cfg;
	enum idle_right right =
		idle_right(be->http_reuse, is_repeatable(t), t->s->requests_n <= 1);
	struct origin *o;
	if (is_distrusted(srv))
		right = IDLE_OWN;
	settle_fresh(srv);
	while ((o = own_of(t->s, srv)) || (o = shared_of(t->s, srv, right))) {
		if (!origin_is_current(o)) {
			origin_close(o);
			continue;
		}
		if (is_near_death(srv, idle_ms(o)))
			return NULL; /* those behind it are older */
		enum look seen = last_look(o, t->is_replayable);
		if (seen == LOOK_QUIET) {
			idle_forget(o);
			idle_note_use(srv);
			return o;
		}
		drop(o, seen);
	}
	return NULL;
}

bool
idle_has(const struct rt_server *srv, const struct session *s)
{
	return !list_is_empty(&srv->idle) || !list_is_empty(&srv->fresh) ||
	       own_of(s, srv);
}

static void
keep_own(struct session *s, struct origin *o)
{
	unsigned n = 0;
	for (const struct list *at = s->own.next; at != &s->own; at = at->next)
		n++;
	if (n >= IDLE_OWN_MAX)
		origin_close(list_entry(s->own.prev, struct origin, node));
	list_add_front(&s->own, &o->node);
}

static void
keep_shared(struct rt_server *srv, struct origin *o)
{
	settle_fresh(srv);
	list_add_front(&srv->fresh, &o->node);
	o->is_shared = true;
	srv->idle_n++;
	if (!srv->purge_timer.deadline_ms)
		net_timer_set(self.loop, &srv->purge_timer,
			      now_ms() + srv->cfg->pool_purge_delay_ms);
}

/* Whether one more may be kept for everybody; pool_max_conn counts over all workers. */
static bool
may_share(struct rt_server *srv, struct origin *o)
{
	int32_t most = srv->cfg->pool_max_conn;
	return srv->keeps_idle && (most < 0 || queue_keep(srv, (uint32_t)most, &o->kept));
}

void
idle_put(struct origin *o, struct txn *t)
{
	struct rt_server *srv = o->srv;
	bool is_own = o->is_private || t->be->cfg->http_reuse == CFG_REUSE_NEVER ||
		      is_distrusted(srv);
	bool is_worn =
		srv->cfg->max_reuse >= 0 && o->requests_n > (uint32_t)srv->cfg->max_reuse;
	enum look seen = LOOK_QUIET;
	if (o->conn.is_hungup || o->conn.is_eof || o->conn.is_readable)
		seen = look(o);
	bool is_over = o->conn.is_shut || is_worn || srv->is_out || self.is_draining ||
		       !origin_is_current(o) || (o->slot && queue_has_waiters(srv));
	if (seen != LOOK_QUIET || is_over || (!is_own && !may_share(srv, o))) {
		drop(o, seen);
		return;
	}
	o->conn.is_readable = false;
	o->txn = NULL;
	o->idle_since_ms = now_ms();
	o->idle_look = net_loop_looks(self.loop);
	if (is_own)
		keep_own(t->s, o);
	else
		keep_shared(srv, o);
	list_add_back(&self.idle_origins, &o->age_node);
	if (o->slot) {
		self.strict_idle_n++;
		queue_idle();
	}
	net_conn_await(self.loop, &o->conn);
}
